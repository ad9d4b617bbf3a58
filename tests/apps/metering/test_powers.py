"""Power by the minute comes back as it was kept, whatever range is asked for."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.apps.metering import powers
from quartier.apps.metering.models import PowerHour
from quartier.apps.metering.powers import Power

pytestmark = [pytest.mark.django_db, pytest.mark.db]

T0 = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAMES = ("1-1:1.7.0", "1-1:16.7.0")

values = st.lists(
    st.builds(
        lambda meter, name, second, watts: Power(
            meter, name, T0 + timedelta(seconds=second), watts
        ),
        st.sampled_from([3, 4]),
        st.sampled_from(NAMES),
        st.integers(0, 4 * 3600),
        st.integers(-powers.LIMIT_W + 1, powers.LIMIT_W - 1),
    ),
    unique_by=lambda one: (one.meter_id, one.obis, one.measured_at),
    max_size=20,
)


@pytest.mark.drill
def test_what_is_kept_is_read(drill_count):
    @settings(max_examples=drill_count(200, 15))
    @given(st.lists(values, max_size=3), st.integers(0, 200), st.integers(0, 200))
    def agree(parts, first, length):
        with transaction.atomic():
            for part in parts:
                powers.keep(1, part, at=T0)
                powers.keep(2, part[:1], at=T0)
            begin, end = T0 + first * MINUTE, T0 + (first + length) * MINUTE
            read = powers.read(1, [3, 4], begin, end)
            transaction.set_rollback(True)
        expected = {}
        for part in parts:
            for one in sorted(part, key=lambda one: one.measured_at):
                if begin <= one.measured_at < end:
                    key = (one.meter_id, one.obis)
                    column = expected.setdefault(key, np.full(length, powers.MISSING_W))
                    column[(one.measured_at - begin) // MINUTE] = one.power_w
        assert {key: list(column) for key, column in read.items()} == {
            key: list(column) for key, column in expected.items()
        }

    agree()


def test_a_day_of_a_hundred_meters_is_a_row_an_hour():
    day = [
        Power(meter, NAMES[0], T0 + minute * MINUTE, minute)
        for meter in range(100)
        for minute in range(0, 60, 7)
    ]
    with transaction.atomic():
        powers.keep(1, day, at=T0)
    assert PowerHour.objects.count() == 200


def test_what_is_old_is_neither_kept_nor_stays():
    with transaction.atomic():
        powers.keep(1, [Power(3, NAMES[0], T0, 1)], at=T0)
        later = T0 + powers.LIVES + timedelta(hours=1)
        powers.keep(1, [Power(3, NAMES[0], T0, 2), Power(3, NAMES[0], later, 3)], at=later)
    assert list(PowerHour.objects.values_list("hour", flat=True)) == [
        (later - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(hours=1)
    ]
