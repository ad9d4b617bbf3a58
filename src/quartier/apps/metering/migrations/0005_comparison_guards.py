"""A comparison that was made stays as it was made."""

from django.db import migrations

from quartier.apps.audit.guards import append_only


class Migration(migrations.Migration):
    dependencies = [("metering", "0004_gateways")]
    operations = [*append_only("metering_comparison", "a comparison")]
