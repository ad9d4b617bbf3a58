"""The example with a meter behind a meter: nothing of it counts for nobody."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from quartier.apps.contracts.site_file import load
from quartier.apps.equipment.models import Assignment
from quartier.apps.sharing.sources import sources_in
from quartier.core.kernel.period import Dates

pytestmark = [pytest.mark.django_db, pytest.mark.db]

LINDENHOF = Path(__file__).parents[3] / "examples" / "lindenhof.toml"
QUARTER = Dates(date(2025, 1, 1), date(2025, 4, 1))


def test_a_meter_in_the_rule_of_another_needs_no_billing_point():
    site = load(LINDENHOF.read_bytes(), by="job", at=datetime(2025, 1, 1, tzinfo=UTC)).site
    assert sources_in(site, QUARTER)[1] == ()
    Assignment.objects.filter(meter__ref="z07").delete()
    (finding,) = sources_in(site, QUARTER)[1]
    assert finding.code == "sharing.unmapped"
