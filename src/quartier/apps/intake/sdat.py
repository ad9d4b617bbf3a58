"""Importing SDAT-CH messages: archive, read, map, merge by the version rule, store."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt
from django.db import transaction

from quartier.apps.equipment.models import Register
from quartier.apps.intake import archive, balance, files, merging, review
from quartier.apps.intake.billed import billed_on
from quartier.apps.intake.files import Received
from quartier.apps.intake.mapping import Mapping, Wanted
from quartier.apps.intake.merging import Candidate, Merged
from quartier.apps.intake.models import IntakeFile, Quarantine
from quartier.apps.intake.report import FileResult, MeterResult, Report
from quartier.apps.intake.sources import Source
from quartier.apps.metering import store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.sites.models import Site
from quartier.core.kernel.energy import whole_wh
from quartier.core.kernel.findings import Finding, error, info
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.metering.intervals import MISSING_WH
from quartier.formats.esl import looks_like_esl
from quartier.formats.sdat import Block, Message, SdatError, masked, read_message
from quartier.formats.sdat.message import REPLACE

BATCH_FILES = 2_000
BATCH_SLOTS = 500_000  # a transaction: on SQLite nobody else writes while it lasts
CHUNK_FILES, CHUNK_BYTES = 256, 64 * 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KIND = IntakeFile.Kind.SDAT
AGGREGATE = "intake.aggregate"
"""The code of the finding that every E31 file has."""


@dataclass
class _Item:
    """One readable message on its way into the store."""

    received: Received
    message: Message
    only_points: frozenset[str] | None = None
    """Of a file that was imported before: the points that waited in quarantine."""

    def __post_init__(self) -> None:
        """The blocks in whole Wh: worked out here, where nothing is locked yet."""
        self.blocks = [
            (block, _energy_wh(block))
            for block in self.message.blocks
            if self.only_points is None or block.point in self.only_points
        ]


@dataclass
class SdatImport:
    """One run. ``at`` is when the files were received: from then on their values are known."""

    site: Site
    at: datetime
    actor: str
    create_meters: bool = False
    report: Report = field(default_factory=Report)
    on_file: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self._mapping = Mapping(self.site)
        self._seen: set[str] = set()
        self._touched: dict[int, set[int]] = {}
        self._e31: list[balance.Said] = []

    def run(self, sources: Iterable[Source]) -> Report:
        """Import every source; a bad one does not stop the others."""
        batch: list[_Item] = []
        rejected: list[Received] = []
        slots = 0
        for chunk in _chunks(sources):
            items = self._read_all(chunk, rejected)
            batch += items
            slots += sum(len(block.grades) for item in items for block in item.message.blocks)
            if len(batch) >= BATCH_FILES or slots >= BATCH_SLOTS:
                self._store(batch)
                batch, slots = [], 0
        self._store(batch)
        with transaction.atomic():
            files.save(self.site, _KIND, "", rejected, self.at, self.actor)
        self._finish()
        return self.report

    def release(self) -> Report:
        """Import the series of quarantined points that a meter of the site has by now."""
        waiting = Quarantine.objects.filter(
            site=self.site, released_at=None, file__kind=_KIND
        ).select_related("file")
        ready: dict[IntakeFile, set[str]] = {}
        for row in waiting:
            if self._mapping.register(Wanted(row.point, row.direction, row.part)) is not None:
                ready.setdefault(row.file, set()).add(row.point)
        batch = []
        for file, points in ready.items():
            message = read_message(archive.fetch(file.sha256))
            received = Received(file.name, file.sha256, file.size, file.state, row=file)
            batch.append(_Item(received, message, frozenset(points)))
        for start in range(0, len(batch), BATCH_FILES):
            self._store(batch[start : start + BATCH_FILES])
        return self.report

    # -- reading --------------------------------------------------------------------------------

    def _read_all(self, chunk: list[Source], rejected: list[Received]) -> list[_Item]:
        """The messages of the files that are new, all of them archived."""
        hashes = {id(source): archive.sha256_of(source.data) for source in chunk}
        rows = files.known(self.site, _KIND, "", hashes.values())
        waiting = files.waiting_points(self.site, rows.values())
        items: list[_Item] = []
        keep: list[bytes] = []
        for source in chunk:
            sha256 = hashes[id(source)]
            item = self._read(source, sha256, rows.get(sha256), waiting, rejected)
            self.on_file()
            if item is not None:
                items.append(item)
                keep.append(source.data)
            elif rejected and rejected[-1].sha256 == sha256:
                keep.append(source.data)
        archive.keep(keep)
        return items

    def _read(
        self,
        source: Source,
        sha256: str,
        row: IntakeFile | None,
        waiting: dict[int, frozenset[str]],
        rejected: list[Received],
    ) -> _Item | None:
        if source.problem:
            self._reject(source.name, source.problem)
            return None
        if sha256 in self._seen:
            self.report.files.append(FileResult(source.name, "known", "it is there twice"))
            return None
        self._seen.add(sha256)
        if looks_like_esl(source.data):
            self.report.leave_out(source.name, "readings")
            return None
        points: frozenset[str] | None = None
        if row is not None and row.state == IntakeFile.State.IMPORTED:
            points = waiting.get(row.pk)
            if not points:
                self.report.files.append(FileResult(source.name, "known", "imported before"))
                return None
        size = len(source.data)
        try:
            message = read_message(source.data)
        except SdatError as problem:
            finding = self._reject(source.name, str(problem))
            if size:
                state = IntakeFile.State.REJECTED
                rejected.append(Received(source.name, sha256, size, state, [finding]))
            return None
        received = Received(
            source.name,
            sha256,
            size,
            IntakeFile.State.IMPORTED,
            [*message.findings, *([_aggregates(message)] if message.aggregates else [])],
            message.created_at,
            row if points else None,
        )
        return _Item(received, message, points)

    def _reject(self, name: str, reason: str) -> Finding:
        self.report.files.append(FileResult(name, "rejected", reason))
        finding = error("intake.rejected", f"{reason}.", where=name)
        self.report.findings.append(finding)
        return finding

    # -- storing --------------------------------------------------------------------------------

    def _store(self, batch: list[_Item]) -> None:
        """Store a batch in one transaction; if a lock date refuses it, its files one by one."""
        if not batch:
            return
        try:
            with transaction.atomic():
                outcome = self._write(batch)
        except store.Locked as problem:
            self._mapping = Mapping(self.site)
            if len(batch) > 1:
                for item in sorted(batch, key=lambda item: _created(item.message)):
                    self._store([item])
                return
            self._reject(batch[0].received.name, str(problem))
            return
        outcome()

    def _write(self, batch: list[_Item]) -> Callable[[], None]:
        """Write the batch; what it returns puts it into the report, once it is committed."""
        lock_site(self.site.pk)
        if self.create_meters:
            self._mapping.create_meters(
                _wanted(block) for item in batch for block, _ in item.blocks
            )
        new = [item.received for item in batch if item.received.row is None]
        files.save(self.site, _KIND, "", new, self.at, self.actor)
        candidates: dict[int, list[Candidate]] = {}
        registers: dict[int, Register] = {}
        waiting: list[Quarantine] = []
        released = 0
        for item in batch:
            file = item.received.row
            assert file is not None
            mapped: set[Wanted] = set()
            for block, energy_wh in item.blocks:
                wanted = _wanted(block)
                register = self._mapping.register(wanted)
                if register is not None:
                    registers[register.pk] = register
                    mapped.add(wanted)
                    candidates.setdefault(register.pk, []).append(
                        _candidate(register.pk, block, energy_wh, item)
                    )
                elif item.only_points is None:
                    waiting.append(self._quarantine(file, block))
            if item.only_points is not None:
                released += self._release(file, mapped)
        Quarantine.objects.bulk_create(waiting, batch_size=500)
        merged, results, written = self._merge(candidates, registers)
        billed = billed_on(self.site.pk, written.revised_slots)

        def outcome() -> None:
            report = self.report
            for one in merged:
                self._touched.setdefault(one.register_id, set()).update(one.days.tolist())
            for register_id, result in results.items():
                _add(report.meters, register_id, result)
            report.revised_slots += written.revised_slots
            report.billed += [name for name in billed if name not in report.billed]
            report.released += released
            report.findings += review.clashes(merged, registers)
            self._tell(batch, waiting)

        return outcome

    def _merge(
        self, candidates: dict[int, list[Candidate]], registers: dict[int, Register]
    ) -> tuple[list[Merged], dict[int, MeterResult], store.Written]:
        merged: list[Merged] = []
        results: dict[int, MeterResult] = {}
        for register_id, offered in sorted(candidates.items()):
            days = np.array(merging.days_of(offered), np.int64)
            current = store.read(
                self.site.pk, [register_id], int(days[0]) * DAY, (int(days[-1]) + 1) * DAY
            )
            picked = days - days[0]
            current_wh = current.energy_wh[0].reshape(-1, DAY)[picked].ravel()
            quality = current.quality[0].reshape(-1, DAY)[picked].ravel()
            stored = merging.load_keys(self.site.pk, [register_id], days.tolist())
            one = merging.merge(register_id, offered, stored, current_wh)
            merged.append(one)
            results[register_id] = _result(one, registers[register_id], current_wh, quality)
        written = store.write(
            self.site.pk,
            (series for one in merged for series in one.series),
            source="sdat",
            known_at=self.at,
            reason="a newer message of the grid operator",
            actor=self.actor,
        )
        merging.save_keys(self.site.pk, merged)
        return merged, results, written

    def _quarantine(self, file: IntakeFile, block: Block) -> Quarantine:
        return Quarantine(
            site=self.site,
            file=file,
            point=block.point,
            direction=block.direction,
            part=block.part,
            first_slot=block.first_slot,
            end_slot=block.end_slot,
            since=self.at,
        )

    def _release(self, file: IntakeFile, mapped: set[Wanted]) -> int:
        count = 0
        for row in file.quarantine.filter(released_at=None):
            if Wanted(row.point, row.direction, row.part) in mapped:
                row.released_at = self.at
                row.save(update_fields=["released_at"])
                count += 1
        return count

    # -- reporting ------------------------------------------------------------------------------

    def _tell(self, batch: list[_Item], waiting: list[Quarantine]) -> None:
        report = self.report
        unknown: dict[int, set[str]] = {}
        for row in waiting:
            unknown.setdefault(row.file_id, set()).add(row.point)
        for item in batch:
            file = item.received.row
            assert file is not None
            for finding in item.received.findings:
                report.findings.append(_placed(finding, item.received.name))
            message = item.message
            self._e31 += said_by(message, item.received.sha256)
            if message.is_cancellation and message.blocks:
                report.findings.append(_cancellation(item))
            points = unknown.get(file.pk, set())
            if item.only_points is not None:
                points = set(
                    file.quarantine.filter(released_at=None).values_list("point", flat=True)
                )
            for point in points:
                report.quarantined[point] = report.quarantined.get(point, 0) + 1
            outcome = "quarantined" if points else "imported"
            report.files.append(FileResult(item.received.name, outcome))

    def _finish(self) -> None:
        report = self.report
        report.sum_up_others()
        report.created_meters = [meter.ref for meter in self._mapping.created]
        found = [*self._mapping.findings, *review.after(self.site, self._touched, report.meters)]
        shares = [
            result
            for register_id, result in report.meters.items()
            if register_id in self._touched and result.part == Register.Part.COMMUNITY
        ]
        if shares:
            first = min(result.first_slot for result in shares)
            end = max(result.end_slot for result in shares)
            found += balance.between_members(self.site, first, end)
        found += balance.against_e31(self.site, self._e31)
        report.findings += found
        with transaction.atomic():
            files.save_findings(self.site, [(None, finding) for finding in found], self.at)


def _chunks(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """The sources in chunks that are looked up and archived together."""
    chunk: list[Source] = []
    size = 0
    for source in sources:
        chunk.append(source)
        size += len(source.data)
        if len(chunk) >= CHUNK_FILES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _wanted(block: Block) -> Wanted:
    return Wanted(block.point, block.direction, block.part)


def _created(message: Message) -> int:
    """Microseconds since 1970, exactly; 0 where the file does not say."""
    if message.created_at is None:
        return 0
    delta = message.created_at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _energy_wh(block: Block) -> npt.NDArray[np.int64]:
    energies_wh = whole_wh(block.energies_kwh)
    return np.array([MISSING_WH if e is None else e for e in energies_wh], np.int64)


def _candidate(
    register_id: int, block: Block, energy_wh: npt.NDArray[np.int64], item: _Item
) -> Candidate:
    return Candidate(
        register_id=register_id,
        first_slot=block.first_slot,
        energy_wh=energy_wh,
        grade=np.frombuffer(block.grades, np.uint8),
        created=_created(item.message),
        replaces=item.message.status == REPLACE,
        tie=_tie(item.received.sha256),
        is_cancellation=item.message.is_cancellation,
    )


def _result(
    one: Merged,
    register: Register,
    current_wh: npt.NDArray[np.int64],
    quality: npt.NDArray[np.uint8],
) -> MeterResult:
    new = revised = 0
    changed = np.zeros(len(current_wh), bool)
    first_days = {int(day): row for row, day in enumerate(one.days)}
    for series in one.series:
        start = first_days[series.first_slot // DAY] * DAY
        window = slice(start, start + len(series.energy_wh))
        writes = series.quality != 0
        had = quality[window] != 0
        differs = (series.energy_wh != current_wh[window]) | (series.quality != quality[window])
        new += int((writes & ~had).sum())
        revised += int((writes & had & differs).sum())
        changed[window] |= writes & (~had | differs)
    touched = np.flatnonzero(one.touched)
    first, last = int(touched[0]), int(touched[-1])
    return MeterResult(
        meter=register.meter.ref,
        direction=register.direction,
        part=register.part,
        first_slot=int(one.days[first // DAY]) * DAY + first % DAY,
        end_slot=int(one.days[last // DAY]) * DAY + last % DAY + 1,
        new=new,
        revised=revised,
        unchanged=int((one.offered & ~changed).sum()),
    )


def _add(meters: dict[int, MeterResult], register_id: int, result: MeterResult) -> None:
    known = meters.get(register_id)
    if known is None:
        meters[register_id] = result
        return
    known.first_slot = min(known.first_slot, result.first_slot)
    known.end_slot = max(known.end_slot, result.end_slot)
    known.new += result.new
    known.revised += result.revised
    known.unchanged += result.unchanged


def _placed(finding: Finding, name: str) -> Finding:
    where = f"{name}: {finding.where}" if finding.where else name
    return Finding(
        finding.code,
        finding.severity,
        finding.message,
        where,
        finding.since,
        finding.until,
        finding.remedy,
        finding.values,
    )


def _aggregates(message: Message) -> Finding:
    sums = "; ".join(
        f"{one.direction} {one.part} of community {one.community_id or '?'}: "
        f"{sum((e for e in one.energies_kwh if e is not None), Decimal(0)):f} kWh"
        for one in message.aggregates[:6]
    )
    return info(
        AGGREGATE,
        f"an E31 belongs to no meter; it is archived and not stored as intervals ({sums}).",
    )


def said_by(message: Message, sha256: str) -> list[balance.Said]:
    """What ``message`` says of communities; nothing if it is no E31."""
    created, tie = _created(message), _tie(sha256)
    return [balance.Said(one, created, tie) for one in message.aggregates]


def _tie(sha256: str) -> int:
    return int(sha256[:16], 16)


def _cancellation(item: _Item) -> Finding:
    points = sorted({masked(block.point) for block in item.message.blocks})
    return error(
        "intake.cancelled",
        f"a cancellation (status 1) of {', '.join(points)}: the values of its interval that are "
        "not newer count as temporary and are not billed.",
        where=item.received.name,
        remedy="Import the message that replaces them.",
    )
