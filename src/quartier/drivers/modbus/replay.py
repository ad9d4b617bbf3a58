"""Play back captured Modbus frames to the client and the driver, as a bus would.

A capture lists requests and answers as RTU frames in hex, whatever the line was. A request that
was captured gets its captured answer, byte for byte; another one is answered from the registers
that the captured answers hold, so that a capture stays good when the plan changes.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from quartier.drivers.catalog import Family
from quartier.drivers.modbus.outputs import ModbusOutput
from quartier.drivers.modbus.part import ModbusPart
from quartier.drivers.modbus.reading import Reading, device, poll
from quartier.drivers.modbus.sunspec import find_registers
from quartier.drivers.outputs import NotSwitched
from quartier.drivers.replay import BadCapture, Capture
from quartier.drivers.values import Value
from quartier.protocols.modbus import pdu, rtu
from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.errors import BadFrame, Refused
from quartier.protocols.modbus.framing import RtuFraming

_NO_SUCH_REGISTER = 2


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock a silent capture moves on: nobody sits out its time-outs."""

    skipped_s = 0.0

    def time(self) -> float:
        return super().time() + self.skipped_s

    def skip_to(self, at_s: float) -> None:
        self.skipped_s += max(0.0, at_s - self.time())


class CapturedLink:
    """A link whose far end is a capture; for the :class:`_Loop` of :func:`replay`."""

    def __init__(self, exchanges: Mapping[bytes, bytes]) -> None:
        self.name = "capture"
        self.is_open = False
        self._answers = dict(exchanges)
        self._registers = _registers(exchanges)
        self._pending = b""

    async def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False
        self._pending = b""

    def send(self, data: bytes) -> None:
        self._pending = self._answers.get(data) or self._answer(data)

    async def receive(self, until: float) -> bytes:
        data, self._pending = self._pending, b""
        if not data:  # nothing comes later
            loop = asyncio.get_running_loop()
            assert isinstance(loop, _Loop)
            loop.skip_to(until)
        return data

    def _answer(self, frame: bytes) -> bytes:
        unit, request_pdu = rtu.decode(frame)
        request = pdu.decode_request(request_pdu)
        places = [
            (unit, request.function, request.address + offset) for offset in range(request.count)
        ]
        try:
            values = [self._registers[place] for place in places]
        except KeyError:
            refusal = bytes([request.function | pdu.EXCEPTION, _NO_SUCH_REGISTER])
            return rtu.encode(unit, refusal)
        return rtu.encode(unit, pdu.encode_response(request, values))


def _registers(exchanges: Mapping[bytes, bytes]) -> dict[tuple[int, int, int], int]:
    known = {}
    for asked, answered in exchanges.items():
        unit, request_pdu = rtu.decode(asked)
        request = pdu.decode_request(request_pdu)
        try:
            values = pdu.decode_response(request, rtu.decode(answered)[1])
        except (BadFrame, Refused):
            continue  # what the device answered wrongly is played back as it was
        for offset, value in enumerate(values):
            known[unit, request.function, request.address + offset] = value
    return known


def replay(family: Family, capture: Capture) -> Reading:
    """What the driver makes of ``capture``. Raises :class:`BadCapture`."""
    part: ModbusPart = family.part
    model = family.head.model(capture.model)
    if model is None:
        known = ", ".join(one.name for one in family.head.models)
        raise BadCapture(f"the family has no model {capture.model!r}; it has: {known}")
    unit = capture.raw.get("unit", 1)
    if not isinstance(unit, int) or not 1 <= unit <= rtu.HIGHEST_UNIT:
        raise BadCapture("unit must be an address from 1 to 247")
    link = CapturedLink(_exchanges(capture.raw))

    async def run() -> Reading:
        bus = Bus(link, RtuFraming(), Timing(tries=1))
        if part.outputs is not None:
            relays = await _relays(bus, unit, part, _switched(capture.raw))
            if not part.is_meter:
                return relays
            read = await poll(bus, device(unit, family.head.family, part.of_model(model), part))
            return Reading(
                (*read.values, *relays.values),
                (*read.findings, *relays.findings),
                read.is_reached or relays.is_reached,
            )
        if not part.points:
            return await poll(bus, device(unit, family.head.family, part.of_model(model), part))
        registers, findings = await find_registers(bus, unit, part, model, f"device {unit}")
        if findings:
            return Reading((), findings, True)
        return await poll(bus, device(unit, family.head.family, registers, part))

    # No pauses: nothing here is a wire.
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(run())


def _switched(raw: Mapping[str, Any]) -> list[tuple[int, bool]]:
    """``switched`` of the capture: relays, from 1, and whether each is closed or opened."""
    listed = raw.get("switched", [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise BadCapture('switched must be a list such as ["1 on", "1 off"]')
    found = []
    for one in listed:
        relay, _, state = one.partition(" ")
        if not relay.isdecimal() or state not in ("on", "off"):
            raise BadCapture(f'switched: {one[:40]!r} is not written as "1 on" or "1 off"')
        found.append((int(relay) - 1, state == "on"))
    return found


async def _relays(
    bus: Bus, unit: int, part: ModbusPart, switched: list[tuple[int, bool]]
) -> Reading:
    """Switch as the capture says, and read the relays whose answers it holds."""
    assert part.outputs is not None, "who calls has looked"
    values, findings = [], []
    for relay, is_on in switched:
        output = ModbusOutput(bus, unit, part.outputs, relay, part.timing, f"relay {relay + 1}")
        try:
            await output.switch(is_on, 0)
        except NotSwitched as problem:
            findings.append(problem.finding)
    for relay in range(part.relays):
        output = ModbusOutput(bus, unit, part.outputs, relay, part.timing, f"relay {relay + 1}")
        try:
            is_on = await output.is_on()
        except NotSwitched as problem:
            if problem.finding.code != Refused.code:  # the capture does not ask for this one
                findings.append(problem.finding)
            continue
        values.append(Value(f"relay_{relay + 1}", None, Decimal(is_on), "1"))
    return Reading(tuple(values), tuple(findings), bool(values))


def _exchanges(raw: Mapping[str, Any]) -> dict[bytes, bytes]:
    listed = raw.get("exchange")
    if not isinstance(listed, list) or not listed:
        raise BadCapture("there is no [[exchange]]")
    exchanges = {}
    for number, one in enumerate(listed, 1):
        try:
            asked, answered = bytes.fromhex(one["request"]), bytes.fromhex(one["response"])
            pdu.decode_request(rtu.decode(asked)[1])
        except (KeyError, TypeError):
            raise BadCapture(f"exchange {number} needs request and response") from None
        except BadFrame as reason:
            raise BadCapture(f"exchange {number}: request: {reason}") from None
        except ValueError:
            raise BadCapture(f"exchange {number} is not in hex") from None
        exchanges[asked] = answered
    return exchanges
