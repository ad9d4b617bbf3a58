"""Importing load curves: read by a profile, look at the preview, then archive and store."""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.intake import archive, files
from quartier.apps.intake.billed import billed_on
from quartier.apps.intake.contributions import Import, carried_into, of_curve
from quartier.apps.intake.files import Received
from quartier.apps.intake.mapping import Meters, profile_registers, set_point
from quartier.apps.intake.models import Contribution, IntakeFile, Quarantine
from quartier.apps.intake.report import FileResult, MeterResult, Report
from quartier.apps.intake.sources import Source
from quartier.apps.intake.whole_curve import WholeCurve
from quartier.apps.metering import store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import error, info, warning
from quartier.core.kernel.period import timezone_of
from quartier.core.metering.intervals import Series
from quartier.formats.load_curve import (
    BadCurves,
    Curve,
    LoadCurves,
    Preview,
    Profile,
    fitting_profiles,
    read_curves,
    refuse_no_table,
    shipped_profiles,
)
from quartier.formats.sdat import normal_point

_KIND = IntakeFile.Kind.LOAD_CURVE
_NOTHING = Decimal(0)
_POINT = re.compile(r"[A-Z]{2}[0-9A-Z]{26,38}")


@dataclass
class LoadCurveImport:
    """One run. Without ``profile`` the one shipped profile is taken whose columns the file has.

    Known values are kept unless ``overwrite``. With ``is_dry`` nothing is written, and the
    previews say what would be.
    """

    site: Site
    at: datetime
    actor: str
    profile: Profile | None = None
    meter: str = ""
    create_meters: bool = False
    overwrite: bool = False
    is_dry: bool = False
    report: Report = field(default_factory=Report)
    previews: list[Preview] = field(default_factory=list)
    on_file: Callable[[], None] = lambda: None

    def run(self, sources: Iterable[Source]) -> Report:
        """Import every source, each in a transaction of its own."""
        for source in sources:
            self._import(source)
            self.on_file()
        return self.report

    def _import(self, source: Source) -> None:
        if source.problem:
            self._reject(source, [source.problem], "")
            return
        try:
            profile = self.profile or _fitting(source)
        except BadCurves as problem:
            self._reject(source, list(problem.errors), "")
            return
        options = _options(profile, self.meter)
        row = files.known(self.site, _KIND, options, [archive.sha256_of(source.data)])
        if row and not (self.overwrite or self.is_dry) and not _is_open(next(iter(row.values()))):
            self.report.files.append(
                FileResult(source.name, "known", "imported before; --overwrite reads it again")
            )
            return
        try:
            curves = read_curves(source.data, profile, timezone_of(self.site.timezone), self.meter)
        except BadCurves as problem:
            hidden = problem.error_count - len(problem.errors)
            more = [f"and {hidden} more errors"] if hidden else []
            self._reject(source, [*problem.errors, *more], options)
            return
        self.previews += curves.previews()
        if self.profile is None:
            self.report.findings.append(
                info("intake.profile", f"read with the profile {profile.name}.", where=source.name)
            )
        self._note_gaps(source, curves)
        if self.is_dry:
            self.report.files.append(FileResult(source.name, "imported", "dry run"))
            return
        archive.keep([source.data])
        received = Received(
            source.name,
            archive.sha256_of(source.data),
            len(source.data),
            IntakeFile.State.IMPORTED,
        )
        whole = self._worked_out(curves)
        try:
            with transaction.atomic():
                outcome = self._store(received, whole, options, profile)
        except (store.Locked, BadCurves) as problem:
            self._reject(source, [str(problem)], options)
            return
        outcome()

    def _note_gaps(self, source: Source, curves: LoadCurves) -> None:
        for preview in curves.previews():
            if preview.gaps:
                self.report.findings.append(
                    warning(
                        "intake.gap",
                        f"{preview.gaps} quarter-hours between {preview.starts_at:%Y-%m-%dT%H:%MZ} "
                        f"and {preview.ends_at:%Y-%m-%dT%H:%MZ} have no value.",
                        where=f"{source.name}, {preview.meter} {preview.direction}",
                    )
                )

    def _reject(self, source: Source, reasons: list[str], options: str) -> None:
        findings = [error("intake.rejected", f"{why}.", where=source.name) for why in reasons]
        self.report.findings += findings
        self.report.files.append(FileResult(source.name, "rejected", reasons[0]))
        if source.data and not self.is_dry:
            archive.keep([source.data])
            received = Received(
                source.name,
                archive.sha256_of(source.data),
                len(source.data),
                IntakeFile.State.REJECTED,
                findings,
            )
            with transaction.atomic():
                files.save(self.site, _KIND, options, [received], self.at, self.actor)

    def _worked_out(self, curves: LoadCurves) -> list[WholeCurve]:
        """The curves in whole Wh, as what is stored now makes likely: nothing is locked yet."""
        whole = [WholeCurve(curve) for curve in curves.curves]
        meters = Meters(self.site)
        registers: dict[tuple[int, str], int] = {}
        if any(one.is_finer_than_wh for one in whole):
            own = Register.objects.filter(site=self.site, part=Register.Part.TOTAL)
            rows = own.values_list("meter_id", "direction", "pk")
            registers = {(meter_id, direction): pk for meter_id, direction, pk in rows}
        for one in whole:
            meter = meters.find(one.curve.meter)
            register_id = registers.get((meter.pk, one.curve.direction)) if meter else None
            one.work_out(carried_into(self.site.pk, register_id, one) if register_id else _NOTHING)
        return whole

    def _store(
        self, received: Received, whole: list[WholeCurve], options: str, profile: Profile
    ) -> Callable[[], None]:
        """Write one file; what it returns puts it into the report, once it is committed."""
        lock_site(self.site.pk)
        files.save(self.site, _KIND, options, [received], self.at, self.actor)
        row = received.row
        assert row is not None
        row.quarantine.filter(released_at=None).delete()
        curves = [one.curve for one in whole]
        meters, created, unknown = self._meters(curves)
        known = [one for one in whole if one.curve.meter in meters]
        registers = profile_registers(
            self.site, ((meters[one.curve.meter], one.curve.direction) for one in known)
        )
        wanted = [
            (one, registers[meters[one.curve.meter].pk, one.curve.direction]) for one in known
        ]
        _refuse_two_of_one(wanted)
        Quarantine.objects.bulk_create(
            [self._quarantine(row, curve) for curve in curves if curve.meter in unknown]
        )
        before = _stored(self.site, wanted)
        carried = {
            register.pk: carried_into(self.site.pk, register.pk, one) for one, register in wanted
        }
        series = [one.series(register.pk, carried[register.pk]) for one, register in wanted]
        written = store.write(
            self.site.pk,
            series,
            source="load-curve",
            known_at=self.at,
            reason="load curve imported, overwriting" if self.overwrite else "",
            fill_only=not self.overwrite,
            method=profile.name[:60],
            actor=self.actor,
        )
        results: dict[int, MeterResult] = {}
        told = Import(row, self.at, self.actor)
        contributions = []
        for (one, register), new in zip(wanted, series, strict=True):
            change = _Change(new, before[register.pk], overwrite=self.overwrite)
            results[register.pk] = change.result(register)
            given = of_curve(
                told, self.site.pk, register.pk, one, change.taken, carried[register.pk]
            )
            if given is not None:
                contributions.append(given)
        Contribution.objects.bulk_create(contributions, batch_size=500)
        billed = billed_on(self.site.pk, written.revised_slots)

        def outcome() -> None:
            report = self.report
            for register_id, result in results.items():
                _add(report, register_id, result)
            report.created_meters += created
            report.revised_slots += written.revised_slots
            report.billed += [name for name in billed if name not in report.billed]
            for identity in unknown:
                report.quarantined[identity] = report.quarantined.get(identity, 0) + 1
            if written.kept:
                report.findings.append(
                    warning(
                        "intake.kept",
                        f"{written.kept} quarter-hours differ from the stored ones, which were "
                        "kept.",
                        where=received.name,
                        remedy="Import with --overwrite to replace them.",
                    )
                )
            outcome = "quarantined" if unknown else "imported"
            report.files.append(FileResult(received.name, outcome))

        return outcome

    def _meters(self, curves: list[Curve]) -> tuple[dict[str, Meter], list[str], list[str]]:
        """The meters of the identities in the file: known, the refs of new ones, unknown."""
        found: dict[str, Meter] = {}
        created: list[str] = []
        unknown: list[str] = []
        by_identity: dict[str, list[Curve]] = {}
        for curve in curves:
            by_identity.setdefault(curve.meter, []).append(curve)
        meters = Meters(self.site)
        for identity, own in by_identity.items():
            meter = meters.find(identity)
            if meter is None and self.create_meters:
                meter = self._create(identity, own, meters.free_ref(identity))
                meters.learn(meter)
                created.append(meter.ref)
            if meter is None:
                unknown.append(identity)
            else:
                found[identity] = meter
        return found, created, unknown

    def _create(self, identity: str, own: list[Curve], ref: str) -> Meter:
        flows = {
            curve.direction for curve in own if any(point.energy_kwh for point in curve.points)
        }
        mode = Meter.Mode.CONSUMPTION
        if flows == {"export"}:
            mode = Meter.Mode.PRODUCTION
        elif len(flows) == 2:
            mode = Meter.Mode.GRID
        meter = Meter(
            site=self.site,
            ref=ref,
            name=identity[:120],
            mode=mode,
            source=Meter.Source.CURVE,
        )
        if _POINT.fullmatch(normal_point(identity)):
            set_point(meter, normal_point(identity))
        meter.save()
        return meter

    def _quarantine(self, row: IntakeFile, curve: Curve) -> Quarantine:
        return Quarantine(
            site=self.site,
            file=row,
            point=curve.meter,
            direction=curve.direction,
            part=Register.Part.TOTAL,
            first_slot=curve.points[0].slot,
            end_slot=curve.points[-1].slot + 1,
            since=self.at,
        )


