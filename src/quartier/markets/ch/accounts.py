"""Account codes after the Swiss chart of accounts for SMEs [GK]; an operator may set its own."""

from quartier.core.invoicing.postings import Accounts

ACCOUNTS = Accounts(
    receivable="1100",
    vat_payable="2200",
    advances="2030",
    rounding="6949",
    revenue=(("solar", "3410"), ("grid", "3420"), ("total", "3420")),
    other_revenue="3430",
)

ACCOUNT_NAMES: tuple[tuple[str, str], ...] = (
    ("1020", "Bank"),
    ("1100", "Receivables"),
    ("2030", "Advance payments received"),
    ("2200", "VAT payable"),
    ("3410", "Solar energy"),
    ("3420", "Grid energy"),
    ("3430", "Fees and other services"),
    ("6949", "Rounding differences"),
)
