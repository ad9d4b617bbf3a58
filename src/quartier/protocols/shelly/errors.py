"""What can go wrong between the gateway and a Shelly device, as one named error a cause."""

from quartier.protocols.wire.errors import LineError


class ShellyError(LineError):
    """Anything that kept an answer from being used."""

    code = "shelly.error"


class NoConnection(ShellyError):
    """Nobody answers at the address, or not in time."""

    code = "shelly.connection"
    remedy = "Check the network address, the power supply and the Wi-Fi of the device."


class BadPassword(ShellyError):
    """The device wants a password, or another one."""

    code = "shelly.password"
    remedy = "Fill in the password of the device where its meter is connected."


class BadAnswer(ShellyError):
    """An answer that is none of a Shelly device."""

    code = "shelly.answer"
    remedy = "Check that a Shelly of the generation that its driver names has this address."
