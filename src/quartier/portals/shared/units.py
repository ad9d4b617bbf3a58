"""The unit in which people read what a register counts."""

from quartier.apps.equipment.models import Medium, Register

UNITS = ("kWh", "m³", "kvarh")


def unit_of(register: Register) -> str:
    """What a thousand of the register's unit are: m³ of water, kvarh, else kWh."""
    if register.unit == Register.Unit.LITRE:
        return UNITS[1]
    return UNITS[2] if register.meter.medium == Medium.REACTIVE else UNITS[0]
