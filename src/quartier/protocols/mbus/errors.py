"""What can go wrong on an M-Bus, as one named error a cause.

Each says in its text what an electrician can check. ``where`` is added by who knows the meter.
"""

from quartier.core.kernel.findings import Finding, error
from quartier.protocols.wire.errors import LineError


class MBusError(LineError):
    """Anything that kept an answer from being used."""

    code = "mbus.error"

    def finding(self, where: str) -> Finding:
        """This error as a finding about ``where``."""
        text = str(self)
        return error(self.code, text[:1].upper() + text[1:] + ".", where=where, remedy=self.remedy)


class BadRequest(MBusError, ValueError):
    """An address that no device can have: our own fault, or the settings'."""

    code = "mbus.bad_request"
    remedy = "Correct the address of the meter."


class BadFrame(MBusError, ValueError):
    """Bytes that look like a frame and are none."""

    code = "mbus.bad_frame"
    remedy = "Check the baud rate, the two wires of the bus and that no address is there twice."


class BadChecksum(BadFrame):
    """A whole frame whose checksum is wrong."""

    code = "mbus.checksum"


class HalfFrame(BadFrame):
    """A frame that began well and did not end."""

    code = "mbus.half_frame"
    remedy = (
        "Set a longer pause for this converter; if it stays, check the voltage and the length "
        "of the bus."
    )


class BadTelegram(MBusError, ValueError):
    """A sound frame whose content is not the data of a meter."""

    code = "mbus.bad_telegram"
    remedy = "Check the model: this device does not answer as an M-Bus meter does."


class Encrypted(BadTelegram):
    """The meter encrypts its records."""

    code = "mbus.encrypted"
    remedy = "Switch the encryption of the wired M-Bus off in the meter."


class NoAnswer(MBusError):
    """Silence until the time-out, on every try."""

    code = "mbus.no_answer"
    remedy = (
        "Check that the bus has about 36 V at the meter, the meter's address and its baud rate, "
        "and that the converter is set to the same baud rate."
    )


class Garbled(MBusError):
    """Bytes came, but none of them was a frame, on every try."""

    code = "mbus.garbled"
    remedy = (
        "Check the baud rate of the meter and of the converter, and that no two meters have "
        "the same address."
    )


class OtherDevice(MBusError):
    """Another device answered, on every try."""

    code = "mbus.other_device"
    remedy = "Check the addresses on the bus: each must be there once."


class NoData(MBusError):
    """The device acknowledges, but sends no data."""

    code = "mbus.no_data"
    remedy = "Read the meter again; if it stays, disconnect it from the bus for a minute."


class NoConnection(MBusError):
    """The converter or the serial port cannot be reached."""

    code = "mbus.no_connection"
    remedy = "Check the network cable, the IP address and the port of the converter."


# EN 13757-3, application errors of the slave.
_REASONS = {
    0: "it gives no reason",
    1: "it does not know the kind of request",
    2: "the request was too long, and was cut off",
    3: "the request has too many records",
    4: "a record of the request ends too early",
    5: "a record of the request has more than 10 DIFE",
    6: "a record of the request has more than 10 VIFE",
    8: "it is busy with another request",
    9: "it has been read too often; its battery is spared",
}
_BUSY = 8


class Refused(MBusError):
    """The device answered with an application error."""

    code = "mbus.refused"
    remedy = "Read the meter again in a minute."

    def __init__(self, reason: int) -> None:
        self.reason = reason
        text = _REASONS.get(reason, "it gives a reason that M-Bus does not know")
        super().__init__(f"the meter refuses: {text} (error {reason})")

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.reason == _BUSY
