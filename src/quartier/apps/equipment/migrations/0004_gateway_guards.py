"""A gateway stays on its site, and reads meters of that site only."""

from django.db import migrations

from quartier.apps.audit.guards import refuse_write, stays


class Migration(migrations.Migration):
    dependencies = [("equipment", "0003_gateways")]
    operations = [
        stays("equipment_gateway", "site_id", "a gateway stays on its site"),
        stays("equipment_bus", "gateway_id", "a bus stays at its gateway"),
        *refuse_write(
            "connection_of_site",
            "equipment_connection",
            "a meter is read by a gateway of its own site",
            "(SELECT g.site_id FROM equipment_bus b JOIN equipment_gateway g"
            " ON g.id = b.gateway_id WHERE b.id = NEW.bus_id)"
            " <> (SELECT site_id FROM equipment_meter WHERE id = NEW.meter_id)",
        ),
    ]
