"""Messages to sessions: the same whatever the order and the cuts, and one station at a time."""

import random
from datetime import timedelta

import pytest

from quartier.apps.charging import folding
from quartier.apps.charging.folding import fold, fold_waiting
from quartier.apps.charging.models import (
    ChargingMessage,
    ChargingSession,
    Connector,
    EvseQuarter,
    Folded,
    StatusChange,
)
from quartier.apps.charging.tasks import fold_messages, queue
from quartier.core.charging.session import Stage
from quartier.core.kernel.period import slot_at
from quartier.ocpp.versions import Version
from tests.apps.charging.messages import (
    T0,
    begin,
    end,
    keep,
    minute,
    stamp,
    stands,
    station,
    values,
)
from tests.counts import examples

pytestmark = [pytest.mark.django_db, pytest.mark.db]

WHOLE = (begin(5, 1000), values(15, 2000), values(30, 5000), end(40, 6500))


@pytest.fixture
def garage(small):
    return station(small.site)


def sessions(garage):
    """What the rows say, by transaction."""
    rows = ChargingSession.objects.filter(site_id=garage.site_id, station_id=garage.pk)
    return {
        row.pop("transaction_id"): {
            name: value for name, value in row.items() if name not in ("pk", "station_id")
        }
        for row in rows.order_by("transaction_id").values()
    }


def only(garage):
    (row,) = ChargingSession.objects.filter(site_id=garage.site_id, station_id=garage.pk)
    return row


def codes(row):
    return [one["code"] for one in row.findings]


def test_a_session_of_its_messages(garage):
    keep(garage, stands(0, "Preparing"), *WHOLE, stands(41, "Finishing"), stands(60, "Available"))
    done = fold_waiting()
    assert (done.messages, done.stations, done.failed) == (7, 1, [])
    row = only(garage)
    assert (row.transaction_id, row.stage, row.token, row.evse_id) == ("1", "ended", "04A1B2C3", 1)
    assert (row.begun_at, row.ended_at) == (minute(5), minute(40))
    assert row.first_slot == slot_at(T0)
    assert row.energies_wh == [1000, 3000, 1500]
    assert row.energy_wh == 5500
    assert (row.plugged_in_at, row.plugged_out_at) == (minute(0), minute(60))
    assert row.idle_s == 20 * 60
    assert row.is_sound
    assert not row.findings
    assert fold_waiting().messages == 0


def test_a_session_grows_with_its_messages(garage):
    keep(garage, *WHOLE[:2])
    fold_waiting()
    assert (only(garage).stage, only(garage).energy_wh) == ("running", 1000)
    keep(garage, *WHOLE[2:])
    fold_waiting()
    assert (only(garage).stage, only(garage).energy_wh) == ("ended", 5500)


def story(draw):
    """What a station may tell of a day: sessions on two EVSEs, one without an end."""
    told, number = [], 0
    for evse in (1, 2):
        at, wh = draw.randint(0, 20), draw.randint(0, 5000)
        for _ in range(4):
            number += 1
            told.append(stands(at, "Preparing", evse))
            is_refused = draw.random() < 0.2
            told.append(
                begin(at + 1, wh, number, evse=evse, status="Invalid" if is_refused else "Accepted")
            )
            if not is_refused:
                told.append(stands(at + 2, "Charging", evse))
                for _ in range(draw.randint(0, 5)):
                    at, wh = at + draw.randint(3, 20), wh + draw.randint(0, 3000)
                    told.append(values(at, wh, draw.choice((number, None)), evse=evse))
            at += draw.randint(3, 20)
            if draw.random() < 0.8:
                told.append(end(at, wh, number))
            told.append(stands(at + 1, "Finishing", evse))
            if draw.random() < 0.8:
                told.append(stands(at + 2, "Available", evse))
            at += draw.randint(5, 60)
    return sorted(told, key=lambda one: one[0])


