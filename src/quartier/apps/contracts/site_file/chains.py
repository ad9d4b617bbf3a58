"""Writing chains: rows that hold from a date until the next row (occupancies, assignments,
communities).

The file's list replaces the stored chain up to the file's last entry, so that a wrong date can
be corrected in the file. What begins later is newer than the file (a move registered in the
portal): it is kept and named.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.db.models import QuerySet

from quartier.apps.contracts.protection import Billed
from quartier.apps.contracts.site_file.journal import Journal
from quartier.formats.site_toml.faults import Path

Guard = Callable[[date], None]
"""Raises :class:`Billed` where a change from a date on reaches into what was billed."""


def put_chain(
    journal: Journal,
    rows: "QuerySet[Any]",
    what: str,
    wanted: Mapping[date, Mapping[str, Any]],
    fixed: Mapping[str, Any],
    paths: Mapping[date, Path],
    guard: Guard,
    *,
    keeps_earlier: bool = False,
) -> None:
    """Make ``rows`` (those of one place) what ``wanted`` says: start date to field values.

    ``fixed`` are the fields that all rows of the place share. ``keeps_earlier``: rows before the
    file's first are kept and named.
    """
    there = {row.starts_date: row for row in rows}
    last = max(wanted)
    for day in sorted(wanted):
        row, values = there.get(day), wanted[day]
        line = f"{what} from {day}"
        if row is None:
            if _is_refused(journal, guard, day, paths[day]):
                continue
            rows.model._default_manager.create(starts_date=day, **fixed, **values)
            journal.created.append(line)
            continue
        differing = [name for name, value in values.items() if getattr(row, name) != value]
        if not differing or _is_refused(journal, guard, day, paths[day]):
            continue
        for name in differing:
            setattr(row, name, values[name])
        row.save(update_fields=differing)
        journal.changed.append(f"{line}: {', '.join(sorted(differing))}")
    for day in sorted(set(there) - set(wanted)):
        line = f"{what} from {day}"
        if day > last:
            if any(getattr(there[day], name) != value for name, value in wanted[last].items()):
                journal.kept.append(f"{line} (newer than the file)")
                continue
        elif keeps_earlier and day < min(wanted):
            journal.kept.append(f"{line} (earlier than the file)")
            continue
        if not _is_refused(journal, guard, day, paths[last]):
            there[day].delete()
            journal.removed.append(line)


def _is_refused(journal: Journal, guard: Guard, day: date, path: Path) -> bool:
    try:
        guard(day)
    except Billed as reason:
        journal.refuse(path, reason)
        return True
    return False
