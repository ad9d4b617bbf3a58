from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from quartier.apps.equipment.models import Assignment, Battery, Device, Meter, Plant, Register
from quartier.apps.sites.models import Site

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def refused(words, sql, *values):
    with (
        pytest.raises(DatabaseError, match=words),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)


@pytest.fixture
def meter(small):
    return Meter.objects.create(site=small.site, ref="m1", name="M1")


@pytest.fixture
def other(small):
    return Site.objects.create(organisation=small.organisation, ref="s2", name="Other")


def test_a_register_lies_on_the_site_of_its_meter(meter, other):
    Register.objects.create(site=meter.site, meter=meter, obis="1-1:1.8.0")
    refused(
        "site of its meter",
        "INSERT INTO equipment_register (site_id, meter_id, obis, direction, part, unit)"
        " VALUES (%s, %s, '1-1:2.8.0', 'export', 'total', 'wh')",
        other.pk,
        meter.pk,
    )
    refused("site of its meter", "UPDATE equipment_register SET site_id = %s", other.pk)
    refused("stays on its site", "UPDATE equipment_meter SET site_id = %s", other.pk)


def test_a_plant_and_a_battery_lie_on_the_site_of_their_meter(small, meter, other):
    common = {"site": small.site, "ref": "x", "name": "X", "owner": small.owner, "meter": meter}
    Plant.objects.create(**common, power_kwp=10)
    Battery.objects.create(**common, capacity_wh=10_000, power_w=5_000)
    for table in ("equipment_plant", "equipment_battery"):
        refused("lie on one site", f"UPDATE {table} SET site_id = %s", other.pk)
        refused(
            "organisation of the site",
            f"UPDATE {table} SET owner_id = %s",
            small.stranger_party.pk,
        )


def test_a_meter_counts_for_a_billing_point_of_its_site(small, other):
    elsewhere = Meter.objects.create(site=other, ref="m9", name="M9")
    refused(
        "of its own site",
        "INSERT INTO equipment_assignment (meter_id, billing_point_id, starts_date)"
        " VALUES (%s, %s, '2025-01-01')",
        elsewhere.pk,
        small.flat.pk,
    )
    Assignment.objects.create(meter=elsewhere, billing_point=None, starts_date=date(2025, 1, 1))


def test_two_devices_never_count_at_one_time(meter):
    def at(month):
        return datetime(2025, month, 1, tzinfo=UTC)

    insert = (
        "INSERT INTO equipment_device (meter_id, serial, installed_at, removed_at, factor)"
        " VALUES (%s, %s, %s, %s, 1)"
    )
    Device.objects.create(meter=meter, serial="1", installed_at=at(1), removed_at=at(3))
    refused("never installed at one time", insert, meter.pk, "2", at(2), at(4))
    refused("never installed at one time", insert, meter.pk, "2", at(2), None)
    Device.objects.create(meter=meter, serial="2", installed_at=at(3))
    refused(
        "never installed at one time",
        "UPDATE equipment_device SET removed_at = %s WHERE serial = '1'",
        at(5),
    )