@pytest.mark.parametrize("seed", range(examples(4)))
def test_order_cuts_and_repetition_mean_nothing(small, seed):
    draw = random.Random(seed)
    told = story(draw)
    # A message that is told twice and one that comes late are received later.
    everything = [*told, *draw.sample(told, 5)]
    last = max(at for at, *_ in told)
    straight, mixed = station(small.site, "straight"), station(small.site, "mixed")
    keep(straight, *told)
    fold_waiting()
    draw.shuffle(everything)
    while everything:
        size = draw.randint(1, 6)
        # Late: none comes before it happened.
        keep(mixed, *((last + 500, *one[1:]) for one in everything[:size]))
        del everything[:size]
        fold_waiting()
    assert sessions(mixed) == sessions(straight)
    for row in sessions(straight).values():
        assert sum(row["energies_wh"]) == row["energy_wh"]


def test_energy_of_all_sessions_is_what_the_registers_say(garage):
    draw = random.Random(4)
    told, at, wh = [], 0, 0
    for number in range(1, 30):
        first = wh
        told.append(begin(at, wh, number))
        for _ in range(draw.randint(0, 9)):
            at, wh = at + draw.randint(1, 30), wh + draw.randint(0, 5000)
            told.append(values(at, wh, number))
        told.append(end(at + 1, wh, number))
        at += 10
        assert wh >= first
    draw.shuffle(told)
    keep(garage, *told)
    fold_waiting()
    rows = ChargingSession.objects.filter(station_id=garage.pk)
    assert {row.stage for row in rows} == {"ended"}
    assert sum(row.energy_wh for row in rows) == wh


def test_a_second_begin_after_an_unfinished_one(garage):
    keep(garage, *WHOLE[:3], begin(90, 7000, 2))
    fold_waiting()
    first, second = ChargingSession.objects.order_by("begun_at")
    assert (first.stage, codes(first)) == ("abandoned", ["charging.never_ended"])
    assert (first.energy_wh, second.stage) == (4000, "running")
    keep(garage, end(95, 6500, 1, told_at=40))
    fold_waiting()
    first, second = ChargingSession.objects.order_by("begun_at")
    assert (first.stage, first.energy_wh, second.stage) == ("ended", 5500, "running")


def test_a_refused_begin_closes_none(garage):
    keep(garage, *WHOLE[:2], begin(20, 2500, 2, tag="STRANGER", status="Invalid"))
    fold_waiting()
    running, refused = ChargingSession.objects.order_by("begun_at")
    assert (running.stage, refused.stage, refused.token) == ("running", "refused", "")
    keep(garage, *WHOLE[2:])
    fold_waiting()
    assert [row.stage for row in ChargingSession.objects.order_by("begun_at")] == [
        Stage.ENDED,
        Stage.REFUSED,
    ]


def test_aligned_registers_without_a_transaction(garage):
    keep(garage, begin(5, 1000), values(15, 2000, None), values(30, 5000, None), end(40, 6500))
    fold_waiting()
    row = only(garage)
    assert row.energies_wh == [1000, 3000, 1500]
    assert not row.is_estimated
    assert EvseQuarter.objects.count() == 2


def test_late_aligned_registers_make_it_exact(garage):
    keep(garage, begin(5, 1000), end(40, 6500))
    fold_waiting()
    assert only(garage).is_estimated
    keep(garage, values(50, 2000, None, told_at=15), values(50, 5000, None, told_at=30))
    fold_waiting()
    assert only(garage).energies_wh == [1000, 3000, 1500]
    assert not only(garage).is_estimated


def test_a_station_of_the_newer_version(garage):
    def event(minutes, kind, number, wh, **more):
        asked = {
            "eventType": kind,
            "timestamp": stamp(minutes),
            "triggerReason": "MeterValueClock",
            "seqNo": number,
            "transactionInfo": {"transactionId": "ab-7", "chargingState": "Charging"},
            "evse": {"id": 2, "connectorId": 1},
            "meterValue": [{"timestamp": stamp(minutes), "sampledValue": [{"value": wh}]}],
            **more,
        }
        token = "idToken" in more
        return (
            minutes,
            "TransactionEvent",
            asked,
            {"idTokenInfo": {"status": "Accepted"}} if token else {},
        )

    badge = {"idToken": {"idToken": "04A1B2C3", "type": "ISO14443"}}
    told = [
        event(0, "Started", 0, 1000.5, **badge),
        event(15, "Updated", 1, 3000.5),
        event(20, "Ended", 2, 4000.5),
    ]
    keep(garage, *told, version=Version.V201)
    fold_waiting()
    row = only(garage)
    assert (row.transaction_id, row.evse_id, row.token_kind) == ("ab-7", 2, "ISO14443")
    assert (row.energies_wh, row.charging_s) == ([2000, 1000], 20 * 60)


