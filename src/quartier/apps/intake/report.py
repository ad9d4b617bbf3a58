"""What an import did, as values: printed by the command, shown by the portal."""

from dataclasses import dataclass, field

from quartier.core.kernel.findings import Finding, Severity, error, info


@dataclass
class MeterResult:
    """What an import did to one register; counts are quarter-hours (or readings)."""

    meter: str
    direction: str
    part: str
    first_slot: int
    end_slot: int
    new: int = 0
    unchanged: int = 0
    revised: int = 0
    kept: int = 0
    """Known values that differ and were not replaced, as overwriting was not asked for."""
    temporary: int = 0
    """Announced, but without a value yet (Condition 21)."""


@dataclass
class FileResult:
    """What became of one file."""

    name: str
    outcome: str
    """``imported``, ``known`` (imported before), ``quarantined`` (in part), ``rejected``,
    ``other`` (of another kind of import)."""
    reason: str = ""


@dataclass
class Report:
    """What an import did."""

    files: list[FileResult] = field(default_factory=list)
    meters: dict[int, MeterResult] = field(default_factory=dict)
    """By register id."""
    findings: list[Finding] = field(default_factory=list)
    created_meters: list[str] = field(default_factory=list)
    released: int = 0
    """Series that left the quarantine."""
    quarantined: dict[str, int] = field(default_factory=dict)
    """By metering point: files that wait for a meter with it."""
    revised_slots: list[tuple[int, int, int]] = field(default_factory=list)
    """Half-open runs ``(register_id, first_slot, end_slot)`` whose known value changed."""
    billed: list[str] = field(default_factory=list)
    """What was already billed on a value that changed."""

    def count(self, outcome: str) -> int:
        """How many files had that outcome."""
        return sum(file.outcome == outcome for file in self.files)

    def leave_out(self, name: str, kind: str) -> None:
        """A file is of another kind of import, named by its command."""
        self.files.append(FileResult(name, "other", kind))

    def sum_up_others(self) -> None:
        """One finding for all files of another kind; an error if there was nothing else."""
        others = [file for file in self.files if file.outcome == "other"]
        if not others:
            return
        kinds = " and ".join(sorted({file.reason for file in others}))
        say = error if len(others) == len(self.files) else info
        self.findings.append(
            say(
                "intake.other_kind",
                f"{len(others)} files are of another kind and were left out.",
                where=others[0].name,
                remedy=f"Import them with: quartier import {kinds}",
            )
        )

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look at it: exit code 1."""
        return bool(
            self.quarantined
            or self.count("rejected")
            or any(finding.severity is not Severity.INFO for finding in self.findings)
        )
