"""Background jobs: the PDFs of a billing run, ready before anybody asks for one."""

from django.utils import timezone
from django_tasks import task

from quartier.apps.billing.models import Invoice
from quartier.apps.documents.operations import print_documents


@task()
def print_run(run_id: int) -> dict[str, int]:
    """Print all documents of a run; those already stored are left alone, so it may run twice."""
    invoices = Invoice.objects.filter(run_id=run_id).select_related("organisation", "site")
    printed = print_documents(invoices.iterator(chunk_size=64), now=timezone.now())
    return {
        "written": len(printed.written),
        "kept": len(printed.kept),
        "findings": len(printed.findings),
    }
