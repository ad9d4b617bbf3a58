"""A site in operation with a gateway that reads three meters."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAIRED_AT = NOW - timedelta(days=100)


@dataclass
class Cellar:
    """``read`` gives meters a reading, ``heard`` is when the gateway was heard last."""

    site: object
    gateway: object
    operator: object

    def heard(self, at, **more):
        from quartier.apps.equipment.models import Gateway

        Gateway.objects.filter(pk=self.gateway.pk).update(seen_at=at, **more)

    def read(self, at, *refs):
        from quartier.apps.equipment.models import Register
        from quartier.apps.metering.models import Reading

        rows = Register.objects.filter(site=self.site, meter__ref__in=refs or ("m1", "m2", "m3"))
        Reading.objects.bulk_create(
            Reading(
                site_id=self.site.pk,
                register_id=row.pk,
                read_at=at,
                source="gateway",
                value=Decimal(1),
                quality=1,
                received_at=at,
            )
            for row in rows
        )

    def well(self, at):
        """All is well at ``at``."""
        self.heard(at, clock_ahead_ms=0)
        self.read(at)


def cellar_of(organisation, ref, meters=3):
    from quartier.apps.equipment.models import Bus, Connection, Gateway, Meter, Register
    from quartier.apps.sites.models import Site

    site = Site.objects.create(
        organisation=organisation, ref=ref, name=ref.title(), starts_date=date(2026, 1, 1)
    )
    gateway = Gateway.objects.create(site=site, name=f"{ref}-g", paired_at=PAIRED_AT)
    bus = Bus.objects.create(gateway=gateway, name="b", kind="modbus_tcp")
    for number in range(1, meters + 1):
        meter = Meter.objects.create(site=site, ref=f"m{number}", name=f"Flat {number}", fuse_a=25)
        Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
        Connection.objects.create(
            meter=meter, bus=bus, driver="d", address=str(number), since=PAIRED_AT
        )
    return site, gateway


@pytest.fixture
def cellar(db):
    from quartier.apps.parties.models import Organisation, User

    organisation = Organisation.objects.create(ref="north", name="North")
    operator = User.objects.create(
        organisation=organisation, email="op@example.ch", is_operator=True, language="en"
    )
    return Cellar(*cellar_of(organisation, "elm"), operator)
