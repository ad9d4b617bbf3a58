"""Series, matrices, digests, runs."""

import hashlib
import struct

import numpy as np
import pytest

from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import (
    MISSING_WH,
    SLOT_LIMIT,
    BadSeries,
    Intervals,
    Series,
    coverage,
    digests,
    runs,
)


@pytest.mark.parametrize(
    ("energy", "quality", "first", "says"),
    [
        ([1], [0], 0, "must have the quality missing"),
        ([MISSING_WH], [1], 0, "must have the quality missing"),
        ([1], [7], 0, "code of a quality"),
        ([1, 2], [1], 0, "do not match"),
        ([[1]], [[1]], 0, "one dimension"),
        ([2_000_000_001], [1], 0, "too much"),
        ([-2_000_000_001], [1], 0, "too little"),
        ([MISSING_WH, -2_000_000_001], [0, 1], 0, "too little"),
        ([1], [1], -1, "between 1970"),
        ([1], [1], SLOT_LIMIT, "between 1970"),
    ],
)
def test_arrays_that_are_no_series(energy, quality, first, says):
    with pytest.raises(BadSeries, match=says):
        Series(1, first, np.array(energy), np.array(quality))


def matrix(energies, qualities, first=10):
    ids = tuple(range(1, len(energies) + 1))
    return Intervals(ids, first, np.array(energies, np.int64), np.array(qualities, np.uint8))


def test_rows_by_register():
    both = matrix([[1, 2], [3, 4]], [[1, 1], [3, 1]])
    assert both.slots == range(10, 12)
    assert both.series(2).energy_wh.tolist() == [3, 4]
    assert coverage(both)[2] == {Quality.MEASURED: 1, Quality.ESTIMATED: 1}
    with pytest.raises(BadSeries, match="two rows"):
        Intervals((1, 1), 0, np.zeros((2, 1), np.int64), np.zeros((2, 1), np.uint8))


def test_a_digest_tells_every_difference():
    seen = {
        digests(one)[1]
        for one in (
            matrix([[1, 2]], [[1, 1]]),
            matrix([[1, 3]], [[1, 1]]),
            matrix([[1, 2]], [[1, 3]]),
            matrix([[1, 2]], [[3, 3]]),
            matrix([[1, 2]], [[1, 1]], first=11),
            matrix([[1, 2**40]], [[1, 1]]),
            matrix([[1, 2**15 - 1]], [[1, 1]]),
            matrix([[1, 2**15]], [[1, 1]]),
            matrix([[1, -(2**15)]], [[1, 1]]),
            matrix([[1, -(2**15) - 1]], [[1, 1]]),
            matrix([[1, 2**31 - 1]], [[1, 1]]),
            matrix([[1, 2**31]], [[1, 1]]),
            matrix([[1]], [[1]]),
            matrix([[]], [[]]),
        )
    }
    assert len(seen) == 14
    wide = matrix([[9, 1, 2]], [[1, 1, 1]], first=9)
    part = Intervals((1,), 10, wide.energy_wh[:, 1:], wide.quality[:, 1:])
    assert digests(part) == digests(matrix([[1, 2]], [[1, 1]]))


def test_a_digest_does_not_depend_on_the_other_registers():
    alone = digests(matrix([[1, 2]], [[1, 1]]))[1]
    assert digests(matrix([[1, 2], [0, 2**40]], [[1, 1], [1, 0]]))[1] == alone


def test_the_digest_is_that_of_the_bytes_its_description_says():
    head, runs_of_quality = struct.pack("<3q", 10, 3, 2), struct.pack("<4q", 0, 2, 1, 3)
    expected = hashlib.sha256(head + struct.pack("<3h", 1, 2, -3) + runs_of_quality)
    assert digests(matrix([[1, 2, -3]], [[1, 1, 3]])) == {1: expected.hexdigest()}


def test_runs_of_a_mask():
    assert runs(np.array([], bool)) == []
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
