"""Checks of the energies that come in. A fault names its row and column."""

import numpy as np

from quartier.core.allocation.request import BadEnergy
from quartier.core.allocation.ties import Int64

# A total of one interval must fit into int64; this leaves room for the error of a float sum.
_LARGEST_TOTAL_MWH = 9 * 10**18


def checked_matrix(values: Int64, name: str) -> Int64:
    """``values`` if they are int64[rows, intervals] and not negative; raises BadEnergy."""
    if values.ndim != 2:
        raise BadEnergy(f"{name} has {values.ndim} dimensions, not 2 (who, interval)")
    if not np.issubdtype(values.dtype, np.integer):
        _refuse_floats(values, name)
    matrix: Int64 = values.astype(np.int64, copy=False)
    if matrix.size and matrix.min() < 0:
        row, column = (int(at) for at in np.argwhere(matrix < 0)[0])
        raise BadEnergy(
            f"{name} is negative ({matrix[row, column]} mWh) in row {row}, interval {column}; "
            "split it into import and export first",
            row=row,
            column=column,
        )
    return matrix


def checked_series(values: Int64 | None, name: str, length: int) -> Int64 | None:
    """The same for a series of the whole site, int64[length]."""
    if values is None:
        return None
    if values.shape != (length,):
        raise BadEnergy(f"{name} has the shape {values.shape}, not {(length,)}")
    try:
        series: Int64 = checked_matrix(values[None, :], name)[0]
    except BadEnergy as error:
        error.row = None
        raise
    return series


def checked_totals(matrix: Int64, name: str) -> Int64:
    """The total of each interval; raises BadEnergy where it does not fit into int64."""
    totals: Int64 = matrix.sum(axis=0)
    if matrix.size and int(matrix.max()) * matrix.shape[0] > _LARGEST_TOTAL_MWH:
        large = np.flatnonzero(matrix.sum(axis=0, dtype=np.float64) > _LARGEST_TOTAL_MWH)
        if large.size:
            raise BadEnergy(
                f"{name} sums to more than {_LARGEST_TOTAL_MWH} mWh in interval {large[0]}; "
                "check its unit",
                column=int(large[0]),
            )
    return totals


def _refuse_floats(values: Int64, name: str) -> None:
    """Say where the first NaN is, if the array has one, else that it is not of integers."""
    if np.issubdtype(values.dtype, np.floating):
        faults = np.argwhere(~np.isfinite(values))
        if faults.size:
            row, column = (int(at) for at in faults[0])
            raise BadEnergy(
                f"{name} is {values[row, column]} in row {row}, interval {column}; "
                "a gap is not an energy",
                row=row,
                column=column,
            )
    raise BadEnergy(f"{name} is an array of {values.dtype}; energies are whole mWh (int64)")
