"""The Modbus part of docs/drivers.md."""

from quartier.drivers.head import Model
from quartier.drivers.modbus.outputs import OutputMap
from quartier.drivers.modbus.part import ModbusPart
from quartier.drivers.modbus.plan import plan
from quartier.drivers.modbus.registers import Register
from quartier.drivers.modbus.sunspec_points import Point


def tables(part: ModbusPart, models: tuple[Model, ...]) -> list[str]:
    """Lines of Markdown: the line settings, and the registers."""
    lines = [_line(part), ""]
    if part.registers:
        blocks = [len(plan(part.of_model(model), part.limits)) for model in models]
        few, many = min(blocks), max(blocks)
        times = f"{few}" if few == many else f"{few} to {many}"
        lines += [f"Requests a poll: {times}.", ""]
        lines += ["| OBIS code | address | function | type | unit | billed | models |", _RULE]
        lines += [_register(register) for register in part.registers]
    elif part.points:
        lines += ["| OBIS code or name | SunSpec models | offset | type | unit | billed |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [_point(point) for point in part.points]
    if part.outputs is not None:
        lines += ["", _relays(part.outputs)] if part.is_meter else [_relays(part.outputs)]
    return lines


def _relays(outputs: OutputMap) -> str:
    last = outputs.first + outputs.channels - 1
    where = f"address {outputs.first}" if outputs.channels == 1 else f"{outputs.first} to {last}"
    return (
        f"Relays: {outputs.channels}, {where}; switched by function {outputs.write} "
        f"({outputs.on} on, {outputs.off} off), read by function {outputs.read}. One that is "
        "closed stays closed when the gateway dies."
    )


_RULE = "|---|---|---|---|---|---|---|"


def _line(part: ModbusPart) -> str:
    set_so = f"{part.serial} baud when new" if part.serial else "not known"
    pause = f", {part.timing.pause_s:g} s between requests" if part.timing.pause_s else ""
    return f"Serial line: {set_so}; time-out {part.timing.timeout_s:g} s{pause}."


def _register(register: Register) -> str:
    kind = register.kind.value
    if register.order.value != "big":
        kind += f", {register.order.value}"
    scale = f" x {register.scale}" if register.scale != 1 else ""
    only = ", ".join(register.models) or (f"phase {register.phase}" if register.phase else "all")
    cells = (
        register.name,
        " + ".join(
            f"{one.address} (0x{one.address:04X})" for one in (register.place, *register.plus)
        ),
        str(register.place.function),
        kind,
        f"{register.unit}{scale}",
        "yes" if register.is_billing else "",
        only,
    )
    return f"| {' | '.join(cells)} |"


def _point(point: Point) -> str:
    register = point.register
    cells = (
        register.name,
        ", ".join(map(str, point.models)),
        str(register.place.address),
        register.kind.value,
        register.unit,
        "yes" if register.is_billing else "",
    )
    return f"| {' | '.join(cells)} |"
