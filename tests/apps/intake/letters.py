"""Shortcuts to import messages and to look at what is stored."""

from datetime import UTC, datetime

from quartier.apps.equipment.models import Register
from quartier.apps.intake.operations import import_sdat
from quartier.apps.intake.sources import Source
from quartier.apps.metering import store
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def import_letters(site, *letters, at=NOW, create=True):
    """Import letters (or raw bytes) in one run, in that order."""
    data = [letter if isinstance(letter, bytes) else letter.xml() for letter in letters]
    sources = [Source(f"{number}.xml", one) for number, one in enumerate(data)]
    return import_sdat(site, sources, by="test", at=at, create_meters=create)


def stored(site, first_slot, count, direction="import", part="total"):
    """``[(Wh or None, quality word)]`` of the one register of that direction and part."""
    register = Register.objects.get(site=site, direction=direction, part=part)
    found = store.read(site.pk, [register.pk], first_slot, first_slot + count)
    return [
        (None if energy == MISSING_WH else energy, Quality(quality).word)
        for energy, quality in zip(
            found.energy_wh[0].tolist(), found.quality[0].tolist(), strict=True
        )
    ]
