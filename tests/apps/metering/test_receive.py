"""Batches of a gateway: in any order, twice or in parts, they give the same Wh; nothing is lost."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from quartier.apps.equipment import gateways
from quartier.apps.equipment.models import Device, GatewayFinding, Meter, Register
from quartier.apps.metering import powers, store
from quartier.apps.metering.comparing import NotTheSame, compare_with_display, not_compared
from quartier.apps.metering.models import (
    Comparison,
    IntervalRevision,
    Reading,
    Unplaced,
    UnplacedValue,
)
from quartier.apps.metering.operations import set_lock
from quartier.apps.metering.receive import BufferConflict, receive_batch
from quartier.core.kernel.period import QUARTER_SECONDS, slot_at
from quartier.formats.uplink.batch import Batch, Column, Kind, Measurement

pytestmark = [pytest.mark.django_db, pytest.mark.db]

T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
QUARTER = timedelta(seconds=QUARTER_SECONDS)
NOW = T0 + timedelta(days=1)
BUFFER = "b" * 32


@pytest.fixture
def cellar(site, register):
    gateway = gateways.add_gateway(site, "elm-cellar", at=T0, actor="t")
    for ref in ("m1", "m2"):
        made = register(ref)
        Device.objects.create(meter=made.meter, serial=f"s-{ref}", installed_at=T0 - QUARTER)
    return gateway


def column(ref, values, first=0, *, obis="1-1:1.8.0", kind=Kind.REGISTER, serial=None):
    found = tuple(
        Measurement(T0 + (first + number) * QUARTER, Decimal(value))
        for number, value in enumerate(values)
    )
    return Column(ref, obis, kind, found, f"s-{ref}" if serial is None else serial)


def batch(*columns, first=1, sent_at=NOW, buffer_id=BUFFER):
    count = sum(len(one.measurements) for one in columns)
    return Batch("elm-cellar", buffer_id, first, first + count - 1, sent_at, columns)


def energies(site, ref, count=6):
    found = Register.objects.get(site=site, meter__ref=ref, direction="import")
    slot = slot_at(T0)
    read = store.read(site.pk, [found.pk], slot, slot + count)
    return [
        None if q == 0 else int(e) for e, q in zip(read.energy_wh[0], read.quality[0], strict=True)
    ]


def send(gateway, one, at=NOW):
    return receive_batch(gateway, one, received_at=at)


def test_a_batch_becomes_quarter_hours_and_is_kept(site, cellar):
    got = send(cellar, batch(column("m1", [0, 10, "25.5", 40]), column("m2", [5, 6, 7, 8])))
    assert (got.kept, got.stored, got.waiting, got.findings) == (8, 8, 0, [])
    assert energies(site, "m1", 3) == [10, 15, 15]
    assert energies(site, "m2", 3) == [1, 1, 1]
    assert set(Reading.objects.values_list("source", flat=True)) == {"gateway elm-cellar"}


def test_what_is_acknowledged_is_synced(cellar):
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone() == (2,)  # FULL
            return
        cursor.execute("SET LOCAL synchronous_commit = off")
        send(cellar, batch(column("m1", [0])))
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)


def test_repeated_reordered_and_partial_batches_give_the_same(site, cellar, rng):
    values = [0]
    for _ in range(12):
        values.append(values[-1] + rng.randint(0, 400))
    parts = [
        batch(column("m1", values[n : n + 3], n), first=n + 1) for n in range(0, len(values) - 1, 2)
    ]
    sent = parts * 2
    rng.shuffle(sent)
    for one in sent:
        assert send(cellar, one).kept == one.last
    apart = energies(site, "m1", 12)
    send(cellar, batch(column("m2", values)))
    assert apart == energies(site, "m2", 12)
    assert sum(apart) == values[12]
    assert Reading.objects.count() == 26


def test_what_has_no_place_waits_and_is_placed_with_a_later_batch(site, cellar):
    sent = batch(
        column("m9", [0, 7]),
        column("m1", [0, 4], obis="1-0:2.8.0"),
        column("m2", [0, 9], serial="exchanged"),
    )
    got = send(cellar, sent)
    assert (got.kept, got.stored, got.waiting) == (6, 0, 6)
    assert {one.code for one in got.findings} == {
        "gateway.no_meter",
        "gateway.no_register",
        "gateway.no_device",
    }
    send(cellar, sent)
    assert UnplacedValue.objects.count() == 6
    meter = Meter.objects.create(site=site, ref="m9", name="m9")
    Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
    Device.objects.create(meter=meter, serial="s-m9", installed_at=T0 - QUARTER)
    got = send(cellar, batch(column("m1", [1]), first=7))
    assert (got.stored, got.kept) == (3, 7)
    assert energies(site, "m9", 1) == [7]
    assert sorted(Unplaced.objects.values_list("meter", "reason")) == [
        ("m1", "register"),
        ("m2", "device"),
    ]


@pytest.mark.parametrize(
    ("medium", "stored", "sent", "is_taken"),
    [
        ("electricity", "1-1:1.8.0", "1-0:1.8.0", True),
        ("electricity", "1-1:1.29.0", "1-1:1.8.0", True),
        ("heat", "6-0:1.8.0", "6-0:1.0.0", True),
        ("hot_water", "9-0:1.0.0", "9-0:1.0.0", True),
        ("heat", "6-0:1.8.0", "6-0:2.0.0", False),
        ("heat", "6-0:1.8.0", "1-1:1.8.0", False),
        ("electricity", "1-1:1.8.0", "1-1:1.8.1", False),
        ("electricity", "1-1:1.8.0", "1-1:21.8.0", False),
        ("electricity", "1-1:1.8.0", "no-code", False),
    ],
)
def test_a_total_of_the_meters_own_medium_is_its_register(
    site, cellar, medium, stored, sent, is_taken
):
    Meter.objects.filter(ref="m1").update(medium=medium)
    Register.objects.filter(meter__ref="m1").update(obis=stored)
    got = send(cellar, batch(column("m1", [0, 4], obis=sent)))
    assert (got.stored, got.waiting) == ((2, 0) if is_taken else (0, 2))


def test_what_was_read_in_the_future_or_is_absurd_is_kept_apart(cellar):
    early = T0 + QUARTER - timedelta(seconds=301)
    got = send(cellar, batch(column("m1", [0, 4]), column("m2", ["1e12"])), at=early)
    assert (got.stored, got.waiting, got.kept) == (1, 2, 3)
    assert {"gateway.bad_clock", "gateway.bad_value"} <= {one.code for one in got.findings}
    assert sorted(UnplacedValue.objects.values_list("value", flat=True)) == ["1E+12", "4"]


def test_another_value_for_the_same_instant_is_said_and_both_can_be_read(cellar):
    send(cellar, batch(column("m1", [0, 10])))
    got = send(cellar, batch(column("m1", [0, 11])))
    assert [one.code for one in got.findings] == ["metering.reading_differs"]
    kept = GatewayFinding.objects.get(code="metering.reading_differs")
    assert "11" in kept.text
    assert "10" in kept.text
    send(cellar, batch(column("m1", [0, 11])), at=NOW + QUARTER)
    assert GatewayFinding.objects.get().last_at == NOW + QUARTER


def test_what_a_lock_refuses_is_kept_and_said(site, cellar):
    set_lock(site, "electricity", date(2026, 11, 3), actor="t", at=NOW)
    got = send(cellar, batch(column("m1", [0, 10])))
    assert [one.code for one in got.findings] == ["metering.locked"]
    assert (got.kept, Reading.objects.count()) == (2, 2)
    assert energies(site, "m1", 1) == [None]


def test_a_gap_in_the_numbers_and_a_wrong_clock_are_said(cellar):
    send(cellar, batch(column("m1", [0, 10])))
    got = send(cellar, batch(column("m1", [20], 2), first=10, sent_at=NOW - timedelta(seconds=90)))
    assert {one.code: one.message for one in got.findings} == {
        "gateway.clock": "The clock of the gateway is 90 s behind.",
        "gateway.gap": "7 measurements before number 10 never came: the gateway had no room to "
        "keep them.",
    }
    cellar.refresh_from_db()
    assert cellar.clock_ahead_ms == -90_000
    assert not IntervalRevision.objects.exists()


def test_a_copy_of_a_disk_is_refused(site, cellar):
    send(cellar, batch(column("m1", [0])))
    twin = gateways.add_gateway(site, "twin", at=T0, actor="t")
    with pytest.raises(BufferConflict, match="a copy of this buffer"):
        send(twin, replace(batch(column("m1", [5], 1)), gateway="twin"))
    assert Reading.objects.count() == 1


def test_power_is_kept_for_a_while_and_never_counted(site, cellar):
    power = column("m1", ["1500.25", -800], obis="1-1:16.7.0", kind=Kind.POWER)
    for _ in range(2):
        assert send(cellar, batch(power)).findings == []
    meter = Meter.objects.get(ref="m1").pk
    read = powers.read(site.pk, [meter], T0, T0 + QUARTER * 2)
    assert {minute: read[meter, "1-1:16.7.0"][minute] for minute in (0, 1, 15)} == {
        0: 1500,
        1: powers.MISSING_W,
        15: -800,
    }
    assert not Reading.objects.exists()
    later = T0 + powers.LIVES + timedelta(minutes=61)
    fresh = Measurement(later, Decimal(1))
    send(cellar, batch(replace(power, measurements=(fresh,)), first=3, sent_at=later), at=later)
    assert list(powers.read(site.pk, [meter], T0, T0 + QUARTER * 2)) == []
    assert list(powers.read(site.pk, [meter], later, later + QUARTER)[meter, "1-1:16.7.0"])[:2] == [
        1,
        powers.MISSING_W,
    ]


def test_an_unverified_driver_counts_once_its_display_was_compared(site, cellar):
    bus = gateways.add_bus(cellar, "b", "modbus_tcp", {"host": "h", "port": 502}, at=T0, actor="t")
    found = Register.objects.get(site=site, meter__ref="m1")
    unverified = next(
        one.head.key for one in gateways.drivers() if gateways.is_unverified(one.head.key, {})
    )
    gateways.connect(
        bus, [gateways.Wanted(found.meter, "11")], gateways.How(unverified), at=T0, actor="t"
    )
    send(cellar, batch(column("m1", [0, 0], -2)))
    assert not_compared(site, NOW) == []
    send(cellar, batch(column("m1", [4500, 4800])))
    assert not_compared(site, NOW) == [found]
    assert not_compared(site, T0) == []
    at = T0 + QUARTER
    for shown, when, words in (
        ("48.0", at, "the display shows 48.0, but 4.8"),
        ("0.48", at, "but 4.8"),
        ("4.8", NOW, "within the last hour"),
        ("nan", at, "type the number"),
        ("4.80001", at, "type the number"),
    ):
        with pytest.raises(NotTheSame, match=words):
            compare_with_display(found, Decimal(shown), at=when, actor="i@example.ch")
    compare_with_display(found, Decimal("4.81"), at=at, actor="i@example.ch")
    row = Comparison.objects.get()
    assert (row.by, row.shown, row.read, row.serial) == ("i@example.ch", 4810, 4800, "s-m1")
    assert not_compared(site, NOW) == []
    wanted = [gateways.Wanted(found.meter, "12")]
    gateways.connect(bus, wanted, gateways.How(unverified), at=at + QUARTER, actor="t")
    assert not_compared(site, NOW) == [], "it is read in the same way, at another address"
    model = gateways.drivers()[0].head.models[0].name
    other = gateways.How(unverified, model)
    gateways.connect(bus, wanted, other, at=at + QUARTER, actor="t")
    assert not_compared(site, NOW) == [found], "it is read in another way"
    gateways.connect(bus, wanted, gateways.How(unverified), at=T0, actor="t")
    assert not_compared(site, NOW) == []
    Device.objects.filter(meter=found.meter).update(removed_at=NOW)
    Device.objects.create(meter=found.meter, serial="new", installed_at=NOW)
    assert not_compared(site, NOW) == [found]


def test_a_bill_waits_for_the_comparison(site, cellar):
    from quartier.apps.billing.prepare import prepare
    from quartier.core.kernel.period import Dates

    bus = gateways.add_bus(cellar, "b", "modbus_tcp", {"host": "h", "port": 502}, at=T0, actor="t")
    found = Register.objects.get(site=site, meter__ref="m1")
    how = gateways.How("eastron_sdm630")
    assert gateways.is_unverified(how.driver, how.settings)
    gateways.connect(bus, [gateways.Wanted(found.meter, "11")], how, at=T0, actor="t")
    send(cellar, batch(column("m1", [4500, 4800])))

    def codes():
        dates = Dates(date(2026, 11, 1), date(2026, 11, 3))
        prepared = prepare(site, dates, known_at=NOW, issued_date=date(2026, 11, 3))
        return {one.code for one in prepared.findings}

    assert "billing.unverified_driver" in codes()
    compare_with_display(found, Decimal("4.8"), at=T0 + QUARTER, actor="i@example.ch")
    assert "billing.unverified_driver" not in codes()