def _fitting(source: Source) -> Profile:
    """The one shipped profile that fits; raises :class:`BadCurves`."""
    if not source.data:
        raise BadCurves(["the file is empty"])
    found = fitting_profiles(source.data)
    if len(found) == 1:
        return found[0]
    if not found:
        refuse_no_table(source.data)
    names = ", ".join(profile.name for profile in found) or "none"
    shipped = ", ".join(shipped_profiles())
    raise BadCurves(
        [
            f"which profile reads this file is not clear ({names} of the shipped ones fit); name "
            f"one with --profile: {shipped}, or a file of your own (docs/guides/import.md)"
        ]
    )


def _options(profile: Profile, meter: str) -> str:
    return hashlib.sha256(f"{profile!r}\n{meter}".encode()).hexdigest()


def _is_open(row: IntakeFile) -> bool:
    """Whether importing the file again may give something new."""
    is_rejected = row.state == IntakeFile.State.REJECTED
    return is_rejected or row.quarantine.filter(released_at=None).exists()


def _refuse_two_of_one(wanted: list[tuple[WholeCurve, Register]]) -> None:
    """Two names of one meter in a file: which of them is right is not for us to say."""
    names: dict[int, str] = {}
    for one, register in wanted:
        name = one.curve.meter
        other = names.setdefault(register.pk, name)
        if other != name:
            raise BadCurves(
                [
                    f"{other} and {name} are the same meter {register.meter.ref}; leave one "
                    "of them out of the file"
                ]
            )


