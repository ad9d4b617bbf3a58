"""What was billed to a place, for the operations on contracts that must not move it."""

from collections.abc import Collection
from datetime import date

from django.db.models import Max

from quartier.apps.billing.models import Invoice


def billed_until(billing_point_ids: Collection[int]) -> dict[int, date]:
    """Billing point id to the end (exclusive) of what is billed to it. An invoice that a credit
    note cancels counts no more; a place never billed has no key."""
    rows = Invoice.objects.filter(
        billing_point__in=billing_point_ids, kind=Invoice.Kind.INVOICE, superseded_by=None
    )
    ends = rows.order_by().values("billing_point").annotate(end=Max("to_date"))
    return {row["billing_point"]: row["end"] for row in ends}
