"""The values of EnV Art. 16 that a market passes in (rules.md a.2). No NumPy: markets hold them."""

from dataclasses import dataclass
from decimal import Decimal

from quartier.core.kernel.period import Dates
from quartier.core.rating.sheet import Labels


class NoCapMethod(LookupError):
    """The law of these dates does not know the sheet's method."""


@dataclass(frozen=True, slots=True)
class CapLaw:
    """The values of the law over ``valid``, and where they stand.

    ``flat_percent`` of the standard product is the flat cap; None where the law knows no flat
    method. Below the reference, the owner keeps at most ``owner_percent`` of the saving.
    """

    valid: Dates
    flat_percent: Decimal | None
    flat_article: str
    owner_percent: Decimal
    effective_article: str
    limit_label: Labels
