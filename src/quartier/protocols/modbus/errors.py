"""What can go wrong on a Modbus line, as one named error a cause.

Each says in its text what an electrician can check. ``where`` is added by who knows the meter.
"""

from quartier.core.kernel.findings import Finding, error
from quartier.protocols.wire.errors import LineError


class ModbusError(LineError):
    """Anything that kept an answer from being used."""

    code = "modbus.error"


class BadRequest(ModbusError, ValueError):
    """The request itself is not one that Modbus knows: our own fault or a wrong driver."""

    code = "modbus.bad_request"
    remedy = "Correct the address or the length in driver.toml."


class BadFrame(ModbusError, ValueError):
    """Bytes that are not the answer they should be."""

    code = "modbus.bad_frame"
    remedy = "Check baud rate, parity and the wires A, B and ground of the bus."


class BadChecksum(BadFrame):
    """A whole frame whose CRC is wrong."""

    code = "modbus.checksum"


class WrongLength(BadFrame):
    """A sound frame that brings more or fewer registers than were asked for."""

    code = "modbus.length"
    remedy = "Check the model: this register map does not fit the device."


class NoAnswer(ModbusError):
    """Silence until the time-out, on every try."""

    code = "modbus.no_answer"
    remedy = (
        "Check that the device has power, its address, baud rate and parity, and that A and B "
        "are not swapped."
    )


class Garbled(ModbusError):
    """Bytes came, but none of them was a frame, on every try."""

    code = "modbus.garbled"
    remedy = (
        "Check baud rate and parity of the device and of the converter, and that no two devices "
        "have the same address."
    )


class OtherAddress(ModbusError):
    """Another device answered, on every try."""

    code = "modbus.other_address"
    remedy = "Check the addresses on the bus: each must be there once."


class NoConnection(ModbusError):
    """The converter or the serial port cannot be reached."""

    code = "modbus.no_connection"
    remedy = "Check the network cable, the IP address and the port of the converter."


# MODBUS Application Protocol V1.1b3, section 7.
_REASONS = {
    1: "it does not know the function",
    2: "it has no such register",
    3: "it does not accept the number of registers",
    4: "it failed while reading",
    5: "it has accepted the request but needs more time",
    6: "it is busy",
    7: "it cannot do that",
    8: "its memory is damaged",
    10: "the converter has no path to the device",
    11: "the converter got no answer from the device",
}
_OF_THE_CONVERTER = {10, 11}
_PASSING = {5, 6, 10, 11}


class Refused(ModbusError):
    """The device (or the converter in its place) answered with an exception code."""

    code = "modbus.refused"

    def __init__(self, function: int, reason: int) -> None:
        self.function = function
        self.reason = reason
        text = _REASONS.get(reason, "it gives no reason that Modbus knows")
        super().__init__(f"the device refuses function {function}: {text} (exception {reason})")

    @property
    def is_address(self) -> bool:
        """Whether the registers asked for are not there."""
        return self.reason in {2, 3}

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.reason in _PASSING

    def finding(self, where: str) -> Finding:
        remedy = (
            "Check power, address, baud rate and parity of the device behind the converter."
            if self.reason in _OF_THE_CONVERTER
            else "Check the model: this register map does not fit the device."
        )
        return error(self.code, f"{self}.", where=where, remedy=remedy)
