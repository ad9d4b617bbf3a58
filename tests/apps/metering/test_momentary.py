"""What meters showed last: one row a meter, the latest value of each code."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.apps.equipment import gateways
from quartier.apps.equipment.configuration import newest
from quartier.apps.equipment.inspecting import LASTS, begin_inspection, end_inspection
from quartier.apps.equipment.models import Gateway
from quartier.apps.metering import momentary
from quartier.apps.metering.models import Momentary, Unplaced
from quartier.apps.metering.places import Places
from quartier.apps.metering.receive import receive_batch
from quartier.core.kernel.obis import Obis
from quartier.formats.uplink.batch import Batch, Column, Kind, Measurement
from quartier.formats.uplink.configuration import decode

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VOLTS, POWER = "1-1:32.7.0", "1-1:16.7.0"


@pytest.fixture
def cellar(site, register):
    gateway = gateways.add_gateway(site, "elm-cellar", at=NOW, actor="t")
    register("m1")
    return gateway


def column(*values, obis=VOLTS, kind=Kind.MOMENTARY, meter="m1", starts_at=NOW - 10 * MINUTE):
    rows = [
        Measurement(starts_at + minute * MINUTE, Decimal(value))
        for minute, value in enumerate(values)
    ]
    return Column(meter, obis, kind, tuple(rows))


def send(gateway, *columns, first=1):
    count = sum(len(one.measurements) for one in columns)
    batch = Batch("elm-cellar", "c" * 32, first, first + count - 1, NOW, columns)
    return receive_batch(gateway, batch, received_at=NOW)


def shown(since=NOW - timedelta(hours=1)):
    return {
        str(code): str(value)
        for code, value in momentary.values_of(Momentary.objects.get(), since=since).items()
    }


@pytest.mark.django_db
@pytest.mark.db
def test_the_last_of_each_code_stays_whatever_comes_later(cellar):
    answer = send(cellar, column("230.1", "231.2"), column(500, obis=POWER, kind=Kind.POWER))
    assert (answer.findings, answer.kept, answer.waiting) == ([], 3, 0)
    assert shown() == {VOLTS: "231.2", POWER: "500"}
    send(cellar, column("240", starts_at=NOW - 30 * MINUTE), first=4)
    send(cellar, column("500", starts_at=NOW - MINUTE, obis="31.7"), first=5)
    assert shown() == {VOLTS: "231.2", POWER: "500", "1-1:31.7.0": "500"}
    assert shown(since=NOW - 5 * MINUTE) == {"1-1:31.7.0": "500"}
    assert momentary.last_at(Momentary.objects.get()) == NOW - MINUTE
    assert not Unplaced.objects.exists()


@pytest.mark.django_db
@pytest.mark.db
def test_what_belongs_nowhere_is_said(cellar):
    answer = send(
        cellar,
        column(230, meter="m9"),
        column(1, obis="1-1:1.8.0"),
        column(1, obis="odd"),
        column(230, starts_at=NOW + timedelta(hours=1)),
        column(50, obis="6-0:8.0.0", kind=Kind.POWER),
    )
    assert [one.code for one in answer.findings] == [
        *["gateway.unknown_momentary"] * 3,
        "gateway.momentary_in_future",
    ]
    assert answer.kept == 5
    assert not Momentary.objects.exists()


@pytest.mark.django_db
@pytest.mark.db
def test_a_batch_without_momentary_values_asks_nothing_and_more_meters_ask_no_more(site, register):
    register("m1")
    register("m2")
    places = Places.of(site.pk)
    batch = Batch("elm-cellar", "c" * 32, 1, 1, NOW, (column(7, kind=Kind.REGISTER),))
    with CaptureQueriesContext(connection) as none:
        momentary.keep(places, batch, at=NOW)
    both = replace(batch, columns=(column(230), column(230, meter="m2")))
    with CaptureQueriesContext(connection) as two:
        momentary.keep(places, both, at=NOW)
    assert (len(none), len(two)) == (0, 2)


@pytest.mark.django_db
@pytest.mark.db
def test_an_inspection_is_in_the_configuration_until_it_is_over(site, cellar):
    assert begin_inspection(site, at=NOW, actor="t") is None  # nothing is paired
    Gateway.objects.update(paired_at=NOW)
    gateways.add_bus(
        cellar, "b", "modbus_tcp", {"host": "10.0.0.2", "port": 502}, at=NOW, actor="t"
    )
    before, _ = newest(cellar, at=NOW)
    until = begin_inspection(site, at=NOW, actor="t")
    number, data = newest(cellar, at=NOW)
    assert (number, decode(data).inspect_until, until) == (before + 1, NOW + LASTS, NOW + LASTS)
    number, data = newest(cellar, at=until)
    assert (number, b"inspect" in data) == (before + 2, False)
    begin_inspection(site, at=NOW, actor="t")
    end_inspection(site, at=NOW, actor="t")
    assert b"inspect" not in newest(cellar, at=NOW)[1]


@given(st.dictionaries(st.sampled_from([VOLTS, POWER]), st.decimals(-(10**9), 10**9, places=3)))
@settings(max_examples=30)
def test_values_come_back_with_all_digits(values):
    row = Momentary(shown={code: [f"{value:f}", 10**12] for code, value in values.items()})
    read = momentary.values_of(row, since=datetime(2001, 1, 1, tzinfo=UTC))
    assert {str(code): str(value) for code, value in read.items()} == {
        code: f"{value:f}" for code, value in values.items()
    }
    assert all(isinstance(code, Obis) for code in read)
