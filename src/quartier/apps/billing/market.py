"""The values of a country's law, found by its folder in ``markets``."""

import importlib
import pkgutil
from datetime import date
from types import ModuleType

import quartier.markets
from quartier.core.invoicing.build import Terms


class NoMarket(LookupError):
    """There is no folder with the law of that country."""


def market_of(country: str) -> str:
    """The package of the market of ``country`` (ISO 3166, e.g. CH); raises :class:`NoMarket`."""
    names = [one.name for one in pkgutil.iter_modules(quartier.markets.__path__)]
    if country.lower() not in names:
        known = ", ".join(name.upper() for name in names)
        raise NoMarket(f"the law of {country!r} is not known; there are: {known}")
    return f"quartier.markets.{country.lower()}"


def terms_of(country: str, currency: str, day: date, *, is_capped: bool) -> Terms:
    """What the documents of a run share; ``is_capped`` where EnV Art. 16 binds the community.

    Raises :class:`NoMarket`, also for a day before that law.
    """
    vat = part_of(country, "vat")
    caps = part_of(country, "caps")
    if not is_capped:
        return Terms(currency, vat.VAT, None)
    try:
        return Terms(currency, vat.VAT, caps.cap_law_on(day))
    except LookupError as problem:
        raise NoMarket(str(problem)) from None


def part_of(country: str, name: str) -> ModuleType:
    """The module ``name`` of a country's market."""
    return importlib.import_module(f"{market_of(country)}.{name}")
