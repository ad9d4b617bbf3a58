"""Who sees which rows: one line a model. A model that is missing here nobody sees: asking raises.

Higher apps (billing, documents) are named by label, so that nothing is imported upward.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MONEY = frozenset({"owner", "agent", "contractor"})
"""The roles that see amounts, accounts and names of residents (system.md 5, Terminology: only
investors reach accounting; installers add and configure equipment)."""

IMPORTERS = frozenset({"installer"})
"""The roles that bring in files, beside the operator (``permissions.Permission.IMPORT``)."""

EVERY_ROLE = frozenset({"owner", "agent", "contractor", "installer", "other"})


@dataclass(frozen=True, slots=True)
class Rule:
    """How the rows of a model hang on organisation, site, place and party.

    Each path is a Django lookup from the model; ``pk`` is the row itself, empty is none.
    An operator sees the rows of the own organisation (``organisation``). A stakeholder with one
    of ``roles`` on a site sees the rows of that site (``site``). A resident sees

    - rows of an own party (``party``),
    - rows of a billing point that an own party holds or held (``place``),
    - rows of a site with such a billing point (``home``), where ``dates`` names the fields of a
      row's first date and exclusive end: those that touch the own dates there; and where
      ``points`` names the billing points that a row is limited to: those limited to none or to
      the own one.

    ``user``: each user sees the own row. ``hides_private``: rows whose ``visibility`` is private
    are for the operator alone.
    """

    organisation: str
    site: str = ""
    roles: frozenset[str] = EVERY_ROLE
    party: str = ""
    place: str = ""
    home: str = ""
    dates: tuple[str, str] | None = None
    points: str = ""
    user: str = ""
    hides_private: bool = False


def _on_site(
    path: str = "site",
    roles: frozenset[str] = EVERY_ROLE,
    *,
    party: str = "",
    place: str = "",
    home: str = "",
) -> Rule:
    return Rule(f"{path}__organisation", path, roles, party=party, place=place, home=home)


def _prices(points: str = "") -> Rule:
    return Rule(
        organisation="site__organisation",
        site="site",
        roles=MONEY,
        home="site",
        dates=("starts_date", "ends_date"),
        points=points,
    )


TABLE: Mapping[str, Rule] = {
    "audit.Event": Rule(organisation="organisation_id"),
    "parties.Organisation": Rule(organisation="pk"),
    "parties.User": Rule(organisation="organisation", user="pk"),
    "parties.Party": Rule(
        organisation="organisation",
        site="occupancies__billing_point__site",
        roles=MONEY,
        party="pk",
    ),
    "parties.Contact": Rule(organisation="party__organisation", party="party"),
    "sites.Site": Rule(organisation="organisation", site="pk", home="pk"),
    "sites.Building": _on_site(home="site"),
    "sites.BillingPoint": _on_site(place="pk"),
    "sites.Stakeholder": _on_site(roles=MONEY),
    "sites.Note": Rule(organisation="site__organisation", site="site", hides_private=True),
    "equipment.Meter": _on_site(),
    "equipment.Device": _on_site("meter__site"),
    "equipment.Register": _on_site(),
    "equipment.Assignment": _on_site("meter__site"),
    "equipment.Plant": _on_site(),
    "equipment.Battery": _on_site(),
    "equipment.Gateway": _on_site(roles=IMPORTERS),
    "equipment.GatewayFinding": _on_site("gateway__site", IMPORTERS),
    "equipment.Bus": _on_site("gateway__site", IMPORTERS),
    "equipment.RemoteCommand": _on_site("gateway__site", IMPORTERS),
    "equipment.RemotePresence": _on_site("gateway__site", IMPORTERS),
    "equipment.BadgeReader": _on_site("gateway__site", IMPORTERS),
    "equipment.Connection": _on_site("meter__site", IMPORTERS),
    "equipment.CommunicationDevice": _on_site(roles=IMPORTERS),
    "equipment.DistributionZone": _on_site(),
    "equipment.MqttSource": _on_site("gateway__site", IMPORTERS),
    "equipment.MqttMessage": _on_site("source__gateway__site", IMPORTERS),
    "equipment.Appliance": _on_site(),
    "equipment.Switch": _on_site("appliance__site"),
    "charging.ChargingStation": _on_site(),
    "alarms.Alarm": _on_site(),
    "alarms.AlarmRule": Rule(organisation="organisation"),
    "alarms.Recipient": Rule(organisation="organisation"),
    "alarms.Notice": Rule(organisation="alarm__site__organisation"),
    "contracts.Occupancy": _on_site("billing_point__site", MONEY, party="party"),
    "contracts.Issuer": _on_site(roles=MONEY),
    "contracts.Solution": _on_site(home="site"),
    "contracts.Community": _on_site(home="site"),
    "contracts.PriceSheet": _prices("billing_points"),
    "contracts.ReferenceTariff": _prices(),
    "metering.Lock": _on_site(),
    "metering.Unplaced": _on_site(roles=IMPORTERS),
    "metering.Momentary": _on_site("meter__site", IMPORTERS),
    "metering.Comparison": _on_site("register__site"),
    "intake.IntakeFile": _on_site(roles=IMPORTERS),
    "intake.IntakeFinding": _on_site(roles=IMPORTERS),
    "intake.Quarantine": _on_site(roles=IMPORTERS),
    "ledger.Entry": _on_site(roles=MONEY),
    "ledger.Posting": _on_site("entry__site", MONEY),
    "billing.Batch": Rule(organisation="organisation"),
    "billing.BatchSite": Rule(organisation="batch__organisation"),
    "billing.BillingRun": _on_site(roles=MONEY),
    "documents.InspectionReport": _on_site(),
    "billing.Invoice": Rule(organisation="organisation", site="site", roles=MONEY, party="party"),
}

NOT_ROWS_FOR_PAGES: Mapping[str, str] = {
    "equipment.Renewal": "read only when a gateway's configuration is made",
    "equipment.GatewayPackage": "of the installation: added and chosen on the command line",
    "metering.IntervalBlock": "read by billing point and dates, which Scope.dates_of allows",
    "metering.IntervalRevision": "read by billing point and dates, which Scope.dates_of allows",
    "metering.Reading": "read by billing point and dates, which Scope.dates_of allows",
    "equipment.GatewayNonce": "read only when a gateway's request comes",
    "metering.GatewayBuffer": "read only when a gateway's batch comes",
    "metering.UnplacedValue": "read when it has found its place",
    "metering.PowerHour": "read by meter and dates, within a site in scope",
    "charging.ChargingMessage": "read by station, within a site in scope",
    "charging.ChargingSession": "read by station, within a site in scope",
    "charging.Connector": "read by station, within a site in scope",
    "charging.EvseQuarter": "read only when sessions are made",
    "charging.Folded": "read only when sessions are made",
    "charging.StartedTransaction": "read only when a station starts one",
    "charging.StationMeter": "read with its station, within a site in scope",
    "charging.StatusChange": "read by station, within a site in scope",
    "charging.UnknownStation": "of the installation: let in on the command line",
    "alarms.SiteWatch": "read only when a site is looked at",
    "intake.Provenance": "read only when files are merged",
    "intake.Contribution": "read with the values behind a line, of an invoice in scope",
    "sharing.AllocationBlock": "read by billing point and dates, which Scope.dates_of allows",
    "billing.NumberSequence": "read only when a document is issued",
    "documents.Rendered": "read through its invoice",
}
"""Models that no page lists, and why. Asking for them raises like for any missing model."""
