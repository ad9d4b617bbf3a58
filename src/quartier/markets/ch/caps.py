"""The values of EnV/OEne Art. 16 as dated rows (rules.md a.2 [S1][S2]).

The flat method (80 % of the standard product) is in force since 2023-01-01 (AS 2022 783); before,
there were effective costs only [S13]. Half of the saving may stay with the owner. Any change in
the consolidations of 2025 and 2026 was not seen (rules.md U.1): correct it here.
"""

from datetime import date
from decimal import Decimal

from quartier.core.invoicing.cap_law import CapLaw
from quartier.core.kernel.period import Dates
from quartier.core.rating.sheet import Labels

LIMIT_LABEL: Labels = (
    ("", "Begrenzung nach EnV Art. 16"),
    ("de", "Begrenzung nach EnV Art. 16"),
    ("en", "Limit under EnV Art. 16"),
    ("fr", "Limitation selon art. 16 OEne"),
    ("it", "Limitazione secondo art. 16 OEn"),
)

CAP_LAWS: tuple[CapLaw, ...] = (
    CapLaw(
        valid=Dates(date(2018, 1, 1), date(2023, 1, 1)),
        flat_percent=None,
        flat_article="",
        owner_percent=Decimal(50),
        effective_article="EnV Art. 16 Abs. 1-3 (2018)",
        limit_label=LIMIT_LABEL,
    ),
    CapLaw(
        valid=Dates(date(2023, 1, 1)),
        flat_percent=Decimal(80),
        flat_article="EnV Art. 16 Abs. 1 Bst. b",
        owner_percent=Decimal(50),
        effective_article="EnV Art. 16 Abs. 2 und 3",
        limit_label=LIMIT_LABEL,
    ),
)


class NoCapLaw(LookupError):
    """The law of self-consumption communities did not exist on this day."""


def cap_law_on(day: date) -> CapLaw:
    """The values in force on ``day``; raises :class:`NoCapLaw` before 2018."""
    for law in CAP_LAWS:
        if day in law.valid:
            return law
    raise NoCapLaw(f"EnV Art. 16 was not in force on {day}")
