"""Sites to bill."""

import pytest


@pytest.fixture
def sites(db):
    """Four sites; an issue is open on the second, and the third has prices for another year."""
    from quartier.apps.sites.models import Note
    from quartier.cli.bench import _world as world
    from tests.apps.billing.jobs import DAYS

    made = [world.site_with(2, f"s{n}", DAYS, seed=n) for n in range(4)]
    Note.objects.create(site=made[1], kind="issue", text="Meter is being replaced")
    made[2].price_sheets.all().delete()
    return made
