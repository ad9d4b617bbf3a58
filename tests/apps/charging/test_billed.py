"""A car that charges by night and one that charges by day: what stands on the invoice."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from quartier.apps.billing.operations import bill
from quartier.apps.billing.prepare import prepare
from quartier.apps.charging.counting import count_for, count_waiting, decide
from quartier.apps.charging.folding import fold_waiting
from quartier.apps.charging.models import ChargingSession, ChargingStation, Decision
from quartier.apps.sharing.energy import shared_energy
from quartier.apps.sites.models import BillingPoint
from quartier.cli.bench import _world as world
from quartier.core.kernel.period import slot_at
from tests.apps.charging.messages import T0, begin, end, keep, station

pytestmark = [pytest.mark.django_db, pytest.mark.db]

QUARTER = world.QUARTER
NOW = datetime(2026, 10, 3, 9, tzinfo=UTC)
ISSUED = date(2026, 10, 3)
NOON = datetime(2026, 8, 12, 11, tzinfo=UTC)
WH = 3_000
"""An hour of each charge. Little, for the grid meter of this building does not see it."""


@pytest.fixture
def site(db):
    return world.site_with(3, "linde")


def minutes(at):
    return (at - T0) // timedelta(minutes=1)


def charge(row, number, begun_at, *ends):
    """A charge of an hour; ``ends`` are told after so many hours."""
    first = minutes(begun_at)
    told = [begin(first, WH * (number - 1), number)]
    told += [end(first + 60 * hours, WH * number, number) for hours in ends or (1,)]
    keep(row, *told)


def counted(site, *, by_day, ends=()):
    """A station that counts for w001, at which somebody charged once; it is connected still."""
    row = station(site)
    point = BillingPoint.objects.get(site=site, ref="w001")
    count_for(row, point, QUARTER.from_date, at=NOW, actor="test")
    charge(row, 1, NOON if by_day else NOON + timedelta(hours=12), *ends)
    ChargingStation.objects.update(seen_at=NOW, connected_at=NOON, server="here")
    fold_waiting()
    count_waiting(NOW)
    return row, point


def billed(site):
    return bill(site, QUARTER, now=NOW, issued_date=ISSUED, actor="test")


def energy(prepared):
    """kWh of solar and of grid energy that w001 pays."""
    (draft,) = (one for one in prepared.drafts if one.point.ref == "w001")
    found = {}
    for section in draft.document.sections:
        for line in section.lines:
            name = line.component.removesuffix("-nt")  # by night
            if name in ("solar", "grid"):
                found[name] = found.get(name, 0) + line.quantity
    return found


@pytest.mark.parametrize("by_day", [True, False])
def test_a_charge_is_shared_like_any_consumption(site, by_day):
    before, _ = shared_energy(site, QUARTER)
    _, point = counted(site, by_day=by_day)
    after, findings = shared_energy(site, QUARTER)
    assert not [one for one in findings if one.severity == "error"]
    row = after.row(point.pk)
    slot = (
        slot_at(NOON if by_day else NOON + timedelta(hours=12))
        - QUARTER.period(world.timezone_of(site.timezone)).slots.start
    )
    more = after.consumption_mwh[row] - before.consumption_mwh[row]
    assert more[slot : slot + 4].tolist() == [WH * 250] * 4
    assert more.sum() == WH * 1000
    solar = after.solar_mwh[row] - before.solar_mwh[row]
    assert bool(solar.sum()) is by_day
    assert (after.solar_mwh <= after.consumption_mwh).all()


@pytest.mark.parametrize(("by_day", "flow"), [(True, "solar"), (False, "grid")])
def test_it_stands_on_the_invoice_by_where_it_came_from(site, by_day, flow):
    before = prepare(site, QUARTER, known_at=NOW, issued_date=ISSUED)
    counted(site, by_day=by_day)
    after, invoices = billed(site)
    assert invoices, after.findings
    one, other = energy(before), energy(after)
    assert sum(other.values()) - sum(one.values()) == Decimal(WH) / 1000
    assert other[flow] > one[flow]


def test_no_bill_while_a_charge_is_not_decided(site):
    row, _ = counted(site, by_day=True, ends=(1, 2))
    prepared, invoices = billed(site)
    assert not invoices
    assert any("charging-1" in one.where for one in prepared.findings), prepared.findings
    session = ChargingSession.objects.get()
    decide(session, Decision.COUNTED, "looked at", station=row, at=NOW, actor="test")
    count_waiting(NOW)
    prepared, invoices = billed(site)
    assert invoices, prepared.findings


def test_no_bill_while_a_station_may_have_more_to_tell(site):
    row = station(site)
    point = BillingPoint.objects.get(site=site, ref="w001")
    count_for(row, point, QUARTER.from_date, at=NOW, actor="test")
    charge(row, 1, NOON)
    fold_waiting()
    count_waiting(NOW)
    prepared, invoices = billed(site)
    assert not invoices
    gaps = [one for one in prepared.findings if "charging-1" in one.where]
    assert [one.code for one in gaps] == ["metering.gap"]
    ChargingStation.objects.update(seen_at=NOW, connected_at=NOON, server="here")
    count_waiting(NOW)
    assert billed(site)[1]
