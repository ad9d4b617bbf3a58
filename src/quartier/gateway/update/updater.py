"""Fetches the version that the platform asks for, checks it, and lets it be tried.

It is fetched in parts and goes on where it ended, so that a slow connection does. It is used only
when its size, its hash and the signature of the release are right and a start of its own says that
it can read what this gateway has on its disk.
"""

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from quartier.core.kernel.findings import Finding, error, info
from quartier.formats.uplink.software import Software
from quartier.gateway.agent import Agent
from quartier.gateway.update.archive import LIB, BadPackage, unpack, verify
from quartier.gateway.update.slots import Slots
from quartier.gateway.uplink import Failed

PACKAGE = "/api/gateway/package"
LOOKS_EVERY_S = 30.0
AGAIN_S = 900.0
"""After a failure that may pass."""
CONFIRMS_AFTER_S = 300.0
"""So long a version on trial has to have run, with an answer of the platform."""
CONFIRMS_WITHIN_S = 3600.0
CHECK_S = 60.0
KEY = Path("/usr/share/quartier-gateway/release-key.pem")
_PLACE = "software"
_CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from quartier import __version__
if __version__ != sys.argv[3]:
    sys.exit(f"it calls itself {__version__}")
from quartier.gateway.update.selfcheck import check
sys.exit(check(sys.argv[2]))
"""

Fetch = Callable[[str], Awaitable[bytes]]
"""Gives the body of a signed answer to a signed GET of a path; raises ``uplink.Failed``."""


class Refused(Exception):
    """The version is given up for this attempt; the text says why."""


@dataclass
class Updater:
    """``run`` ends when its task is cancelled. ``restart`` ends the program, which is started
    again by whoever started it; ``software`` is the version that runs."""

    agent: Agent
    fetch: Fetch
    slots: Slots
    restart: Callable[[], None]
    software: str
    key: Path = KEY

    async def run(self) -> None:
        """Confirm the version that runs, where it is on trial; then follow the platform."""
        clock = self.agent.recorder.timekeeper.clock
        for version in self.slots.damaged():
            self._event(_given_up(version))
        await self._prove()
        while True:
            wanted = self.agent.configuration.software if self.agent.configuration else None
            if wanted is None or wanted.version == self.software:
                self._hold([])
            elif self.slots.has_failed(wanted.version, wanted.attempt):
                self._hold([_given_up(wanted.version)])
            elif self.slots.is_outdated(wanted.version):
                self._hold([_refused(wanted.version, Refused("a newer one is installed here"))])
            elif await self._try(wanted):
                return
            await clock.sleep(LOOKS_EVERY_S)
            self.slots.settle()

    async def _prove(self) -> None:
        """A version on trial says that it is good when it has run for a while, every bus of it
        moves, and the platform has answered it. One that cannot in an hour ends itself."""
        if self.slots.state().trial != self.software:
            return
        clock = self.agent.recorder.timekeeper.clock
        begun_s = clock.monotonic()
        while True:
            await clock.sleep(LOOKS_EVERY_S)
            ran_s = clock.monotonic() - begun_s
            is_heard = self.agent.uplink.state.last_answer_at is not None
            if ran_s >= CONFIRMS_AFTER_S and is_heard and self.agent.is_alive:
                self.slots.confirm()
                self._event(_renewed(self.software))
                return
            if ran_s >= CONFIRMS_WITHIN_S:
                self.restart()
                return

    async def _try(self, wanted: Software) -> bool:
        """Whether the program was asked to start again, as the new version."""
        clock = self.agent.recorder.timekeeper.clock
        try:
            archive = await self._fetched(wanted)
            await asyncio.to_thread(self._unpacked, archive, wanted)
            await self._checked(wanted)
        except (Failed, OSError) as problem:
            self._hold([_later(wanted.version, problem)])
            await clock.sleep(AGAIN_S)
            return False
        except (Refused, BadPackage) as problem:
            self.slots.adopt(wanted.version, wanted.attempt)
            self.slots.give_up()
            self.slots.tidy()
            self._event(_refused(wanted.version, problem))
            return False
        self.slots.adopt(wanted.version, wanted.attempt)
        self.restart()
        return True

    async def _fetched(self, wanted: Software) -> Path:
        """The file, whole; what is there of it from before is not fetched again. Raises
        ``OSError`` where that was damaged, as a cut of power may leave it."""
        self.slots.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.slots.folder / f"{wanted.sha256}.part"
        for other in self.slots.folder.glob("*.part"):
            if other != path:
                other.unlink(missing_ok=True)
        done = before = path.stat().st_size if path.exists() else 0
        while done < wanted.size:
            part = await self.fetch(f"{PACKAGE}?sha256={wanted.sha256}&from={done}")
            if not part or done + len(part) > wanted.size:
                path.unlink(missing_ok=True)
                raise Refused("the platform sends another size than it says")
            with path.open("ab") as file:
                file.write(part)
            done += len(part)
        if done != wanted.size or await asyncio.to_thread(_sha256, path) != wanted.sha256:
            path.unlink(missing_ok=True)
            if before:
                raise OSError("what was there of it was damaged")
            raise Refused("what came is not what the platform has asked for")
        return path

    def _unpacked(self, archive: Path, wanted: Software) -> None:
        try:
            verify(archive, bytes.fromhex(wanted.signature), self.key)
            unpack(archive, self.slots.place(wanted.version), wanted.version)
        except OSError:  # as without room: what was fetched serves the next time
            raise
        except BaseException:
            archive.unlink(missing_ok=True)
            raise
        archive.unlink(missing_ok=True)

    async def _checked(self, wanted: Software) -> None:
        """A start of the new version that only looks. Raises :class:`Refused`."""
        lib = self.slots.place(wanted.version) / LIB
        home = self.slots.folder.parent
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", _CODE, str(lib), str(home), wanted.version),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(CHECK_S):
                _out, said = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise Refused(f"it did not check itself within {CHECK_S:.0f} s") from None
        if process.returncode != 0:
            last = said.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
            raise Refused(f"it cannot be used here ({last or process.returncode})")

    def _hold(self, findings: list[Finding]) -> None:
        self.agent.ledger.hold(_PLACE, findings, self._now())

    def _event(self, finding: Finding) -> None:
        self.agent.ledger.event(finding, self._now())

    def _now(self) -> datetime | None:
        keeper = self.agent.recorder.timekeeper
        return keeper.now() if keeper.is_set else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _renewed(version: str) -> Finding:
    return info("gateway.renewed", f"version {version} runs from now on.", where=_PLACE)


def _given_up(version: str) -> Finding:
    return error(
        "gateway.update_given_up",
        f"version {version} was given up; the one before runs.",
        where=_PLACE,
        remedy="Let another version be tried, or this one again.",
    )


def _refused(version: str, problem: Exception) -> Finding:
    return error(
        "gateway.update_refused",
        f"version {version} is not taken: {problem}.",
        where=_PLACE,
        remedy="Check how the version was built, signed and added to the platform.",
    )


def _later(version: str, problem: Exception) -> Finding:
    return info(
        "gateway.update_later",
        f"version {version} could not be fetched yet ({problem}).",
        where=_PLACE,
    )
