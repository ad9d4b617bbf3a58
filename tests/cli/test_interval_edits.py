"""The remedies that findings name: estimate a gap, lock the past."""

import numpy as np
import pytest

from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.cli import main
from quartier.cli.bench import _world as world
from quartier.core.kernel.period import timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series

pytestmark = pytest.mark.db


@pytest.fixture
def site(db):
    return world.site_with(2, "linde")


def test_a_gap_is_estimated_and_says_so(site, capsys):
    slots = world.QUARTER.period(timezone_of(site.timezone)).slots
    late = range(slots.stop, slots.stop + 96)
    register = Register.objects.get(meter__ref="m001")
    values = np.full(90, 40)
    store.write(
        site.pk,
        [
            Series(register.pk, late.start, values[:45], np.ones(45, np.uint8)),
            Series(register.pk, late.start + 47, values[:45], np.ones(45, np.uint8)),
        ],
        source="test",
        known_at=world.KNOWN_AT,
    )
    words = ["intervals", "estimate", "--site", "linde", "--from", "2026-10-01"]
    words += ["--to", "2026-10-02", "--meter", "m001", "--reason", "Funkstörung"]
    main(words)
    assert "estimated" in capsys.readouterr().out
    read = store.read(site.pk, [register.pk], late.start, late.start + 92)
    assert read.quality[0, 45:47].tolist() == [Quality.ESTIMATED] * 2
    assert read.energy_wh[0, 45:47].tolist() == [40, 40]


def test_the_past_is_locked_and_opened_only_with_a_reason(site, capsys):
    lock = ["intervals", "lock", "--site", "linde", "--before"]
    assert main([*lock, "2026-08-01"]) == 0
    assert main([*lock, "2026-07-01"]) == 2
    assert "reason" in capsys.readouterr().err
    assert main([*lock, "2026-07-01", "--reason", "Korrektur"]) == 0


def test_a_meter_that_is_not_there_is_said(site, capsys):
    words = ["intervals", "estimate", "--site", "linde", "--from", "2026-10-01"]
    words += ["--to", "2026-10-02", "--meter", "nope", "--reason", "x"]
    assert main(words) == 2
    assert "nope" in capsys.readouterr().err
