"""Swiss VAT rates as dated values (MWSTG/LTVA Art. 25; rules.md d.3).

8.1 % since 2024-01-01 [S77]; 2.6 and 3.8 %, the dates and all earlier rates [GK]. A change of the
law is a new row here and an end date in the row above it, nothing else. Votes that are pending
(AHV13, army) are not law and not here.
"""

from datetime import date
from decimal import Decimal

from quartier.core.invoicing.tax import VatRate, VatTable
from quartier.core.kernel.period import Dates

_ARTICLE = {
    "normal": "MWSTG Art. 25 Abs. 1",
    "reduced": "MWSTG Art. 25 Abs. 2",
    "accommodation": "MWSTG Art. 25 Abs. 4",
}

# code, percent, from, to (exclusive; None is open)
_RATES: tuple[tuple[str, str, date, date | None], ...] = (
    ("normal", "8.0", date(2011, 1, 1), date(2018, 1, 1)),
    ("normal", "7.7", date(2018, 1, 1), date(2024, 1, 1)),
    ("normal", "8.1", date(2024, 1, 1), None),
    ("reduced", "2.5", date(2011, 1, 1), date(2024, 1, 1)),
    ("reduced", "2.6", date(2024, 1, 1), None),
    ("accommodation", "3.8", date(2011, 1, 1), date(2018, 1, 1)),
    ("accommodation", "3.7", date(2018, 1, 1), date(2024, 1, 1)),
    ("accommodation", "3.8", date(2024, 1, 1), None),
)

VAT = VatTable(
    country="CH",
    rates=tuple(
        VatRate(code, Decimal(percent), Dates(first, end), _ARTICLE[code])
        for code, percent, first, end in _RATES
    ),
    outside_reason=(
        ("de", "Nicht mehrwertsteuerpflichtig (MWSTG Art. 10)"),
        ("en", "Not liable to VAT (VAT Act Art. 10)"),
        ("fr", "Non assujetti à la TVA (LTVA art. 10)"),
        ("it", "Non assoggettato all'IVA (LIVA art. 10)"),
    ),
)
