"""A charging station with a car, simulated by the independent package ``ocpp``."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.client import connect

from quartier.gateway.timekeeper import SystemClock

VOLTS = 230


class FastClock(SystemClock):
    """Sixty seconds are one."""

    def __init__(self, times=60):
        self.times, self.begun_s = times, time.monotonic()
        self.began_at = datetime.now(UTC)

    def monotonic(self):
        return (time.monotonic() - self.begun_s) * self.times

    @property
    def truth(self):
        return self.began_at + timedelta(seconds=self.monotonic())

    def now(self):
        return self.truth

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / self.times)


class Car(ChargePoint):
    """Charges by the profiles that it is given: a limit while it holds, else the default."""

    def __init__(self, identity, socket, *, takes_profiles=True):
        super().__init__(identity, socket)
        self.takes_profiles = takes_profiles
        self.default_a, self.limit, self.profiles = 32, None, []
        self.keys, self.triggers = {}, []
        self.transaction = None
        self.car_a, self.phases = 16, 3

    @on("ChangeConfiguration")
    async def configure(self, key, value):
        self.keys[key] = value
        return call_result.ChangeConfiguration("Rejected" if "Aligned" in key else "Accepted")

    @on("TriggerMessage")
    async def trigger(self, requested_message, **_):
        self.triggers.append(requested_message)
        return call_result.TriggerMessage("Accepted")

    @on("SetChargingProfile")
    async def profile(self, connector_id, cs_charging_profiles):
        if not self.takes_profiles:
            return call_result.SetChargingProfile("NotSupported")
        given = cs_charging_profiles
        schedule = given["charging_schedule"]
        amperes = schedule["charging_schedule_period"][0]["limit"]
        self.profiles.append((given["charging_profile_purpose"], amperes))
        if given["charging_profile_purpose"] == "TxDefaultProfile":
            assert connector_id == 0
            self.default_a = amperes
        else:
            if given["transaction_id"] != self.transaction:
                return call_result.SetChargingProfile("Rejected")
            begun_at = datetime.fromisoformat(schedule["start_schedule"])
            self.limit = amperes, begun_at + timedelta(seconds=schedule["duration"])
        return call_result.SetChargingProfile("Accepted")

    def amperes(self, now):
        if self.transaction is None:
            return 0
        limit = self.limit[0] if self.limit and now < self.limit[1] else self.default_a
        return min(limit, self.car_a) if limit >= 6 else 0

    def watts(self, now):
        return self.amperes(now) * VOLTS * self.phases

    async def boot(self):
        told = call.BootNotification(charge_point_model="M", charge_point_vendor="V")
        return await self.call(told)

    async def say(self, status):
        about = {"error_code": "NoError", "status": status}
        await self.call(call.StatusNotification(connector_id=1, **about))

    async def plug_in(self, tag="04A1B2C3", meter_start=1000):
        await self.say("Preparing")
        told = await self.call(
            call.StartTransaction(
                connector_id=1,
                id_tag=tag,
                meter_start=meter_start,
                timestamp=datetime.now(UTC).isoformat(),
            )
        )
        if told.id_tag_info["status"] == "Accepted":
            self.transaction = told.transaction_id
            await self.say("Charging")
        return told

    async def unplug(self):
        stamp = datetime.now(UTC).isoformat()
        ending = call.StopTransaction(
            meter_stop=2000, timestamp=stamp, transaction_id=self.transaction
        )
        self.transaction = self.limit = None
        await self.call(ending)
        await self.say("Available")

    async def tell_power(self, now):
        value = {"value": f"{self.watts(now) / 1000:.3f}", "unit": "kW"}
        value["measurand"] = "Power.Active.Import"
        sample = {"timestamp": datetime.now(UTC).isoformat(), "sampled_value": [value]}
        await self.call(call.MeterValues(connector_id=1, meter_value=[sample]))


@contextlib.asynccontextmanager
async def station(port, identity="TACW1", **about):
    """A station that is connected."""
    url = f"ws://127.0.0.1:{port}/{identity}"
    more = {name: about.pop(name) for name in ("additional_headers",) if name in about}
    async with connect(url, subprotocols=["ocpp1.6"], **more) as socket:
        car = Car(identity, socket, **about)
        running = asyncio.create_task(car.start())
        try:
            yield car
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def until(condition, seconds=10):
    for _ in range(seconds * 100):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")
