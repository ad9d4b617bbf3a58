"""A reading that was taken back counts no more; each taking back cancels one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quartier.apps.metering.taken_back import Stored, standing
from quartier.core.kernel.quality import Quality

T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
ROWS = st.lists(
    st.builds(
        lambda minute, value, quality, device: Stored(
            T0 + timedelta(minutes=minute), Decimal(value), int(quality), device
        ),
        st.integers(0, 2),
        st.integers(0, 1),
        st.sampled_from([Quality.MEASURED, Quality.MANUAL, Quality.MISSING]),
        st.sampled_from([None, 1]),
    ),
    max_size=20,
)


@given(ROWS)
def test_each_row_that_takes_back_cancels_one_manual_reading(rows):
    found = Counter(standing(rows))
    for one, count in Counter(rows).items():
        back = Stored(one.read_at, one.value, int(Quality.MISSING), one.device_id)
        expected = {
            Quality.MEASURED: count,
            Quality.MANUAL: max(0, count - rows.count(back)),
            Quality.MISSING: 0,
        }
        assert found[one] == expected[Quality(one.quality)]
