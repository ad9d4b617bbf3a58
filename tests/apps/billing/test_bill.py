"""From stored intervals to issued documents: exact, once, all or nothing, never silent."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from quartier.apps.billing import operations
from quartier.apps.billing.check import check as check_documents
from quartier.apps.billing.conditions import changes_inside
from quartier.apps.billing.market import NoMarket, terms_of
from quartier.apps.billing.models import BillingRun, Invoice, NumberSequence
from quartier.apps.billing.operations import bill, credit, issue
from quartier.apps.billing.prepare import prepare
from quartier.apps.contracts.mapping import content_of, sheet_of
from quartier.apps.contracts.models import Community, Issuer, Occupancy, PriceSheet, Solution
from quartier.apps.contracts.queries import communities_in
from quartier.apps.equipment.models import Assignment, Meter, Register
from quartier.apps.ledger.check import check as check_books
from quartier.apps.ledger.models import Entry, Posting
from quartier.apps.metering import store
from quartier.apps.parties.models import Party
from quartier.apps.sharing.frozen import thaw as thaw_allocation
from quartier.apps.sites.models import BillingPoint, Note
from quartier.cli.bench import _world as world
from quartier.cli.bench._world import KNOWN_AT, QUARTER
from quartier.core.invoicing.credit import NotCreditable
from quartier.core.invoicing.document import CapStatus
from quartier.core.invoicing.frozen import freeze, thaw
from quartier.core.kernel.period import Dates
from quartier.core.metering.intervals import Series
from quartier.formats.qr_bill.swico import parse_s1

pytestmark = pytest.mark.db

ISSUED = date(2026, 10, 5)
ZURICH_SUMMER = "Europe/Zurich"


@pytest.fixture
def site(db):
    return world.site_with(4, "linde")


def prepared(site, dates=QUARTER):
    return prepare(site, dates, known_at=KNOWN_AT, issued_date=ISSUED)


def billed(site, dates=QUARTER, now=KNOWN_AT):
    return bill(site, dates, now=now, issued_date=ISSUED, actor="test")


def codes(result):
    return sorted({finding.code for finding in result.findings})


def register(site, ref, direction="import"):
    return Register.objects.get(site=site, meter__ref=ref, direction=direction)


# -- what is billed is what was measured ----------------------------------------------------------


def test_every_household_gets_a_document_that_adds_up(site):
    run, invoices = billed(site)
    assert codes(run) == []
    assert len(invoices) == 4
    measured = store.read(
        site.pk, [register(site, f"m{n:03d}").pk for n in range(1, 5)],
        run.shared.slots.start, run.shared.slots.stop,
    )  # fmt: skip
    for row, invoice in enumerate(sorted(invoices, key=lambda one: one.billing_point.ref)):
        document = thaw(bytes(invoice.document))
        used_wh = int(measured.energy_wh[row].sum())
        assert document.energy.total_wh == used_wh
        assert document.energy.solar_wh + document.energy.grid_wh == used_wh
        assert sum(bar.solar_wh + bar.grid_wh for bar in document.energy.bars) == used_wh
        lines = {line.component: line for line in document.lines}
        assert (
            lines["solar"].quantity_wh + lines["solar-nt"].quantity_wh == document.energy.solar_wh
        )
        assert lines["grid"].quantity_wh + lines["grid-nt"].quantity_wh == document.energy.grid_wh
        assert sum(line.amount for line in document.lines) == document.net
        assert document.net + document.tax == document.total == invoice.total
        assert document.caps[0].status is CapStatus.TENANT
        assert document.caps[0].billed_exact <= document.caps[0].cap_exact
        assert document.payment.amount == document.total
        assert len(document.payment.reference) == 27


def test_the_solar_energy_billed_is_the_solar_energy_used(site):
    run, invoices = billed(site)
    documents = [thaw(bytes(invoice.document)) for invoice in invoices]
    used_mwh = int(run.shared.used_mwh.sum())
    assert sum(document.energy.solar_wh for document in documents) * 1000 == used_mwh
    assert used_mwh == int(run.shared.solar_mwh.sum())
    first_slot, solar = thaw_allocation(site.pk, invoices[0].run_id, invoices[0].billing_point_id)
    assert first_slot == run.shared.first_slot
    assert np.array_equal(solar, run.shared.solar_mwh[run.shared.row(invoices[0].billing_point_id)])


def test_a_dry_run_writes_nothing_and_gives_the_same_bytes_twice(site):
    first = [freeze(draft.document) for draft in prepared(site).drafts]
    second = [freeze(draft.document) for draft in prepared(site).drafts]
    assert first == second
    assert not Invoice.objects.exists()
    assert not BillingRun.objects.exists()


# -- once -----------------------------------------------------------------------------------------


def test_what_is_issued_is_left_alone(site):
    _, invoices = billed(site)
    again, nothing = billed(site)
    assert nothing == ()
    assert {one.number for one in again.issued} == {one.number for one in invoices}
    assert Invoice.objects.count() == 4
    assert Entry.objects.count() == 4


def test_a_period_that_overlaps_is_refused(site):
    billed(site)
    run, invoices = billed(site, Dates(date(2026, 9, 1), date(2026, 10, 1)))
    assert codes(run) == ["billing.overlap"]
    assert invoices == ()


def test_numbers_have_no_holes(site):
    _, invoices = billed(site)
    assert [one.number for one in invoices] == [f"linde-2026-{n:05d}" for n in range(1, 5)]
    other = world.site_with(2, "ahorn")
    _, more = billed(other)
    assert [one.number for one in more] == ["ahorn-2026-00001", "ahorn-2026-00002"]
    references = {thaw(bytes(one.document)).payment.reference for one in Invoice.objects.all()}
    assert len(references) == 6


def test_the_database_refuses_a_second_invoice_and_changes(site):
    run = prepared(site)
    issue(run, now=KNOWN_AT, actor="test")
    with pytest.raises(DatabaseError, match="already billed"), transaction.atomic():
        issue(run, now=KNOWN_AT, actor="test")
    assert Invoice.objects.count() == 4
    assert BillingRun.objects.count() == 1
    assert NumberSequence.objects.get().next_number == 5
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        Invoice.objects.update(total=Decimal(0))
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        Invoice.objects.all()._raw_delete("default")


def test_a_credit_note_frees_the_period(site):
    _, invoices = billed(site)
    note = credit(invoices[0], now=KNOWN_AT, issued_date=ISSUED, actor="test", reason="Ablesung")
    assert note.total == -invoices[0].total
    assert thaw(bytes(note.document)).supersedes == invoices[0].number
    with pytest.raises(NotCreditable):
        credit(invoices[0], now=KNOWN_AT, issued_date=ISSUED, actor="test", reason="again")
    run, more = billed(site)
    assert len(run.issued) == 3
    assert [one.billing_point_id for one in more] == [invoices[0].billing_point_id]
    balance = sum(
        Posting.objects.filter(account="1100").values_list("amount", flat=True), Decimal(0)
    )
    assert balance == sum(one.total for one in [*invoices[1:], *more])
    assert list(check_books(site)) == []
    assert list(check_documents(site)) == []


def test_two_who_cancel_an_invoice_at_once_cancel_it_once(site, monkeypatch):
    _, invoices = billed(site)
    take, calls = operations._take_numbers, []

    def after_the_other(*args):
        calls.append(args)
        if len(calls) == 1:  # the other's is committed while this one waits for the number
            credit(invoices[0], now=KNOWN_AT, issued_date=ISSUED, actor="other", reason="x")
        return take(*args)

    monkeypatch.setattr(operations, "_take_numbers", after_the_other)
    with pytest.raises(NotCreditable, match="cancelled already"):
        credit(invoices[0], now=KNOWN_AT, issued_date=ISSUED, actor="test", reason="x")


# -- a change of tenant ---------------------------------------------------------------------------


def test_a_move_inside_the_period_gives_two_invoices(site):
    point = BillingPoint.objects.get(site=site, ref="w001")
    party = Party.objects.create(
        organisation=site.organisation, ref="new", name="Neu", postcode="8000", town="Zürich"
    )
    before = {one.point.ref: one.document for one in prepared(site).drafts}["w001"]
    Occupancy.objects.create(billing_point=point, party=party, starts_date=date(2026, 8, 18))
    _, invoices = billed(site)
    mine = sorted(
        (one for one in invoices if one.billing_point_id == point.pk), key=lambda i: i.from_date
    )
    assert [(one.from_date, one.to_date) for one in mine] == [
        (date(2026, 7, 1), date(2026, 8, 18)),
        (date(2026, 8, 18), date(2026, 10, 1)),
    ]
    assert mine[1].party_id == party.pk
    documents = [thaw(bytes(one.document)) for one in mine]
    assert sum(one.energy.total_wh for one in documents) == before.energy.total_wh
    assert abs(sum(one.total for one in documents) - before.total) <= Decimal("0.05")


# -- it fails closed, and says everything at once -------------------------------------------------


def test_gaps_unmapped_meters_holes_and_issues_are_all_listed_at_once(site):
    slots = QUARTER.period(world.timezone_of(site.timezone)).slots
    gone = Register.objects.get(site=site, meter__ref="m002")
    Meter.objects.filter(pk=gone.meter_id).update(is_enabled=False)
    new = Meter.objects.create(site=site, ref="m002b", name="Ersatz")
    Assignment.objects.create(
        meter=new, billing_point=BillingPoint.objects.get(ref="w002"), starts_date=world.START
    )
    patchy = Register.objects.create(site=site, meter=new, obis="1-1:1.29.0")
    ones = np.ones(len(slots) - 96, np.int64)
    store.write(
        site.pk, [Series(patchy.pk, slots.start + 96, ones, ones.astype(np.uint8))],
        source="test", known_at=KNOWN_AT,
    )  # fmt: skip
    Meter.objects.create(site=site, ref="m009", name="Neu, noch niemandem zugeordnet")
    Note.objects.create(site=site, kind=Note.Kind.ISSUE, text="Zähler prüfen")
    PriceSheet.objects.filter(site=site).update(ends_date=date(2026, 9, 1))
    run, invoices = billed(site)
    assert invoices == ()
    assert not Invoice.objects.exists()
    assert {"billing.issue", "metering.gap", "rating.uncovered", "sharing.unmapped"} <= set(
        codes(run)
    )
    gap = next(one for one in run.findings if one.code == "metering.gap")
    assert "96 quarter-hours" in gap.message
    assert "01.07.2026" in gap.message
    kept = BillingRun.objects.get()
    assert kept.state == "refused"
    assert len(kept.findings) == len(run.findings)


def test_a_temporary_value_is_never_billed(site):
    one = register(site, "m001")
    slots = QUARTER.period(world.timezone_of(site.timezone)).slots
    store.write(
        site.pk, [Series(one.pk, slots.start, np.array([5]), np.array([6], np.uint8))],
        source="test", known_at=KNOWN_AT - timedelta(hours=1),
    )  # fmt: skip
    run, invoices = billed(site)
    assert codes(run) == ["metering.gap"]
    assert "without final value" in run.findings[0].message
    assert invoices == ()


BREAK = {
    "billing.no_issuer": lambda site: Issuer.objects.filter(site=site).delete(),
    "sharing.no_community": lambda site: Community.objects.filter(site=site).delete(),
    "sharing.rule": lambda site: Community.objects.filter(site=site).update(rule="quota"),
    "billing.no_market": lambda site: type(site).objects.filter(pk=site.pk).update(country="XX"),
    "qr_bill.not_qr_iban": lambda site: Issuer.objects.filter(site=site).update(
        iban="CH9300762011623852957"
    ),
    "billing.nobody": lambda site: BillingPoint.objects.update(is_billed=False),
}


@pytest.mark.parametrize(("code", "break_it"), BREAK.items(), ids=BREAK)
def test_what_is_missing_is_said(site, code, break_it):
    break_it(site)
    site.refresh_from_db()
    run, invoices = billed(site)
    assert codes(run) == [code]
    assert invoices == ()
    assert all(finding.remedy or code == "billing.no_market" for finding in run.findings)


def test_a_meter_that_does_not_fit_the_grid_meter_stops_the_bill(site):
    slots = QUARTER.period(world.timezone_of(site.timezone)).slots
    grid = register(site, "grid")
    known = store.read(site.pk, [grid.pk], slots.start, slots.stop)
    store.write(
        site.pk,
        [Series(grid.pk, slots.start, known.energy_wh[0] * 3, known.quality[0])],
        source="test",
        known_at=KNOWN_AT - timedelta(hours=1),
    )
    run, invoices = billed(site)
    assert codes(run) == ["sharing.residual"]
    assert invoices == ()


# -- as of ----------------------------------------------------------------------------------------


def test_a_bill_rests_on_what_was_known(site):
    before = [freeze(draft.document) for draft in prepared(site).drafts]
    slots = QUARTER.period(world.timezone_of(site.timezone)).slots
    one = register(site, "m001")
    known = store.read(site.pk, [one.pk], slots.start, slots.start + 96)
    store.write(
        site.pk,
        [Series(one.pk, slots.start, known.energy_wh[0] + 7, known.quality[0])],
        source="correction",
        known_at=KNOWN_AT + timedelta(days=1),
    )
    assert [freeze(draft.document) for draft in prepared(site).drafts] == before
    later = prepare(site, QUARTER, known_at=KNOWN_AT + timedelta(days=2), issued_date=ISSUED)
    assert [freeze(draft.document) for draft in later.drafts] != before


# -- constant number of queries --------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_the_site(site):
    larger = world.site_with(12, "eiche")
    with CaptureQueriesContext(connection) as small:
        prepared(site)
    with CaptureQueriesContext(connection) as large:
        prepared(larger)
    assert len(small) == len(large)


def test_what_the_others_pay_does_not_depend_on_who_was_billed_before(site):
    point = BillingPoint.objects.get(site=site, ref="w001")
    party = Party.objects.create(
        organisation=site.organisation, ref="new", name="Neu", postcode="8000", town="Zürich"
    )
    Occupancy.objects.create(billing_point=point, party=party, starts_date=date(2026, 8, 18))
    alone = {one.point.ref: one.document for one in prepared(site).drafts}
    _, invoices = billed(site)
    other = next(one for one in invoices if one.billing_point.ref == "w003")
    credit(other, now=KNOWN_AT, issued_date=ISSUED, actor="test", reason="x")
    again = prepared(site)
    assert [one.point.ref for one in again.drafts] == ["w003"]
    assert again.drafts[0].document == alone["w003"]


def test_the_vat_of_a_payment_part_is_not_that_of_the_levies(site):
    """In Swico S1 a rate alone is that of the whole amount."""
    _, invoices = billed(site)
    document = thaw(bytes(invoices[0].document))
    standard, exempt = document.vat
    assert (standard.rate, exempt.rate) == (Decimal("8.1"), 0)
    stated = dict(
        part.split(":") for part in parse_s1(document.payment.bill_information)["32"].split(";")
    )
    assert {Decimal(rate): Decimal(base) for rate, base in stated.items()} == {
        standard.rate: standard.base,
        exempt.rate: exempt.base,
    }


# -- what the sheets and the law say --------------------------------------------------------------


def change_sheet(site, change):
    row = PriceSheet.objects.get(site=site)
    row.content, row.sha256 = content_of(change(sheet_of(row)))
    row.save()


def test_a_fee_a_meter_counts_the_meters(site):
    def per_meter(sheet):
        *rest, fee = sheet.components
        return replace(sheet, components=(*rest, replace(fee, per_meter=True)))

    change_sheet(site, per_meter)
    Assignment.objects.filter(meter__ref="m002").update(
        billing_point=BillingPoint.objects.get(site=site, ref="w001")
    )
    fees = {
        draft.point.ref: next(x for x in draft.document.lines if x.component == "fee").quantity
        for draft in prepared(site).drafts
    }
    assert fees == {"w001": 6, "w002": 0, "w003": 3, "w004": 3}


def test_what_the_law_does_not_know_is_a_finding(site):
    change_sheet(
        site,
        lambda sheet: replace(
            sheet, components=tuple(replace(c, vat_code="luxury") for c in sheet.components)
        ),
    )
    run, invoices = billed(site)
    assert codes(run) == ["billing.law"]
    assert len(run.findings) == 4
    assert "no VAT rate 'luxury'" in run.findings[0].message
    assert invoices == ()


def test_a_sheet_of_another_time_zone_is_a_finding(site):
    change_sheet(site, lambda sheet: replace(sheet, timezone="UTC"))
    run, invoices = billed(site)
    assert codes(run) == ["rating.unusable"]
    assert invoices == ()


@pytest.mark.parametrize("kinds", [("leg", "zev"), ("zev", "leg")])
def test_a_cap_that_binds_only_a_part_of_the_period_is_a_finding(site, kinds):
    Community.objects.filter(site=site).update(kind=kinds[0])
    Community.objects.create(
        site=site, starts_date=date(2026, 9, 1), rule="proportional", kind=kinds[1]
    )
    terms = terms_of("CH", "CHF", QUARTER.from_date, is_capped=True)
    (finding,) = changes_inside(site, QUARTER, communities_in(site, QUARTER), terms)
    assert finding.code == "billing.community"
    assert "2026-09-01" in finding.message


def test_a_local_community_bills_its_own_energy_alone(site):
    """The grid operator bills the rest (rules.md a.4), so the sheet prices the sun alone."""
    slots = prepared(site).shared.slots
    Community.objects.filter(site=site).update(kind="leg")
    splits = []
    for number, meter in enumerate(Meter.objects.filter(ref__startswith="m").order_by("ref")):
        total = Register.objects.get(meter=meter, part="total")
        share = Register.objects.create(site=site, meter=meter, obis="1-1:1.29.0", part="community")
        known = store.read(site.pk, [total.pk], slots.start, slots.stop).energy_wh[0]
        split = known // (number + 2)
        splits.append(Series(share.pk, slots.start, split, np.ones(len(slots), np.uint8)))
    store.write(site.pk, splits, source="test", known_at=world.KNOWN_AT)

    def sun_alone(sheet):
        kept = [one for one in sheet.components if one.flow != "grid"]
        return replace(sheet, components=tuple(kept))

    assert "rating.no_price" not in codes(prepared(site))
    change_sheet(site, sun_alone)
    run, invoices = billed(site)
    assert codes(run) == []
    for invoice, split in zip(
        sorted(invoices, key=lambda one: one.billing_point.ref), splits, strict=True
    ):
        document = thaw(bytes(invoice.document))
        assert {line.flow for line in document.lines} == {"solar", ""}
        billed_wh = sum(line.quantity_wh for line in document.lines if line.flow == "solar")
        assert billed_wh == int(split.energy_wh.sum()) == document.energy.solar_wh
        assert document.caps == ()


def test_a_law_that_changes_inside_the_period_is_a_finding(site):
    old = terms_of("CH", "CHF", date(2022, 12, 1), is_capped=True)
    (finding,) = changes_inside(site, Dates(date(2022, 12, 1), date(2023, 2, 1)), (), old)
    assert finding.code == "billing.law"
    assert not list(changes_inside(site, Dates(date(2022, 12, 1), date(2023, 1, 1)), (), old))
    with pytest.raises(NoMarket, match="not in force"):
        terms_of("CH", "CHF", date(2017, 12, 1), is_capped=True)


def test_a_dwelling_without_a_meter_is_said(site):
    point = BillingPoint.objects.create(
        site=site, building=site.buildings.get(), ref="w009", name="Wohnung 9"
    )
    owner = Party.objects.get(ref="linde-owner")
    Occupancy.objects.create(
        billing_point=point, party=owner, status="owner", starts_date=world.START
    )
    run, invoices = billed(site)
    assert codes(run) == ["billing.no_meter"]
    assert len(invoices) == 5


def test_the_section_is_called_what_the_site_calls_it(site):
    def titles():
        return {section.title for one in prepared(site).drafts for section in one.document.sections}

    assert titles() == {"Strom"}
    Solution.objects.create(
        site=site, kind="electricity", label="Energie aus dem Hof", starts_date=world.START
    )
    assert titles() == {"Energie aus dem Hof"}


def test_a_period_that_is_not_over_is_said(site):
    world.write_energy(site, Dates(date(2026, 10, 1), date(2026, 10, 2)))
    run = prepared(site, Dates(date(2026, 7, 1), date(2026, 10, 2)))
    assert codes(run) == ["billing.too_early"]
    assert run.can_issue
