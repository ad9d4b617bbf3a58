"""What a role may do on a site."""

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    """One thing that can be allowed on a site."""

    VIEW = "view"
    """All energy of the site, of every billing point."""
    MONEY = "money"
    """Invoices, prices, accounts."""
    EQUIP = "equip"
    """Add and change meters, plants, devices."""
    IMPORT = "import"
    """Bring in readings and curves."""
    MOVE = "move"
    """Register moves."""
    PRICES = "prices"
    """Change price sheets."""
    BILL = "bill"
    """Start billing runs."""
    ADMINISTER = "administer"
    """Everything else: stakeholders, issuer, site data."""


OPERATOR = frozenset(Permission)

BY_ROLE: Mapping[str, frozenset[Permission]] = {
    "owner": frozenset({Permission.VIEW, Permission.MONEY, Permission.MOVE, Permission.PRICES}),
    "agent": frozenset({Permission.VIEW, Permission.MONEY, Permission.MOVE, Permission.PRICES}),
    "contractor": frozenset({Permission.VIEW, Permission.MONEY}),
    "installer": frozenset({Permission.VIEW, Permission.EQUIP, Permission.IMPORT}),
    "other": frozenset({Permission.VIEW}),
}
"""What each stakeholder's role allows (system.md 1.2, 5 Terminology, 7.1)."""
