"""The site's battery, in the model of [S31] (rules.md a.3 Battery)."""

from dataclasses import dataclass

from quartier.core.allocation.ties import Int64


@dataclass(frozen=True, slots=True)
class Battery:
    """What the battery did in each interval, in mWh, after netting charge and discharge.

    charged_solar + charged_grid = net charge; used + surplus = net discharge.
    """

    charged_solar_mwh: Int64
    """Of the net charge, what consumers left of the production."""
    charged_grid_mwh: Int64
    """The rest of the net charge; counts as drawn from the grid."""
    used_mwh: Int64
    """Of the net discharge, what consumers got."""
    surplus_mwh: Int64
    """Of the net discharge, what went to the grid."""
