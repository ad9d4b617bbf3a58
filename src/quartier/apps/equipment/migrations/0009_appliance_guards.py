"""An appliance stays on its site, with a bus and a meter of it."""

from django.db import migrations

from quartier.apps.audit.guards import refuse_write, stays


class Migration(migrations.Migration):
    dependencies = [("equipment", "0008_appliances")]
    operations = [
        stays("equipment_appliance", "site_id", "an appliance stays on its site"),
        *refuse_write(
            "appliance_of_site",
            "equipment_appliance",
            "an appliance has its bus and its meter on its own site",
            "(SELECT gateway.site_id FROM equipment_bus bus"
            " JOIN equipment_gateway gateway ON gateway.id = bus.gateway_id"
            " WHERE bus.id = NEW.bus_id) <> NEW.site_id"
            " OR (SELECT site_id FROM equipment_meter WHERE id = NEW.meter_id) <> NEW.site_id",
        ),
    ]
