"""One Shelly device as a line: each of its channels is a meter."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace

from quartier.core.kernel.findings import Finding, warning
from quartier.core.metering.momentary import Quantity, is_momentary, is_of_phase, quantity_of
from quartier.drivers.catalog import Family
from quartier.drivers.head import Model
from quartier.drivers.readers import BadDevice, LineSettings, Present, Taken
from quartier.drivers.shelly.outputs import ShellyOutput
from quartier.drivers.shelly.part import Register, ShellyPart
from quartier.drivers.shelly.reading import Reading, decode, wanted_of
from quartier.protocols.shelly.client import FIRST_STATUS, IDENTITY, STATUS, Client
from quartier.protocols.shelly.errors import ShellyError
from quartier.protocols.shelly.push import Push

_LONGEST = 60


class Line:
    """The device at a host and a port; it connects for each question. One of the second generation
    or later is listened to as well, and asked for its power only where it tells none."""

    def __init__(self, settings: LineSettings, monotonic: Callable[[], float]) -> None:
        if not settings.host:
            raise ValueError("a Shelly device is reached over the network; it needs a host")
        self.client = Client(settings.host, settings.port, settings.timeout_s)
        self.push = Push(settings.host, settings.port, settings.timeout_s, monotonic)
        self._monotonic = monotonic

    def reader(self, family: Family, _model: Model, address: str, name: str) -> "ChannelReader":
        """The channel ``address``, from 0. Raises :class:`BadDevice`."""
        part: ShellyPart = family.part
        if not (address.isascii() and address.isdecimal() and int(address) < part.channels):
            raise BadDevice(f"{address} is not a channel (0 to {part.channels - 1})")
        channel = int(address)
        push = None if part.generation == 1 else self.push
        if push is not None:
            for component, value in wanted_of(part, channel):
                push.want(component, value)
        return ChannelReader(self.client, self._monotonic, part, channel, name, push)

    def output(self, family: Family, _address: str, channel: int, name: str) -> ShellyOutput:
        """The relay ``channel``, from 0; the device has no other address than its host. Raises
        :class:`BadDevice`."""
        part: ShellyPart = family.part
        if not 0 <= channel < part.relays:
            raise BadDevice(f"{family.head.family} has no relay {channel + 1}")
        return ShellyOutput(self.client, channel, part.password, name)

    async def scan(self) -> AsyncIterator[Present]:
        """The device, if it is one. Raises ``ValueError``."""
        try:
            said = await self.client.ask(IDENTITY)
        except ShellyError as problem:
            raise ValueError(f"{problem}") from None
        words = [str(said[key]) for key in ("app", "model", "type", "mac") if key in said]
        about = ", ".join(word[:_LONGEST] for word in words if word.isprintable())
        yield Present("0", about or "-")

    def close(self) -> None:
        """Hang up; the next question connects again."""
        self.push.close()


@dataclass(frozen=True, slots=True)
class ChannelReader:
    """One channel of the device."""

    client: Client
    monotonic: Callable[[], float]
    part: ShellyPart
    channel: int
    name: str
    push: Push | None = None

    async def registers(self) -> Taken:
        """Its counting registers; none, and a finding, of a device that forgets its count."""
        taken = await self._taken(one for one in self.part.registers if one.is_billing)
        if taken.is_reached and self.part.is_forgetful:
            return replace(taken, findings=(*taken.findings, _forgetful(self.name)))
        return taken

    async def power(self) -> Taken:
        """Its power now, as it told of its own accord, or asked."""
        return await self._shown([one for one in self.part.registers if _is_power(one)])

    async def momentary(self) -> Taken:
        """What it shows of an instant, as it told of its own accord, or asked."""
        return await self._shown([one for one in self.part.registers if is_momentary(one.obis)])

    async def read(self, registers: Iterable[Register]) -> Reading:
        """``registers`` now. Never raises for what the device does."""
        try:
            path = FIRST_STATUS if self.part.generation == 1 else STATUS
            status = await self.client.ask(path, self.part.password, first_user=self.part.user)
        except ShellyError as problem:
            return Reading((), (problem.finding(self.name),), False)
        if self.push is not None:
            self.push.refresh(status)
        return decode(status, self.part, registers, self.channel, self.name)

    async def _shown(self, registers: list[Register]) -> Taken:
        told = self.push.status(self.part.password) if self.push else None
        if told is None:
            return await self._taken(registers)
        return self._of(decode(told, self.part, registers, self.channel, self.name))

    async def _taken(self, registers: Iterable[Register]) -> Taken:
        return self._of(await self.read(registers))

    def _of(self, read: Reading) -> Taken:
        return Taken(read.values, self.monotonic(), read.findings, read.is_reached, read.serial)


def _is_power(register: Register) -> bool:
    code = register.obis
    return is_momentary(code) and quantity_of(code) is Quantity.POWER and not is_of_phase(code)


def _forgetful(name: str) -> Finding:
    return warning(
        "shelly.forgetful",
        "this model loses its count at each power cut; its power is read, its energy is not.",
        where=name,
        remedy="Put a meter that keeps its count where energy is to be billed.",
    )
