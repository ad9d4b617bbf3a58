"""Cancel an issued invoice with a credit note; its period can then be billed again.

A credit note and a new invoice are the only correction there is: what was issued never changes.
"""

import argparse
import os
from datetime import UTC, datetime

from quartier.apps.billing.models import Invoice
from quartier.apps.billing.operations import credit
from quartier.cli import GOOD, UserError
from quartier.cli._dates import iso_date
from quartier.core.invoicing.credit import BadReason, NotCreditable

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", help="number of the invoice to cancel")
    parser.add_argument("--reason", required=True, help="stands on the credit note")
    parser.add_argument("--organisation", metavar="REF", help="where two issue the same number")
    parser.add_argument("--issued", type=iso_date, metavar="DATE", help="default: today")


def run(args: argparse.Namespace) -> int:
    found = Invoice.objects.filter(number=args.number).select_related("site__organisation")
    if args.organisation:
        found = found.filter(organisation__ref=args.organisation)
    invoices = list(found[:2])
    if not invoices:
        raise UserError(f"no document {args.number!r} was issued; check its number")
    if len(invoices) > 1:
        raise UserError(f"several organisations issued {args.number!r}; add --organisation REF")
    now = datetime.now(UTC)
    try:
        note = credit(
            invoices[0],
            now=now,
            issued_date=args.issued or now.date(),
            actor=f"command line ({os.environ.get('USER') or 'unknown'})",
            reason=args.reason,
        )
    except (NotCreditable, BadReason) as problem:
        raise UserError(str(problem)) from None
    print(f"{note.number} cancels {args.number}: {note.total:.2f} {note.currency}")
    return GOOD
