"""Words of the database in the reader's language. What has no word is shown as it is."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

WORDS: Mapping[str, str | Promise] = {
    # places
    "apartment": _("Apartment"),
    "commercial": _("Commercial"),
    "common": _("Common area"),
    "parking": _("Parking"),
    "technical": _("Technical"),
    # who holds a billing point
    "tenant": _("Tenant"),
    "co_owner": _("Co-owner"),
    "owner": _("Owner"),
    # roles
    "operator": _("Operator"),
    "agent": _("Property manager"),
    "contractor": _("Contractor"),
    "installer": _("Installer"),
    "resident": _("Resident"),
    "other": _("Other"),
    # meters
    "consumption": _("Consumption"),
    "grid": _("Grid"),
    "production": _("Solar production"),
    "battery": _("Battery"),
    "register": _("Register readings"),
    "curve": _("Load curve"),
    "virtual": _("Computed"),
    "sessions": _("Charging sessions"),
    "import": pgettext_lazy("direction", "Import"),
    "export": pgettext_lazy("direction", "Export"),
    "electricity": _("Electricity"),
    "heat": _("Heat"),
    "cooling": _("Cooling"),
    "hot_water": _("Hot water"),
    "cold_water": _("Cold water"),
    "reactive": _("Reactive energy"),
    # equipment
    "router_4g": _("4G router"),
    "router_lan": _("LAN router"),
    "converter": _("Converter"),
    "switch": _("Network switch"),
    "access_point": _("Access point"),
    "relay": _("Relay module"),
    "rfid_reader": _("RFID reader"),
    "planned": _("Planned"),
    "ordered": _("Ordered"),
    "installed": _("Installed"),
    "removed": _("Removed"),
    "off": _("Off"),
    # prices
    "solar": _("Solar"),
    "total": _("Total"),
    "all": _("All day"),
    "standard": _("Standard time"),
    "reduced": _("Reduced time"),
    "energy": _("Energy"),
    "network": _("Network"),
    "levies": _("Levies"),
    "self_consumption": _("Self-consumption"),
    "supplier": _("VAT"),
    "levy": _("Levy without VAT"),
    "none": _("No VAT"),
    "full_months": _("Full months"),
    "by_day": _("By day"),
    "whole": _("In full"),
    # rules of sharing
    "proportional": _("In proportion to consumption"),
    "equal": _("Equal parts"),
    "quota": _("Fixed quotas"),
    "priority": _("By priority"),
    "balance": _("Balance at the grid meter"),
    "zev": _("Self-consumption community (ZEV)"),
    "vzev": _("Virtual self-consumption community (vZEV)"),
    "leg": _("Local electricity community (LEG)"),
    # documents and runs
    "invoice": _("Invoice"),
    "credit_note": _("Credit note"),
    "issued": _("Issued"),
    "refused": _("Refused"),
    # a site in a job over many
    "waiting": _("Waits"),
    "working": _("Under way"),
    "failed": _("Failed"),
    "ready": _("Can be issued"),
    "left": _("Issued before"),
    "nothing": _("Nothing to bill"),
    # notes
    "note": _("Note"),
    "issue": _("To be addressed"),
    "administrative": _("Administrative"),
    "data": _("Data"),
    "private": _("Private"),
    "public": _("Public"),
    "editable": _("Public and editable"),
    # intake
    "sdat": _("SDAT-CH message"),
    "load-curve": _("Load curve (CSV, XLSX)"),
    "readings": _("Register readings"),
    "imported": _("Imported"),
    "rejected": _("Rejected"),
    "known": _("Imported before"),
    "quarantined": _("Waits for a meter"),
    # how an interval came to its value
    "linear": _("Straight line between the neighbors"),
    "weeks": _("Mean of the same weekday and time in the weeks before"),
    "last": _("The last value carried on"),
    "profile": _("Standard profile"),
    "estimation": _("Estimate"),
    "edit": _("Change by a person"),
    "by hand": _("By hand"),
    "undo": _("Taken back"),
    # inputs of a document
    "price_sheet": _("Price sheet"),
    "intervals": _("Quarter-hours"),
    "reference_tariff": _("Reference tariff"),
    "community": _("Community"),
    "occupancy": _("Occupancy"),
    "site": _("Site"),
    "calendar": _("Calendar"),
}

UNITS: Mapping[str, str | Promise] = {
    "m3": "m³",
    "day": _("day"),
    "month": _("month"),
    "year": _("year"),
    "billing_point": _("billing point"),
}

QUALITIES: tuple[str | Promise, ...] = (
    _("missing"),
    _("measured"),
    _("corrected"),
    _("estimated"),
    _("substituted"),
    _("manual"),
    _("temporary"),
)


def word_of(code: str) -> str:
    """The word for ``code``; the code itself where it has none."""
    return str(WORDS.get(code, code))


def unit_word(unit: str) -> str:
    """What a price is for: kWh, day, billing point."""
    return str(UNITS.get(unit, unit))


def quality_word(code: int) -> str:
    """The word for a quality of ``kernel.quality``."""
    return str(QUALITIES[code])
