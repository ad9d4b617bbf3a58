"""The grid discount of a local electricity community, LEG/CEL (StromVV Art. 19e-19h).

Rules.md a.4 [S30]: the reduction applies to the grid-use tariff only, not to ancillary services,
reserves, levies and metering (Art. 19h(5)). The percentages are the market's.
"""

from decimal import Decimal

from quartier.core.kernel.money import EXACT


class NotAShare(ValueError):
    """Energy from the community is not between 0 and the energy withdrawn."""


def grid_discount(
    grid_charges: Decimal, community_wh: int, withdrawn_wh: int, percent: Decimal
) -> Decimal:
    """What comes off, unrounded: ``(energy + power + basic) x (E_LEG / E_total) x delta``.

    ``grid_charges`` is the sum of the energy, power and basic charges of grid use. Raises
    :class:`NotAShare`.
    """
    if not 0 <= community_wh <= withdrawn_wh or withdrawn_wh == 0:
        raise NotAShare(f"{community_wh} Wh of {withdrawn_wh} Wh withdrawn")
    share = EXACT.divide(Decimal(community_wh), Decimal(withdrawn_wh))
    discounted = EXACT.multiply(EXACT.multiply(grid_charges, share), percent)
    return EXACT.divide(discounted, Decimal(100))


def eligible_wh(direct_wh: int, discharged_wh: int, charged_from_community_wh: int) -> int:
    """Community energy with storage: over the billing period storage supplies no more than it
    drew from the community (Art. 19h(4)): ``direct + discharge x min(1, drawn / discharge)``."""
    if min(direct_wh, discharged_wh, charged_from_community_wh) < 0:
        raise NotAShare("energy is negative")
    return direct_wh + min(discharged_wh, charged_from_community_wh)
