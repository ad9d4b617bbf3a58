"""The trail is append-only (rules.md g)."""

from django.db import migrations

from quartier.apps.audit.guards import append_only


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = append_only("audit_event", "an audit event")
