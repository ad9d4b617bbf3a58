"""What hangs in the meter room of the demo building: its gateway, what the gateway reads and
switches, and what is planned next."""

from datetime import date, datetime, timedelta
from typing import Any

from quartier.apps.equipment import steering
from quartier.apps.equipment.gateways import How, Wanted, add_bus, add_gateway, connect
from quartier.apps.equipment.models import (
    Appliance,
    Bus,
    CommunicationDevice,
    DistributionZone,
    Gateway,
    Meter,
)
from quartier.apps.equipment.pairing import draw_code, pair
from quartier.apps.sites.models import Site
from quartier.cli.demo.appliances import APPLIANCES, MODULE
from quartier.formats.uplink.pairing import PairingRequest

NAME = "lindenpark-keller"
_HOUSES = ("haus-a", "haus-b")
_FIRST_ADDRESS = {"netz": 10, "pv-dach": 101, "pv-garage": 102, "speicher": 103}
_METER = How("eastron_sdm630", "SDM630-Modbus")
_Kind, _State = CommunicationDevice.Kind, CommunicationDevice.State


def equip(site: Site, *, software: str, at: datetime, actor: str) -> Gateway:
    """A paired gateway that reads every meter of ``site`` and steers its appliances."""
    gateway = add_gateway(site, NAME, at=at, actor=actor)
    code = draw_code(gateway, at=at, actor=actor)
    gateway, _key = pair(PairingRequest(code, "0" * 32, software, "10000000c0ffee42"), at=at)
    buses = [
        add_bus(gateway, name, "modbus_rtu_tcp", {"host": host, "port": 4196}, at=at, actor=actor)
        for name, host in zip(_HOUSES, ("192.168.1.201", "192.168.1.202"), strict=True)
    ]
    _connect(site, buses, at, actor)
    _steer(site, buses[0], at, actor)
    _devices(site, gateway, at.date())
    return gateway


def _connect(site: Site, buses: list[Bus], at: datetime, actor: str) -> None:
    """Each house has a bus; the first one also has what belongs to both."""
    wanted: dict[Bus, list[Wanted]] = {bus: [] for bus in buses}
    for meter in Meter.objects.filter(site=site, source=Meter.Source.REGISTER).order_by("pk"):
        bus = buses[meter.name.startswith("Haus B")]
        number = _FIRST_ADDRESS.get(meter.ref, 11 + len(wanted[bus]))
        wanted[bus].append(Wanted(meter, str(number)))
    for bus, some in wanted.items():
        connect(bus, some, _METER, at=at, actor=actor)


def _steer(site: Site, bus: Bus, at: datetime, actor: str) -> None:
    rows = [
        Appliance(
            site=site,
            ref=one.ref,
            name=one.name,
            bus=bus,
            driver="waveshare_relay",
            address=MODULE,
            channels=list(one.channels),
            output="sg_ready" if one.sg_state else "relay",
            sg_state=one.sg_state,
            power_w=one.power_w,
            mode=one.mode.value,
            priority=one.priority,
            on_s=one.on_s,
            off_s=one.off_s,
            daily_s=one.daily_s,
            complete_by_minute=one.complete_by_minute,
            timer=[
                {
                    "weekdays": list(window.weekdays),
                    "from_minute": window.from_minute,
                    "to_minute": window.to_minute,
                }
                for window in one.timer
            ],
        )
        for one in APPLIANCES
    ]
    steering.save(rows, at=at, actor=actor)


def _devices(site: Site, gateway: Gateway, today: date) -> None:
    """The network that is there, and the garage's charging that is planned."""
    there = {"state": _State.INSTALLED, "installed_date": today - timedelta(days=400)}
    converter = {"manufacturer": "Waveshare", "model": "RS485 TO POE ETH (B)"}
    rows: list[tuple[str, str, str, str, str, dict[str, Any]]] = [
        ("router", "Router", _Kind.ROUTER_4G, "192.168.1.1", "Technikraum",
         {"manufacturer": "Teltonika", "model": "RUT241", **there}),
        *(
            (f"converter-{name}", f"Wandler {place}", _Kind.CONVERTER, host, place,
             converter | there)
            for name, place, host in zip(
                _HOUSES, ("Verteilung Haus A", "Verteilung Haus B"),
                ("192.168.1.201", "192.168.1.202"), strict=True)
        ),
        ("relais-heizung", "Relaismodul Heizung", _Kind.RELAY, "", "Heizraum",
         {"manufacturer": "Waveshare", "model": "Modbus RTU Relay", **there}),
        ("converter-garage", "Wandler Einstellhalle", _Kind.CONVERTER, "192.168.1.203",
         "Einstellhalle", {**converter, "state": _State.ORDERED}),
        ("wlan-waschkuche", "WLAN Waschküche", _Kind.ACCESS_POINT, "", "Waschküche Haus A", {}),
        ("leser-waschkuche-a", "Badge-Leser Waschküche A", _Kind.RFID_READER, "",
         "Waschküche Haus A", {}),
        ("leser-waschkuche-b", "Badge-Leser Waschküche B", _Kind.RFID_READER, "",
         "Waschküche Haus B", {}),
    ]  # fmt: skip
    CommunicationDevice.objects.bulk_create(
        CommunicationDevice(
            site=site, ref=ref, name=name, kind=kind, host=host, place=place, gateway=gateway,
            **more,
        )
        for ref, name, kind, host, place, more in rows
    )  # fmt: skip
    DistributionZone.objects.create(
        site=site, ref="einstellhalle", name="Einstellhalle", max_current_a=63
    )