def _stored(site: Site, wanted: list[tuple[WholeCurve, Register]]) -> dict[int, Series]:
    """What is stored where the curves are, by register; curves of one span are read at once."""
    by_span: dict[tuple[int, int], list[int]] = {}
    for one, register in wanted:
        by_span.setdefault((one.first_slot, one.end_slot), []).append(register.pk)
    out: dict[int, Series] = {}
    for (first, end), register_ids in by_span.items():
        found = store.read(site.pk, register_ids, first, end)
        out.update({register_id: found.series(register_id) for register_id in register_ids})
    return out


class _Change:
    """What ``new`` does to ``before``, slot by slot."""

    def __init__(self, new: Series, before: Series, *, overwrite: bool) -> None:
        has, had = new.quality != 0, before.quality != 0
        differs = (new.energy_wh != before.energy_wh) | (new.quality != before.quality)
        self._new, self._overwrite = new, overwrite
        self._filled = has & ~had
        self._changed = has & had & differs
        self._unchanged = int((has & had & ~differs).sum())
        self.taken = self._filled | self._changed if overwrite else self._filled
        """bool[t]: the slots that have their value from it."""

    def result(self, register: Register) -> MeterResult:
        """The same in numbers."""
        changed = int(self._changed.sum())
        return MeterResult(
            meter=register.meter.ref,
            direction=register.direction,
            part=register.part,
            first_slot=self._new.first_slot,
            end_slot=self._new.slots.stop,
            new=int(self._filled.sum()),
            unchanged=self._unchanged,
            revised=changed if self._overwrite else 0,
            kept=0 if self._overwrite else changed,
        )


def _add(report: Report, register_id: int, result: MeterResult) -> None:
    known = report.meters.setdefault(register_id, result)
    if known is not result:
        known.first_slot = min(known.first_slot, result.first_slot)
        known.end_slot = max(known.end_slot, result.end_slot)
        known.new += result.new
        known.unchanged += result.unchanged
        known.revised += result.revised
        known.kept += result.kept
