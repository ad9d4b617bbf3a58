"""Load curves of grid operators: intervals, not registers (rules.md b.4, [S51]).

A curve is the energy of each interval as delivered, often finer than 1 Wh. What is finer is
carried forward, over gaps too, so that any run of quarter-hours differs from the sum of the curve
by less than 1 Wh (architecture.md, house rule 4).
"""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from quartier.core.kernel.energy import whole_wh
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, BadSeries, Series


def curve_series(
    register_id: int,
    first_slot: int,
    energies_kwh: Sequence[Decimal | None],
    qualities: Sequence[Quality] | Quality = Quality.MEASURED,
) -> Series:
    """Consecutive quarter-hours of a curve, in kWh, as a series in whole Wh.

    ``None`` is an interval without value. ``qualities`` is one for all or one each; of an interval
    without value it does not matter. Raises :class:`BadSeries`.
    """
    wh = whole_wh(energies_kwh)
    if isinstance(qualities, Quality):
        qualities = [qualities] * len(wh)
    if len(qualities) != len(wh):
        raise BadSeries(f"{len(wh)} energies do not match {len(qualities)} qualities")
    try:
        energy_wh = np.array([MISSING_WH if e is None else e for e in wh], np.int64)
    except OverflowError:
        raise BadSeries("an interval is too much for one quarter-hour") from None
    quality = np.array(
        [Quality.MISSING if e is None else q for e, q in zip(wh, qualities, strict=True)], np.uint8
    )
    return Series(register_id, first_slot, energy_wh, quality)
