"""Sends what waits to the platform, and takes what to read from it.

Nothing is forgotten before a signed answer says that the platform has it on its disk. While the
platform is away, tries come ever more rarely, each at a random moment, so that a thousand gateways
do not all come back at once.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from quartier.core.kernel.findings import Finding, error, warning
from quartier.formats.uplink import answers, batch, reports
from quartier.formats.uplink.answers import Answer, Told
from quartier.formats.uplink.configuration import Configuration
from quartier.formats.uplink.signature import NotSigned, check, sign, signature_of
from quartier.formats.uplink.strict import BadMessage
from quartier.gateway.home import Home, Pairing, RefusedConfiguration
from quartier.gateway.noticed import Ledger
from quartier.gateway.recorder import Recorder
from quartier.gateway.transport import Reply, Send, Unreachable

BATCHES = "/api/gateway/batches"
CONFIGURATION = "/api/gateway/configuration"
REPORTS = "/api/gateway/reports"

EVERY_S = 60.0
INSPECTING_EVERY_S = 10.0
"""While somebody looks at the meters."""
REPORT_EVERY_S = 900.0
FIRST_DELAY_S = 5.0
LONGEST_DELAY_S = 900.0
MOST_AT_ONCE = 20_000

_PLACE = "platform"
_SYSTEM = secrets.SystemRandom()


class Failed(Exception):
    """This round ends here; ``finding`` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass
class State:
    """How it stands, for the local page."""

    last_answer_at: datetime | None = None
    failures: int = 0
    told: tuple[Told, ...] = ()


