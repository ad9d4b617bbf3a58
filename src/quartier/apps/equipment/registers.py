"""The registers of a meter for which nobody named them."""

from quartier.apps.equipment.models import Meter, Register

IMPLIED: dict[str, tuple[str, ...]] = {
    "consumption": ("import",),
    "grid": ("import", "export"),
    "production": ("export",),
    "battery": ("import", "export"),
}
"""By the meter's mode: seen from the meter's own place, so that what a plant produces is its
export and what a battery gives back is its export."""

_QUANTITY = {
    ("electricity", "register"): "1-1:{n}.8.0",
    ("electricity", "curve"): "1-1:{n}.29.0",
    ("electricity", "virtual"): "1-1:{n}.29.0",
    ("electricity", "sessions"): "1-1:{n}.29.0",
    "reactive": "1-1:{r}.8.0",
    "heat": "6-0:1.0.0",
    "cooling": "5-0:1.0.0",
    "hot_water": "9-0:1.0.0",
    "cold_water": "8-0:1.0.0",
}
_LITRES = ("hot_water", "cold_water")


def obis_of(medium: str, source: str, direction: str) -> str:
    """The OBIS code of a register that nobody named (rules.md b.2)."""
    pattern = _QUANTITY.get((medium, source)) or _QUANTITY[medium]
    is_export = direction == "export"
    return pattern.format(n=2 if is_export else 1, r=4 if is_export else 3)


def unit_of(medium: str) -> str:
    """What the meters of a medium count in."""
    return "l" if medium in _LITRES else "wh"


def implied_registers(meter: Meter) -> list[Register]:
    """Those that a meter of its mode has, not stored."""
    return [
        Register(
            site_id=meter.site_id,
            meter=meter,
            obis=obis_of(meter.medium, meter.source, direction),
            direction=direction,
            unit=unit_of(meter.medium),
        )
        for direction in IMPLIED[meter.mode]
    ]
