"""A site, and a home of its own for the archive. Models are imported once Django is set up."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _home(settings, tmp_path: Path):
    settings.QUARTIER_HOME = tmp_path


@pytest.fixture
def site(db):
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    organisation = Organisation.objects.create(ref="org", name="Org")
    return Site.objects.create(organisation=organisation, ref="site", name="Site")
