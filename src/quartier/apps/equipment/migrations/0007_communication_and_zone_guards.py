"""Communication devices and distribution zones stay on their site, with meters and gateways of it."""

from django.db import migrations

from quartier.apps.audit.guards import refuse_write, stays


def _elsewhere(table: str, column: str) -> str:
    """Whether what ``column`` names lies on another site; false where it names nothing."""
    return f"(SELECT site_id FROM {table} WHERE id = NEW.{column}) <> NEW.site_id"


class Migration(migrations.Migration):
    dependencies = [("equipment", "0006_communication_and_zones")]
    operations = [
        stays(
            "equipment_communicationdevice", "site_id", "a communication device stays on its site"
        ),
        stays("equipment_distributionzone", "site_id", "a distribution zone stays on its site"),
        *refuse_write(
            "communication_of_site",
            "equipment_communicationdevice",
            "a communication device serves a gateway of its own site",
            _elsewhere("equipment_gateway", "gateway_id"),
        ),
        *refuse_write(
            "zone_of_site",
            "equipment_distributionzone",
            "a distribution zone has its meter and its parent on its own site",
            f"{_elsewhere('equipment_meter', 'consumption_meter_id')}"
            f" OR {_elsewhere('equipment_distributionzone', 'parent_id')}",
        ),
        *refuse_write(
            "dlm_of_site",
            "equipment_distributionzone_dlm_meters",
            "a distribution zone has its DLM meters on its own site",
            "(SELECT site_id FROM equipment_distributionzone WHERE id = NEW.distributionzone_id)"
            " <> (SELECT site_id FROM equipment_meter WHERE id = NEW.meter_id)",
        ),
    ]
