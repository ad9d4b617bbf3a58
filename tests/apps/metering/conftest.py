"""A site with a few meters, whose registers the tests fill."""

from collections.abc import Callable
from typing import Any

import pytest

# Models are imported in the fixtures: pytest reads this file before Django is set up.


@pytest.fixture
def site(db: None) -> Any:
    """A site in Zurich."""
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    organisation = Organisation.objects.create(ref="north", name="North")
    return Site.objects.create(organisation=organisation, ref="elm-12", name="Elm Street 12")


@pytest.fixture
def register(site: Any) -> Callable[..., Any]:
    """``register("m1", direction="export")`` makes a meter where needed and a register of it."""
    from quartier.apps.equipment.models import Meter, Register

    def make(ref: str = "m1", direction: str = "import", **meter_fields: object) -> Register:
        meter, _ = Meter.objects.get_or_create(
            site=site, ref=ref, defaults={"name": ref, **meter_fields}
        )
        obis = "1-1:1.8.0" if direction == "import" else "1-1:2.8.0"
        return Register.objects.create(site=site, meter=meter, obis=obis, direction=direction)

    return make
