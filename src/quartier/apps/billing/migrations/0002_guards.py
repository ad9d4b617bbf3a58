"""What was issued never changes (architecture.md, house rule 5)."""

from django.db import migrations

from quartier.apps.audit.guards import append_only, refuse

_OVERLAP = (
    "NEW.kind = 'invoice' AND EXISTS (SELECT 1 FROM billing_invoice other"
    " WHERE other.billing_point_id = NEW.billing_point_id AND other.kind = 'invoice'"
    " AND other.from_date < NEW.to_date AND other.to_date > NEW.from_date"
    " AND NOT EXISTS (SELECT 1 FROM billing_invoice note WHERE note.supersedes_id = other.id))"
)


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [
        refuse(
            "billing_invoice_once",
            "billing_invoice",
            "INSERT",
            "a part of this period is already billed to this billing point",
            _OVERLAP,
        ),
        *append_only("billing_invoice", "an issued document"),
        *append_only("billing_billingrun", "a billing run"),
    ]
