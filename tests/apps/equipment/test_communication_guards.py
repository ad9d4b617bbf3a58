import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from quartier.apps.equipment.models import CommunicationDevice, DistributionZone, Gateway, Meter
from quartier.apps.sites.models import Site

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def refused(words, sql, *values):
    with (
        pytest.raises(DatabaseError, match=words),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, values)


def test_devices_and_zones_stay_on_their_site_with_what_they_name(small):
    other = Site.objects.create(organisation=small.organisation, ref="s2", name="Other")
    there = Meter.objects.create(site=other, ref="m1", name="M1")
    gateway = Gateway.objects.create(site=other, name="other-1")
    device = CommunicationDevice.objects.create(site=small.site, ref="r1", name="R", kind="switch")
    zone = DistributionZone.objects.create(site=small.site, ref="z1", name="Z", max_current_a=63)
    upper = DistributionZone.objects.create(site=other, ref="z1", name="Z", max_current_a=63)
    devices, zones = "equipment_communicationdevice", "equipment_distributionzone"
    refused("stays on its site", f"UPDATE {devices} SET site_id = %s", other.pk)
    refused("stays on its site", f"UPDATE {zones} SET site_id = %s", small.site.pk)
    refused("gateway of its own", f"UPDATE {devices} SET gateway_id = %s", gateway.pk)
    for column, value in (("consumption_meter_id", there.pk), ("parent_id", upper.pk)):
        refused(
            "on its own site", f"UPDATE {zones} SET {column} = %s WHERE id = %s", value, zone.pk
        )
    refused(
        "DLM meters on its own site",
        f"INSERT INTO {zones}_dlm_meters (distributionzone_id, meter_id) VALUES (%s, %s)",
        zone.pk,
        there.pk,
    )
    device.refresh_from_db()
    assert device.site == small.site


def test_only_a_4g_router_has_a_sim(small):
    with pytest.raises(IntegrityError), transaction.atomic():
        CommunicationDevice.objects.create(
            site=small.site, ref="r1", name="R", kind="router_lan", sim="8941"
        )
