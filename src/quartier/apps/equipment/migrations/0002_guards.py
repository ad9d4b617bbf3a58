"""What hangs on a meter lies on the meter's site; two devices never count at one time."""

from django.db import migrations

from quartier.apps.audit.guards import refuse_write, stays

_METER_SITE = "(SELECT site_id FROM equipment_meter WHERE id = NEW.meter_id)"
_OWNER = (
    "(SELECT organisation_id FROM parties_party WHERE id = NEW.owner_id)"
    " <> (SELECT organisation_id FROM sites_site WHERE id = NEW.site_id)"
)
_TWO_DEVICES = (
    "EXISTS (SELECT 1 FROM equipment_device other WHERE other.meter_id = NEW.meter_id"
    " AND other.id <> NEW.id"
    " AND (NEW.removed_at IS NULL OR other.installed_at < NEW.removed_at)"
    " AND (other.removed_at IS NULL OR other.removed_at > NEW.installed_at))"
)


class Migration(migrations.Migration):
    dependencies = [("equipment", "0001_initial"), ("sites", "0002_guards")]
    operations = [
        stays("equipment_meter", "site_id", "a meter stays on its site"),
        *refuse_write(
            "register_of_site",
            "equipment_register",
            "a register lies on the site of its meter",
            f"{_METER_SITE} <> NEW.site_id",
        ),
        *refuse_write(
            "plant_of_site",
            "equipment_plant",
            "a plant and its meter lie on one site",
            f"{_METER_SITE} <> NEW.site_id",
        ),
        *refuse_write(
            "battery_of_site",
            "equipment_battery",
            "a battery and its meter lie on one site",
            f"{_METER_SITE} <> NEW.site_id",
        ),
        *refuse_write(
            "plant_of_organisation",
            "equipment_plant",
            "the owner of a plant belongs to the organisation of the site",
            _OWNER,
        ),
        *refuse_write(
            "battery_of_organisation",
            "equipment_battery",
            "the owner of a battery belongs to the organisation of the site",
            _OWNER,
        ),
        *refuse_write(
            "assignment_of_site",
            "equipment_assignment",
            "a meter counts for a billing point of its own site",
            f"(SELECT site_id FROM sites_billingpoint WHERE id = NEW.billing_point_id) <> {_METER_SITE}",
        ),
        *refuse_write(
            "one_device",
            "equipment_device",
            "two devices of a meter are never installed at one time",
            _TWO_DEVICES,
        ),
    ]
