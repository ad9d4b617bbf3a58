"""The Shelly part of docs/drivers.md."""

from quartier.drivers.head import Model
from quartier.drivers.shelly.part import Register, ShellyPart


def tables(part: ShellyPart, _models: tuple[Model, ...]) -> list[str]:
    """Lines of Markdown: the channels, and the places in the status."""
    channels = f"Channels: 0 to {part.channels - 1}" if part.channels > 1 else "Channel: 0"
    relays = " Each switches; one that is closed opens by itself soon after the gateway died."
    about = f"{channels}.{relays if part.has_relays else ''}"
    lines = [about, "", "| OBIS code | place | unit | billed |", "|---|---|---|---|"]
    return lines + [_register(register) for register in part.registers]


def _register(register: Register) -> str:
    billed = "yes" if register.is_billing else ""
    less = f" less `{register.minus}`" if register.minus else ""
    return f"| {register.obis} | `{register.path}`{less} | {register.unit} | {billed} |"
