"""Entries balance when they are closed, and are never changed afterwards."""

from django.db import migrations

from quartier.apps.audit.guards import append_only, refuse

_BALANCE = "(SELECT COALESCE(SUM(amount), 0) FROM ledger_posting WHERE entry_id = OLD.id)"
_COUNT = "(SELECT COUNT(*) FROM ledger_posting WHERE entry_id = OLD.id)"
_CLOSED = "(SELECT is_closed FROM ledger_entry WHERE id = NEW.entry_id)"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [
        refuse(
            "ledger_entry_balances",
            "ledger_entry",
            "UPDATE",
            "an entry is closed only when its postings balance",
            f"NEW.is_closed AND (ROUND({_BALANCE}, 2) <> 0 OR {_COUNT} < 2)",
        ),
        refuse(
            "ledger_entry_starts_open",
            "ledger_entry",
            "INSERT",
            "an entry is written open and closed when it balances",
            "NEW.is_closed",
        ),
        refuse(
            "ledger_entry_stays",
            "ledger_entry",
            "UPDATE",
            "a closed entry is never changed; reverse it",
            "OLD.is_closed",
        ),
        refuse(
            "ledger_entry_no_delete",
            "ledger_entry",
            "DELETE",
            "an entry is never deleted; reverse it",
        ),
        refuse(
            "ledger_posting_in_open_entry",
            "ledger_posting",
            "INSERT",
            "a closed entry takes no more postings",
            _CLOSED,
        ),
        *append_only("ledger_posting", "a posting"),
    ]
