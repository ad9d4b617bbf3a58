"""Looked up for many registers at once or for one: the same readings around new ones."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.apps.metering import surroundings as module
from quartier.apps.metering.conversion import IncomingReading, receive
from quartier.apps.metering.models import Reading
from quartier.apps.metering.surroundings import surroundings

pytestmark = [pytest.mark.django_db, pytest.mark.db]

T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
QUARTER = timedelta(minutes=15)

STEPS_S = st.sampled_from([1, 20, 40, 300, 895, 900, 905, 3600, 7200, 86_400, 5 * 86_400])


def reading(site, register_id, at, value):
    return Reading(
        site_id=site.pk,
        register_id=register_id,
        read_at=at,
        source="t",
        value=Decimal(value),
        quality=1,
        received_at=T0,
    )


@pytest.mark.drill
def test_the_same_for_many_and_for_one(site, register, drill_count):
    ids = [register(f"m{number}").pk for number in range(3)]

    @settings(max_examples=drill_count(200, 12))
    @given(st.lists(st.lists(STEPS_S, min_size=1, max_size=25), min_size=3, max_size=3), st.data())
    def agree(walks, data):
        new = {}
        with transaction.atomic():
            for pk, steps in zip(ids, walks, strict=True):
                instants = [T0 + timedelta(seconds=sum(steps[:end])) for end in range(len(steps))]
                Reading.objects.bulk_create(
                    [reading(site, pk, at, number) for number, at in enumerate(instants)]
                )
                new[pk] = data.draw(st.lists(st.sampled_from(instants), min_size=1, max_size=4))
            with patch.object(module, "_MARGINS", ()):
                one_by_one = dict(surroundings(site.pk, new))
            at_once = dict(surroundings(site.pk, new))
            transaction.set_rollback(True)
        assert at_once == one_by_one
        assert set(one_by_one) == set(ids)

    agree()


def _queries(site, registers, at):
    with CaptureQueriesContext(connection) as asked:
        received = receive(
            site,
            [IncomingReading(one.pk, at, Decimal(1000), "gateway") for one in registers],
            received_at=at,
        )
    assert received.stored == len(registers)
    return len(asked)


def test_forty_registers_cost_the_queries_of_two(site, register):
    registers = [register(f"m{number}") for number in range(42)]
    for back in range(12, 0, -1):
        _queries(site, registers, T0 - back * QUARTER)
    assert _queries(site, registers[:2], T0) == _queries(site, registers[2:], T0)
