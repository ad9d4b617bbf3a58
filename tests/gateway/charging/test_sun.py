"""The gateway's program, a relay and a station of another make: one order shares the sun."""

import asyncio

import pytest

from quartier.formats.uplink.stations import StationSettings
from quartier.gateway.program import station_server
from tests.counts import is_drill
from tests.gateway.charging.garage import FastClock, station, until
from tests.gateway.surplus.house import BASE_W, BOILER, House
from tests.servers.ports import free_port

CAR = StationSettings("car", "TACW1", is_free=True, priority=1)
BEHIND = BOILER[0]


class Street(House):
    """A house before which a real station stands, which the gateway serves itself."""

    car = None

    async def open_program(self):
        self.garage.open = station_server()
        await self.start()

    def grid_w(self):
        relays_w = sum(self.drawn_w[one] for one in self.relays.closed)
        car_w = self.car.watts(self.clock.now()) if self.car else 0
        return BASE_W + relays_w + car_w - self.sun(None)


@pytest.mark.drill
def test_the_car_has_what_is_left_and_the_boiler_the_rest(tmp_path):
    async def scenario():
        port = free_port()
        street = Street(
            tmp_path,
            sun=lambda _: BASE_W + 7000,
            station=CAR,
            clock=FastClock(40 if is_drill() else 60),
        )
        street.port = port
        street.configure(BEHIND)
        await street.open_program()
        telling = asyncio.create_task(asyncio.sleep(0))
        try:
            await until(lambda: street.agent.chargers and street.agent.chargers.server.is_open, 30)
            async with station(port) as car:
                await car.boot()
                await until(lambda: car.triggers)
                await car.plug_in()
                street.car = car
                car.car_a = 32
                await until(lambda: ("TxProfile", 10) in car.profiles, 30)
                assert street.relays.closed == set()
                car.car_a = 7
                telling = asyncio.create_task(tell(car, street))
                await until(lambda: street.relays.closed == {0}, 30)
                if is_drill():
                    street.sun = lambda _: 0
                    await until(lambda: ("TxProfile", 0) in car.profiles, 40)
                    await until(lambda: not street.relays.closed, 40)
        finally:
            street.car = None
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            await street.stop()

    asyncio.run(scenario())


async def tell(car, street):
    """The station says its power each minute."""
    while True:
        await car.tell_power(street.clock.now())
        await street.clock.sleep(60)
