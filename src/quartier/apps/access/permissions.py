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
    STEER = "steer"
    """Choose when an appliance runs, and press its switch."""
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

_LANDLORD = frozenset(
    {Permission.VIEW, Permission.MONEY, Permission.STEER, Permission.MOVE, Permission.PRICES}
)

BY_ROLE: Mapping[str, frozenset[Permission]] = {
    "owner": _LANDLORD,
    "agent": _LANDLORD,
    "contractor": frozenset({Permission.VIEW, Permission.MONEY}),
    "installer": frozenset(
        {Permission.VIEW, Permission.EQUIP, Permission.STEER, Permission.IMPORT}
    ),
    "other": frozenset({Permission.VIEW}),
}
"""What each stakeholder's role allows (system.md 1.2, 5 Terminology, 7.1)."""
