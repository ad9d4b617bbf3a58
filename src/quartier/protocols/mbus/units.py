"""What a VIF says: the quantity of a record, its unit, and how its number is scaled.

Tables of EN 13757-3 (primary VIF, extensions FB and FD). Every unit is brought to a base unit by an
exact decimal factor: energy to Wh (or J), volume to litres, flow to l/h, durations to seconds.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final


class Form(Enum):
    """How the data of a record is to be read."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    """Bits, versions and counts."""
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Unit:
    """``quantity`` in ``unit``; the number sent times ``factor`` is the value."""

    quantity: str
    unit: str = ""
    factor: Decimal = Decimal(1)
    form: Form = Form.SIGNED


UNKNOWN: Final = Unit("unknown")
MANUFACTURER: Final = Unit("manufacturer_specific")
SECONDS: Final = (Decimal(1), Decimal(60), Decimal(3600), Decimal(86400))
"""Second, minute, hour, day: the order of all tables of durations."""
_LITRES = Decimal(1000)


def _ten(exponent: int) -> Decimal:
    return Decimal(1).scaleb(exponent)


def _steps(
    first: int, count: int, quantity: str, unit: str, exponent: int, times: Decimal = Decimal(1)
) -> dict[int, Unit]:
    """``count`` codes from ``first`` on, each 10 times the one before."""
    return {
        first + n: Unit(quantity, unit, (times * _ten(exponent + n)).normalize())
        for n in range(count)
    }


def _durations(first: int, quantity: str, start: int = 0) -> dict[int, Unit]:
    """Codes from ``first`` on for s, min, h, d, from the one with the number ``start``."""
    return {first + n: Unit(quantity, "s", factor) for n, factor in enumerate(SECONDS[start:])}


def _each(form: Form, **codes: int) -> dict[int, Unit]:
    return {code: Unit(quantity, form=form) for quantity, code in codes.items()}


PRIMARY: Final[dict[int, Unit]] = {
    **_steps(0x00, 8, "energy", "Wh", -3),
    **_steps(0x08, 8, "energy", "J", 0),
    **_steps(0x10, 8, "volume", "l", -6, _LITRES),
    **_steps(0x18, 8, "mass", "kg", -3),
    **_durations(0x20, "on_time"),
    **_durations(0x24, "operating_time"),
    **_steps(0x28, 8, "power", "W", -3),
    **_steps(0x30, 8, "power", "J/h", 0),
    **_steps(0x38, 8, "volume_flow", "l/h", -6, _LITRES),
    **_steps(0x40, 8, "volume_flow", "l/h", -7, _LITRES * 60),
    **_steps(0x48, 8, "volume_flow", "l/h", -9, _LITRES * 3600),
    **_steps(0x50, 8, "mass_flow", "kg/h", -3),
    **_steps(0x58, 4, "flow_temperature", "°C", -3),
    **_steps(0x5C, 4, "return_temperature", "°C", -3),
    **_steps(0x60, 4, "temperature_difference", "K", -3),
    **_steps(0x64, 4, "external_temperature", "°C", -3),
    **_steps(0x68, 4, "pressure", "bar", -3),
    **_each(Form.DATE, date=0x6C, time=0x6D),
    0x6E: Unit("heat_cost_allocator", "1"),
    **_durations(0x70, "averaging_duration"),
    **_durations(0x74, "actuality_duration"),
    **_each(Form.UNSIGNED, fabrication_number=0x78, identification=0x79, bus_address=0x7A),
}
"""By the VIF without its extension bit."""

FB: Final[dict[int, Unit]] = {
    **_steps(0x00, 2, "energy", "Wh", 5),
    **_steps(0x02, 2, "reactive_energy", "varh", 3),
    **_steps(0x08, 2, "energy", "J", 8),
    **_steps(0x10, 2, "volume", "l", 2, _LITRES),
    **_steps(0x14, 4, "reactive_power", "var", 0),
    **_steps(0x18, 2, "mass", "kg", 5),
    **_steps(0x1A, 2, "relative_humidity", "%", -1),
    **_steps(0x28, 2, "power", "W", 5),
    **_steps(0x2C, 4, "frequency", "Hz", -3),
    **_steps(0x30, 2, "power", "J/h", 8),
    **_steps(0x34, 4, "apparent_power", "VA", 0),
    **_steps(0x74, 4, "limit_temperature", "°C", -3),
    **_steps(0x78, 8, "greatest_power", "W", -3),
}
"""By the VIFE after FB. Units of feet, gallons and degrees Fahrenheit are not known here."""

FD: Final[dict[int, Unit]] = {
    **_steps(0x00, 4, "credit", "currency", -3),
    **_steps(0x04, 4, "debit", "currency", -3),
    **_each(
        Form.UNSIGNED,
        access_number=0x08,
        medium=0x09,
        manufacturer=0x0A,
        parameter_set=0x0B,
        model_version=0x0C,
        hardware_version=0x0D,
        firmware_version=0x0E,
        software_version=0x0F,
        customer_location=0x10,
        customer=0x11,
        error_flags=0x17,
        error_mask=0x18,
        digital_output=0x1A,
        digital_input=0x1B,
        baud_rate=0x1C,
        response_delay=0x1D,
        retries=0x1E,
        first_storage=0x20,
        last_storage=0x21,
        storage_block_size=0x22,
        storage_interval_months=0x28,
        storage_interval_years=0x29,
        count=0x3A,
        reset_counter=0x60,
        cumulation_counter=0x61,
        control_signal=0x62,
        day_of_week=0x63,
        week_number=0x64,
        parameter_activation=0x66,
        stops=0x75,
    ),
    **_durations(0x24, "storage_interval"),
    **_durations(0x2C, "since_last_readout"),
    0x30: Unit("tariff_start", form=Form.DATE),
    **_durations(0x31, "tariff_duration", 1),
    **_durations(0x34, "tariff_period"),
    **_steps(0x40, 16, "voltage", "V", -9),
    **_steps(0x50, 16, "current", "A", -12),
    **_durations(0x68, "since_last_cumulation", 2),
    **_durations(0x6C, "battery_time", 2),
    0x70: Unit("battery_change", form=Form.DATE),
    0x71: Unit("signal_strength", "dBm"),
    0x74: Unit("battery_left", "s", SECONDS[3], Form.UNSIGNED),
}
"""By the VIFE after FD."""