class Uplink:
    """One gateway's side. ``take`` is given each new configuration; ``draw`` gives numbers from
    0 to 1."""

    def __init__(
        self,
        pairing: Pairing,
        home: Home,
        recorder: Recorder,
        ledger: Ledger,
        send: Send,
        *,
        software: str,
        take: Callable[[Configuration], None],
        draw: Callable[[], float] = _SYSTEM.random,
    ) -> None:
        self.state = State()
        self._pairing = pairing
        self._home = home
        self._recorder = recorder
        self._keeper = recorder.timekeeper
        self._ledger = ledger
        self._send = send
        self._software = software
        self._take = take
        self._draw = draw
        self._started_s = self._keeper.clock.monotonic()
        self._reported_s: float | None = None
        self._reported_version = -1
        self._most = MOST_AT_ONCE
        used = home.configuration(pairing)
        self._number = used.number if used else 0
        self._inspect_until = used.inspect_until if used else None

    async def run(self) -> None:
        """Round after round, until its task is cancelled."""
        while True:
            await self._keeper.clock.sleep(await self.round())

    async def round(self) -> float:
        """Report if it is time, send all that waits, fetch a new configuration; in how many
        seconds to come back."""
        self._recorder.look()
        try:
            newest = await self._exchange()
            if newest is None or newest != self._number:
                await self._fetch()
        except Failed as failed:
            self.state.failures += 1
            self._ledger.hold(_PLACE, [failed.finding], self._date())
            delay_s = min(FIRST_DELAY_S * (1 << min(self.state.failures, 16)), LONGEST_DELAY_S)
            return delay_s * (0.5 + 0.5 * self._draw())
        self.state.failures = 0
        self._ledger.hold(_PLACE, (), None)
        is_inspecting = self._inspect_until is not None and self._now() < self._inspect_until
        every_s = INSPECTING_EVERY_S if is_inspecting else EVERY_S
        return every_s * (0.75 + 0.5 * self._draw())

    async def fetch(self, path: str) -> bytes:
        """The body of a signed answer to a GET of ``path``; raises :class:`Failed`."""
        reply = await self._ask("GET", path, b"")
        if reply.status != 200:
            raise Failed(_refused(reply))
        return reply.body

    async def _exchange(self) -> int | None:
        """The number of the newest configuration; None where nothing had to be sent."""
        newest = None
        # The first thing of a run is a report: only after its answer the time is known to be
        # right, and only what was never sent can be moved to the right time.
        if self._is_report_due():
            newest = await self._report()
        while (made := self._batch()) is not None:
            data, buffer_id, last = made
            reply = await self._ask("POST", BATCHES, data)
            if reply.status in (400, 413) and self._most > 1:
                self._most //= 2
                continue
            answer = self._answered(reply, is_to_batch=True)
            assert answer.kept is not None, "it answers a batch"
            self._most = min(2 * self._most, MOST_AT_ONCE)
            newest = answer.configuration
            self._recorder.buffer.acknowledge(buffer_id, answer.kept)
            if answer.kept < last:
                raise Failed(
                    _failed(
                        "not_kept",
                        f"the platform has kept what was sent up to {answer.kept}, not to {last}",
                        "Look at the gateway's page on the platform.",
                    )
                )
        return newest

    def _batch(self) -> tuple[bytes, str, int] | None:
        """The bytes of the next batch, its buffer and last number."""
        while True:
            found = self._recorder.buffer.batch(
                self._pairing.gateway, now=self._now(), most=self._most
            )
            if found is None:
                return None
            try:
                return batch.encode(found), found.buffer_id, found.last
            except batch.BadBatch as problem:
                if self._most == 1:
                    raise Failed(
                        _failed("unsendable", f"a measurement cannot be sent: {problem}", _TELL)
                    ) from None
                self._most //= 2

    def _is_report_due(self) -> bool:
        if self._reported_s is None or self._reported_version != self._ledger.version:
            return True
        return self._keeper.clock.monotonic() - self._reported_s >= REPORT_EVERY_S

    async def _report(self) -> int:
        waiting = self._recorder.buffer.waiting()
        now = self._now()
        version, events = self._ledger.version, self._ledger.event_count
        started_at = self._keeper.at(self._started_s) if self._keeper.is_set else now
        report = reports.Report(
            self._software,
            self._number,
            started_at,
            waiting.count,
            waiting.oldest_at,
            waiting.file_bytes,
            self._ledger.current(now),
        )
        reply = await self._ask("POST", REPORTS, reports.encode(report))
        answer = self._answered(reply, is_to_batch=False)
        self._ledger.told(events)
        self._reported_s, self._reported_version = self._keeper.clock.monotonic(), version
        return answer.configuration

    async def _fetch(self) -> None:
        nonce = secrets.token_hex(16)
        reply = await self._ask("GET", f"{CONFIGURATION}?have={self._number}", b"", nonce)
        if reply.status == 304:
            return
        if reply.status != 200:
            raise Failed(_refused(reply))
        try:
            taken = self._home.take(
                self._pairing, reply.body, reply.headers, now=self._now(), nonce=nonce
            )
        except RefusedConfiguration as problem:
            found = error(
                "gateway.configuration_refused",
                f"the platform's configuration is not taken: {problem}.",
                where="configuration",
                remedy="The last good one is used; save the gateway on the platform again.",
            )
            self._ledger.hold("configuration", [found], self._date())
            return
        self._ledger.hold("configuration", (), None)
        if taken.number != self._number:
            self._number, self._inspect_until = taken.number, taken.inspect_until
            self._take(taken)

    async def _ask(self, method: str, path: str, body: bytes, nonce: str = "") -> Reply:
        """The reply, its signature checked; raises :class:`Failed`."""
        nonce = nonce or secrets.token_hex(16)
        signature = sign(
            self._pairing.key,
            gateway=self._pairing.gateway,
            now=self._now(),
            nonce=nonce,
            what=f"{method} {path}",
            body=body,
        )
        try:
            reply = await self._send(method, path, signature.headers, body)
        except Unreachable as problem:
            raise Failed(
                _failed("unreachable", str(problem), "Check the internet connection.")
            ) from None
        if reply.status == 401 and reply.date is not None:
            self._recorder.told(reply.date, is_signed=False)
        if reply.status in (401, 429) or reply.status >= 500:
            raise Failed(_refused(reply))
        if reply.status == 413:
            return reply  # whoever says so, a proxy that signs nothing among them: send less
        try:
            theirs = signature_of(reply.headers)
            check(theirs, self._pairing.key, now=self._now(), what=nonce, body=reply.body)
        except NotSigned as problem:
            raise Failed(
                _failed(
                    "answer_not_signed",
                    f"the answer {reply.status} is not of the platform: {problem}",
                    "Check that nothing stands between; pair the gateway again.",
                )
            ) from None
        self.state.last_answer_at = self._now()
        return reply

    def _answered(self, reply: Reply, *, is_to_batch: bool) -> Answer:
        if reply.status != 200:
            raise Failed(_refused(reply))
        try:
            answer = answers.decode(reply.body, is_to_batch=is_to_batch)
        except BadMessage as problem:
            raise Failed(
                _failed("bad_answer", f"the answer cannot be read: {problem}", _TELL)
            ) from None
        self._recorder.told(answer.time, is_signed=True)
        self.state.told = answer.findings
        return answer

    def _now(self) -> datetime:
        """To sign with; where the clock is not set, a time that the platform will correct."""
        return self._keeper.now() if self._keeper.is_set else self._keeper.floor

    def _date(self) -> datetime | None:
        return self._keeper.now() if self._keeper.is_set else None


_TELL = "Tell the operator; the data is kept."


def _failed(what: str, message: str, remedy: str) -> Finding:
    return warning(f"gateway.{what}", f"{message}.", where=_PLACE, remedy=remedy)


def _refused(reply: Reply) -> Finding:
    try:
        says = f": {answers.decode_refusal(reply.body)}"
    except BadMessage:
        says = ""
    remedy = {
        401: "Pair the gateway again, or set its clock.",
        409: "Look at the gateway's page on the platform; the data is kept.",
        429: "It is sent again later.",
        503: "It is sent again later.",
    }.get(reply.status, _TELL)
    message = f"the platform refuses ({reply.status}){says}".rstrip(".")
    return _failed(f"refused_{reply.status}", message, remedy)
