"""A frozen allocation never changes."""

from django.db import migrations

from quartier.apps.audit.guards import append_only


class Migration(migrations.Migration):
    dependencies = [("sharing", "0001_initial")]
    operations = append_only("sharing_allocationblock", "a billed allocation")
