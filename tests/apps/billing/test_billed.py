from datetime import UTC, date, datetime

import pytest

from quartier.apps.billing.billed import billed_until
from quartier.apps.billing.models import BillingRun, Invoice
from quartier.apps.contracts.operations import move
from quartier.apps.contracts.protection import Billed

pytestmark = [pytest.mark.django_db, pytest.mark.db]

JANUARY, APRIL, JULY = date(2025, 1, 1), date(2025, 4, 1), date(2025, 7, 1)
NOW = datetime(2025, 7, 2, tzinfo=UTC)


def issue(small, number, first, end, supersedes=None):
    run = BillingRun.objects.create(
        site=small.site,
        from_date=first,
        to_date=end,
        state="issued",
        known_at=NOW,
        finished_at=NOW,
        actor="job",
    )
    return Invoice.objects.create(
        organisation=small.organisation,
        site=small.site,
        run=run,
        billing_point=small.flat,
        party=small.anna,
        kind="credit_note" if supersedes else "invoice",
        number=number,
        from_date=first,
        to_date=end,
        issued_date=end,
        due_date=end,
        language="de",
        currency="CHF",
        total=1,
        document=b"",
        sha256="",
        supersedes=supersedes,
    )


def test_a_move_into_what_was_billed_is_refused_until_a_credit_note_cancels_it(small):
    by = {"by": "job", "at": NOW}
    move(small.flat, JANUARY, small.anna, **by)
    assert billed_until([small.flat.pk]) == {}
    issue(small, "1", JANUARY, APRIL)
    second = issue(small, "2", APRIL, JULY)
    assert billed_until([small.flat.pk, small.other_flat.pk]) == {small.flat.pk: JULY}
    with pytest.raises(Billed, match="until 2025-07-01"):
        move(small.flat, date(2025, 6, 1), small.beat, **by)
    issue(small, "3", APRIL, JULY, supersedes=second)
    assert billed_until([small.flat.pk]) == {small.flat.pk: APRIL}
    move(small.flat, date(2025, 6, 1), small.beat, **by)
    with pytest.raises(Billed, match="until 2025-04-01"):
        move(small.flat, date(2025, 3, 31), small.beat, **by)