def test_statuses_are_kept_with_their_instants(garage):
    keep(garage, stands(0, "Available"), stands(5, "Faulted"))
    keep(
        garage,
        (
            7,
            "StatusNotification",
            {"connectorId": 0, "status": "Available", "errorCode": "HighTemperature"},
            {},
        ),
    )
    fold_waiting()
    rows = StatusChange.objects.filter(station_id=garage.pk).order_by("number")
    assert [(row.evse_id, row.status) for row in rows] == [
        (1, "Available"),
        (1, "Faulted"),
        (0, "Available"),
    ]
    assert rows[2].at == minute(7) + timedelta(seconds=1)
    assert rows[2].error == "HighTemperature"


def test_how_connectors_stand_now(garage):
    keep(garage, stands(5, "Charging"), stands(1, "Preparing"), stands(2, "Available", 2))
    fold_waiting()
    keep(garage, stands(4, "SuspendedEV"))
    fold_waiting()
    rows = Connector.objects.filter(station_id=garage.pk).order_by("evse_id")
    assert [(row.evse_id, row.status, row.state) for row in rows] == [
        (1, "Occupied", "Charging"),
        (2, "Available", ""),
    ]
    assert rows[0].at == minute(5)


def test_what_a_station_said_of_itself(garage):
    about = {"chargePointVendor": "ABB", "chargePointModel": "Terra AC", "firmwareVersion": "1.8"}
    answer = {"status": "Accepted", "currentTime": stamp(0), "interval": 300}
    keep(garage, (0, "BootNotification", about, answer))
    fold_waiting()
    garage.refresh_from_db()
    assert (garage.vendor, garage.model, garage.firmware) == ("ABB", "Terra AC", "1.8")
    assert garage.booted_at == minute(0) + timedelta(seconds=1)


def test_a_station_that_cannot_be_read_keeps_no_other_from_its_sessions(garage, small, caplog):
    other = station(small.site, "TACW*2")
    keep(garage, *WHOLE)
    keep(other, *WHOLE)
    broken = garage.pk
    ChargingMessage.objects.filter(station_id=broken, number=2).update(asked="{")
    done = fold_waiting()
    assert done.failed == [broken]
    assert "cannot be read" in caplog.text
    assert only(other).energy_wh == 5500
    assert not ChargingSession.objects.filter(station_id=broken).exists()
    assert not Folded.objects.filter(station_id=broken, number__gt=0).exists()


def test_many_messages_are_read_in_parts(garage, monkeypatch):
    monkeypatch.setattr(folding, "MOST_AT_ONCE", 3)
    keep(garage, *WHOLE)
    assert fold(garage.site_id, garage.pk) == 3
    assert fold_waiting().messages == 1
    assert only(garage).energy_wh == 5500


def test_queries_do_not_grow_with_messages(garage, django_assert_max_num_queries):
    many = [values(6 + number / 10, 1000 + number, 1) for number in range(500)]
    keep(garage, WHOLE[0], *many)
    with django_assert_max_num_queries(30):
        fold(garage.site_id, garage.pk)
    keep(garage, end(80, 6500))
    with django_assert_max_num_queries(30):
        fold(garage.site_id, garage.pk)
    assert only(garage).energy_wh == 5500


def test_stations_without_news_cost_one_query(small, django_assert_num_queries):
    for number in range(20):
        keep(station(small.site, f"s{number}"), *WHOLE)
    fold_waiting()
    with django_assert_num_queries(1):
        assert fold_waiting().stations == 0


def test_the_job_reads_what_waits_and_comes_again(garage):
    keep(garage, *WHOLE)
    assert fold_messages.call() == {
        "stations": 1,
        "messages": 4,
        "not_read": 0,
        "counted": 0,
    }
    assert only(garage).energy_wh == 5500
    assert fold_messages.call() == {
        "stations": 0,
        "messages": 0,
        "not_read": 0,
        "counted": 0,
    }
    assert not queue(after=minute(0)), "it waits already"
