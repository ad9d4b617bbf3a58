"""What a load did, one line a row, and the rows it writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from quartier.formats.site_toml.faults import Faults, Path


@dataclass
class Journal:
    """Collects what was created, changed, removed, and what is kept though the file lacks it."""

    faults: Faults
    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def put(
        self, model: type[Model], what: str, keys: Mapping[str, Any], values: Mapping[str, Any]
    ) -> Any:
        """The row of ``model`` with ``keys``, made or changed so that it has ``values``."""
        row = model._default_manager.filter(**keys).first()
        if row is None:
            row = model._default_manager.create(**keys, **values)
            self.created.append(what)
            return row
        differing = [name for name, value in values.items() if getattr(row, name) != value]
        if differing:
            for name in differing:
                setattr(row, name, values[name])
            row.save(update_fields=differing)
            self.changed.append(f"{what}: {', '.join(sorted(differing))}")
        return row

    def refuse(self, path: Path, reason: Exception) -> None:
        """A change that what was billed forbids."""
        text = str(reason)
        self.faults.add(path, f"{text[0].lower()}{text[1:]}.")
