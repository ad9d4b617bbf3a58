"""Every model of the table, for every role, in a world of two sites and two organisations.

In the world each row's text says where it belongs; the expectations below are written by hand.
"""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser

from quartier.apps.access.permissions import Permission
from quartier.apps.access.scope import NotScoped, Scope
from quartier.apps.access.table import NOT_ROWS_FOR_PAGES, TABLE
from quartier.core.kernel.period import Dates

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NOW = datetime(2025, 4, 1, tzinfo=UTC)
JANUARY, MARCH, JULY = date(2025, 1, 1), date(2025, 3, 1), date(2025, 7, 1)
YEAR_END = date(2026, 1, 1)


def model(label):
    return apps.get_model(label)


def make(label, **values):
    return model(label).objects.create(**values)


def populate(world, name, organisation, owner, tenant, ex_tenant):
    """One site with at least one row of every model that hangs on a site."""
    site = make("sites.Site", organisation=organisation, ref=name, name=name, starts_date=JANUARY)
    house = make("sites.Building", site=site, ref="h", name=f"{name} house")
    flats = [
        make("sites.BillingPoint", site=site, building=house, ref=ref, name=f"{name} {ref}")
        for ref in ("w1", "w2")
    ]
    make("sites.Stakeholder", site=site, party=owner, role="owner")
    for kind in ("private", "public"):
        make("sites.Note", site=site, text=f"{name} {kind}", visibility=kind)
    meter = make("equipment.Meter", site=site, ref="m1", name=f"{name} m1")
    make("equipment.Device", meter=meter, serial=name, installed_at=NOW)
    register = make("equipment.Register", site=site, meter=meter, obis="1-1:1.8.0")
    make("equipment.Assignment", meter=meter, billing_point=flats[0], starts_date=JANUARY)
    pv = make("equipment.Meter", site=site, ref="pv", name=f"{name} pv", mode="production")
    make("equipment.Plant", site=site, ref="pv", name="pv", meter=pv, owner=owner, power_kwp=9)
    store = make("equipment.Meter", site=site, ref="bat", name=f"{name} bat", mode="battery")
    make(
        "equipment.Battery",
        site=site,
        ref="bat",
        name="bat",
        meter=store,
        owner=owner,
        capacity_wh=1,
        power_w=1,
    )
    gateway = make("equipment.Gateway", site=site, name=f"{name}-cellar")
    seen = {"origin": "gateway", "since": NOW, "last_at": NOW}
    make("equipment.GatewayFinding", gateway=gateway, code="x.y", severity="info", **seen)
    bus = make("equipment.Bus", gateway=gateway, name="b", kind="modbus_tcp")
    make("equipment.RemoteCommand", gateway=gateway, kind="status", asked_at=NOW, ends_at=NOW)
    held = {"session": name, "server": "s", "connected_at": NOW, "seen_at": NOW}
    make("equipment.RemotePresence", gateway=gateway, **held)
    make("equipment.BadgeReader", gateway=gateway, name="r", kind="keyboard")
    make("equipment.Connection", meter=meter, bus=bus, driver="d", address="1", since=NOW)
    broker = make("equipment.MqttSource", gateway=gateway, host="h", mapping="{}")
    make("equipment.MqttMessage", source=broker, topic="t", payload=b"", received_at=NOW)
    make("charging.ChargingStation", site=site, identity=name, name="s")
    relay = {"driver": "d", "channels": [0], "output": "relay", "power_w": 1, "mode": "on"}
    boiler = make("equipment.Appliance", site=site, ref="a", name="a", bus=bus, **relay)
    make("equipment.Switch", appliance=boiler, switched_at=NOW, is_on=True, reason="always")
    make("equipment.CommunicationDevice", site=site, ref="r", name="r", kind="switch")
    make("equipment.DistributionZone", site=site, ref="z", name="z", max_current_a=63)
    begun = {"code": "x", "since": NOW, "opened_at": NOW, "last_seen_at": NOW}
    alarm = make("alarms.Alarm", site=site, kind="residual", severity="error", **begun)
    where = {"channel": "email", "address": "a@example.ch", "at": NOW, "due_at": NOW}
    make("alarms.Notice", alarm=alarm, event="opened", **where)
    make("alarms.Recipient", organisation=organisation, site=site, role="owner")
    make("alarms.AlarmRule", organisation=organisation, site=site, kind="residual")
    make("metering.Lock", site=site, medium="electricity", lock_date=JANUARY, first_open_slot=1)
    make("metering.Unplaced", site=site, gateway=gateway, reason="meter", since=NOW)
    make("metering.Momentary", meter=meter)
    made = {"number": 1, "issued_at": NOW, "left_open": 0, "content": b"", "pdf": b""}
    make("documents.InspectionReport", site=site, **made)
    read = {"shown": 1, "read": 1, "read_at": NOW, "compared_at": NOW}
    make("metering.Comparison", register=register, **read)
    file = make(
        "intake.IntakeFile",
        site=site,
        kind="sdat",
        sha256="0" * 64,
        name="f.xml",
        size=1,
        state="imported",
        received_at=NOW,
    )
    make("intake.IntakeFinding", site=site, at=NOW, code="x.y", severity="info", message="m")
    make(
        "intake.Quarantine",
        site=site,
        file=file,
        point="CH1",
        direction="import",
        part="total",
        first_slot=0,
        end_slot=1,
        since=NOW,
    )
    for party, point, day in (
        (ex_tenant, flats[0], JANUARY),
        (tenant, flats[0], MARCH),
        (owner, flats[1], JANUARY),
    ):
        make("contracts.Occupancy", billing_point=point, party=party, starts_date=day)
    make(
        "contracts.Issuer",
        site=site,
        party=owner,
        iban="CH9300762011623852957",
        reference_type="NON",
    )
    make("contracts.Solution", site=site, kind="electricity", starts_date=JANUARY)
    make("contracts.Community", site=site, starts_date=JANUARY, rule="proportional")
    common = {"site": site, "content": {}, "sha256": "0" * 64}
    for ref, first, end in (("h1", JANUARY, JULY), ("h2", JULY, YEAR_END)):
        for label in ("contracts.PriceSheet", "contracts.ReferenceTariff"):
            make(label, ref=ref, title=f"{name} {ref}", starts_date=first, ends_date=end, **common)
    own = make(
        "contracts.PriceSheet",
        ref="w2",
        title=f"{name} w2",
        starts_date=JANUARY,
        ends_date=JULY,
        **common,
    )
    own.billing_points.add(flats[1])
    run = make(
        "billing.BillingRun",
        site=site,
        from_date=JANUARY,
        to_date=JULY,
        state="issued",
        known_at=NOW,
        finished_at=NOW,
        actor="job",
    )
    for party, first, end in ((ex_tenant, JANUARY, MARCH), (tenant, MARCH, JULY)):
        make(
            "billing.Invoice",
            organisation=organisation,
            site=site,
            run=run,
            billing_point=flats[0],
            party=party,
            number=f"{name} {party.ref}",
            from_date=first,
            to_date=end,
            issued_date=JULY,
            due_date=JULY,
            language="de",
            currency="CHF",
            total=1,
            document=b"",
            sha256="",
        )
    entry = make(
        "ledger.Entry",
        site=site,
        date=JULY,
        source=name,
        text=name,
        currency="CHF",
        created_at=NOW,
    )
    make("ledger.Posting", entry=entry, account="receivable", party_id=tenant.pk, amount=1)
    begun = {"kind": "issue", "from_date": JANUARY, "to_date": JULY, "created_at": NOW}
    batch = make("billing.Batch", organisation=organisation, key=name, actor="job", **begun)
    make("billing.BatchSite", batch=batch, site=site)
    make("audit.Event", at=NOW, organisation_id=organisation.pk, site_id=site.pk, actor="job")
    setattr(world, name, site)
    world.flats[name] = flats


@pytest.fixture
def world(db):
    """Sites "one" and "two" of organisation "ours", "far" of "theirs"; a user for every role."""
    world = SimpleNamespace(users={}, flats={}, parties={})
    for ref in ("ours", "theirs"):
        organisation = make("parties.Organisation", ref=ref, name=ref)
        setattr(world, ref, organisation)
        names = ["owner", "tenant", "ex_tenant", "owner2", "tenant2"]
        names += ["agent", "contractor", "installer", "other", "nobody"] if ref == "ours" else []
        for name in names:
            party = make(
                "parties.Party",
                organisation=organisation,
                ref=name,
                name=name,
                postcode="1000",
                town="X",
            )
            user = model("parties.User").objects.create_user(f"{name}@{ref}.ch", organisation)
            make("parties.Contact", party=party, user=user)
            world.parties[ref, name] = party
            if ref == "ours":
                world.users[name] = user
    create = model("parties.User").objects.create_user
    world.users["operator"] = create("op@ours.ch", world.ours, is_operator=True)
    world.users["far_operator"] = create("op@theirs.ch", world.theirs, is_operator=True)
    world.users["without_party"] = create("x@ours.ch", world.ours)
    world.users["deactivated"] = create("y@ours.ch", world.ours, is_operator=True, is_active=False)
    ours = {name: party for (ref, name), party in world.parties.items() if ref == "ours"}
    theirs = {name: party for (ref, name), party in world.parties.items() if ref == "theirs"}
    populate(world, "one", world.ours, ours["owner"], ours["tenant"], ours["ex_tenant"])
    populate(world, "two", world.ours, ours["owner2"], ours["tenant2"], ours["ex_tenant"])
    populate(world, "far", world.theirs, theirs["owner"], theirs["tenant"], theirs["ex_tenant"])
    for role in ("agent", "contractor", "installer", "other"):
        make("sites.Stakeholder", site=world.one, party=ours[role], role=role)
    return world


def key(row):
    """What a row is called in the expectations."""
    label = row._meta.label
    if label == "parties.User":
        return row.email
    if label == "parties.Party":
        return f"{row.organisation.ref} {row.ref}"
    if label == "parties.Contact":
        return f"{row.party.organisation.ref} {row.party.ref}"
    if label == "parties.Organisation":
        return row.ref
    if label == "sites.Site":
        return row.ref
    if label == "sites.Note":
        return row.text
    if label == "sites.BillingPoint":
        return row.name
    if label == "contracts.Occupancy":
        return f"{row.billing_point.name} {row.party.ref}"
    if label in ("contracts.PriceSheet", "contracts.ReferenceTariff"):
        return row.title
    if label == "billing.Invoice":
        return row.number
    if label == "billing.Batch":
        return row.rows.get().site.ref
    if label == "audit.Event":
        return model("sites.Site").objects.get(pk=row.site_id).ref
    if label == "equipment.MqttMessage":
        return row.source.gateway.site.ref
    for path in ("site", "gateway", "meter", "register", "entry", "alarm", "appliance"):
        if hasattr(row, path):
            found = getattr(row, path)
            return found.ref if path == "site" else found.site.ref
    raise AssertionError(label)


def seen(user):
    """Model to the names of the rows the user sees; models without any are left out."""
    scope = Scope.of(user)
    found = {label: {key(row) for row in scope.queryset(model(label))} for label in TABLE}
    return {label: names for label, names in found.items() if names}


IMPORTED = {label for label in TABLE if label.startswith("intake.")} | {
    "equipment.Gateway",
    "equipment.GatewayFinding",
    "equipment.Bus",
    "equipment.BadgeReader",
    "equipment.RemoteCommand",
    "equipment.RemotePresence",
    "equipment.Connection",
    "equipment.CommunicationDevice",
    "equipment.MqttMessage",
    "equipment.MqttSource",
    "metering.Momentary",
    "metering.Unplaced",
}
PLACES = {
    label
    for label in TABLE
    if label.split(".")[0] in ("sites", "equipment", "contracts", "metering", "ledger", "billing")
} - {"billing.Batch", "billing.BatchSite"}  # an operator's alone
PLACES |= {"alarms.Alarm", "charging.ChargingStation"}
PLACES |= {"documents.InspectionReport"}
PLACES -= IMPORTED
TECHNICAL = {
    "sites.Site",
    "sites.Building",
    "sites.BillingPoint",
    "sites.Note",
    "equipment.Meter",
    "equipment.Device",
    "equipment.Register",
    "equipment.Assignment",
    "equipment.Plant",
    "equipment.Battery",
    "equipment.DistributionZone",
    "equipment.Appliance",
    "equipment.Switch",
    "charging.ChargingStation",
    "metering.Lock",
    "metering.Comparison",
    "documents.InspectionReport",
    "alarms.Alarm",
    "contracts.Solution",
    "contracts.Community",
}


def all_of(sites, label):
    """The names of every row of ``label`` on ``sites``."""
    rows = {key(row) for row in model(label).objects.all()}
    return {name for name in rows if name.split(" ")[0] in sites}


def test_an_operator_sees_the_own_organisation_and_nothing_else(world):
    expected = {label: all_of({"one", "two", "ours"}, label) for label in TABLE}
    users = model("parties.User").objects.filter(organisation=world.ours)
    expected["parties.User"] = {user.email for user in users}
    assert all(expected.values()), "the world has a row of every model"
    assert seen(world.users["operator"]) == expected


OWN_ACCOUNT = {
    "nobody": {
        "parties.User": {"nobody@ours.ch"},
        "parties.Party": {"ours nobody"},
        "parties.Contact": {"ours nobody"},
    },
    "without_party": {"parties.User": {"x@ours.ch"}},
    "deactivated": {},
}


@pytest.mark.parametrize("who", sorted(OWN_ACCOUNT))
def test_a_stranger_sees_nothing_but_the_own_account(world, who):
    assert seen(world.users[who]) == OWN_ACCOUNT[who]


def test_who_is_not_signed_in_sees_nothing(world):
    assert seen(AnonymousUser()) == {}


def test_another_operator_sees_no_row_of_ours(world):
    expected = {label: all_of({"far", "theirs"}, label) for label in TABLE}
    users = model("parties.User").objects.filter(organisation=world.theirs)
    expected["parties.User"] = {user.email for user in users}
    assert seen(world.users["far_operator"]) == expected


@pytest.mark.parametrize("role", ["agent", "contractor", "owner"])
def test_owner_and_agent_see_all_of_their_site(world, role):
    expected = {label: all_of({"one"}, label) - {"one private"} for label in PLACES}
    expected["parties.User"] = {f"{role}@ours.ch"}
    expected["parties.Contact"] = {f"ours {role}"}
    expected["parties.Party"] = {f"ours {one}" for one in (role, "tenant", "ex_tenant", "owner")}
    assert all(expected.values())
    assert seen(world.users[role]) == expected


@pytest.mark.parametrize("role", ["installer", "other"])
def test_an_installer_sees_equipment_but_neither_money_nor_names(world, role):
    expected = {label: all_of({"one"}, label) - {"one private"} for label in TECHNICAL}
    if role == "installer":
        expected |= {label: all_of({"one"}, label) for label in IMPORTED}
    expected["parties.User"] = {f"{role}@ours.ch"}
    expected["parties.Contact"] = expected["parties.Party"] = {f"ours {role}"}
    assert seen(world.users[role]) == expected


def test_a_resident_sees_only_what_is_theirs(world):
    assert seen(world.users["tenant"]) == {
        "parties.Party": {"ours tenant"},
        "parties.Contact": {"ours tenant"},
        "parties.User": {"tenant@ours.ch"},
        "sites.Site": {"one"},
        "sites.Building": {"one"},
        "sites.BillingPoint": {"one w1"},
        "contracts.Occupancy": {"one w1 tenant"},
        "contracts.Solution": {"one"},
        "contracts.Community": {"one"},
        "contracts.PriceSheet": {"one h1", "one h2"},
        "contracts.ReferenceTariff": {"one h1", "one h2"},
        "billing.Invoice": {"one tenant"},
    }


def test_an_ex_tenant_keeps_the_old_bills_and_the_old_prices(world):
    assert seen(world.users["ex_tenant"]) == {
        "parties.Party": {"ours ex_tenant"},
        "parties.Contact": {"ours ex_tenant"},
        "parties.User": {"ex_tenant@ours.ch"},
        "sites.Site": {"one", "two"},
        "sites.Building": {"one", "two"},
        "sites.BillingPoint": {"one w1", "two w1"},
        "contracts.Occupancy": {"one w1 ex_tenant", "two w1 ex_tenant"},
        "contracts.Solution": {"one", "two"},
        "contracts.Community": {"one", "two"},
        "contracts.PriceSheet": {"one h1", "two h1"},
        "contracts.ReferenceTariff": {"one h1", "two h1"},
        "billing.Invoice": {"one ex_tenant", "two ex_tenant"},
    }


def test_consumption_is_seen_within_the_own_dates_only(world):
    flat, other = world.flats["one"]
    assert Scope.of(world.users["ex_tenant"]).dates_of(flat) == (Dates(JANUARY, MARCH),)
    assert Scope.of(world.users["tenant"]).dates_of(flat) == (Dates(MARCH),)
    assert Scope.of(world.users["tenant"]).dates_of(other) == ()
    assert Scope.of(world.users["nobody"]).dates_of(flat) == ()
    assert Scope.of(world.users["far_operator"]).dates_of(flat) == ()
    for who in ("operator", "owner", "agent", "installer"):
        assert Scope.of(world.users[who]).dates_of(flat) == (Dates(date.min),)
    assert Scope.of(world.users["owner2"]).dates_of(flat) == ()


MAY = {
    "operator": set(Permission),
    "owner": {"view", "money", "steer", "move", "prices"},
    "agent": {"view", "money", "steer", "move", "prices"},
    "contractor": {"view", "money"},
    "installer": {"view", "equip", "steer", "import"},
    "other": {"view"},
    "tenant": set(),
    "ex_tenant": set(),
    "nobody": set(),
    "without_party": set(),
    "far_operator": set(),
    "deactivated": set(),
    "owner2": set(),
}


def test_what_each_role_may_do(world):
    scopes = {who: Scope.of(world.users[who]) for who in MAY}
    may = {
        who: {one for one in Permission if scope.can(one, world.one)}
        for who, scope in scopes.items()
    }
    assert may == MAY


def test_strangers_are_known_as_such(world):
    strangers = {who for who, user in world.users.items() if Scope.of(user).is_stranger}
    assert strangers == {"nobody", "without_party", "deactivated"}


def test_a_permission_that_does_not_exist_is_a_fault(world):
    with pytest.raises(ValueError, match="fly"):
        Scope.of(world.users["operator"]).can("fly", world.one)


def test_a_model_that_is_missing_in_the_table_raises(world):
    with pytest.raises(NotScoped, match=r"access\.table"):
        Scope.of(world.users["operator"]).queryset(model("sessions.Session"))


def test_every_model_of_ours_is_in_the_table_or_said_to_be_no_row_for_pages():
    ours = {one._meta.label for one in apps.get_models() if one.__module__.startswith("quartier.")}
    assert ours == set(TABLE) | set(NOT_ROWS_FOR_PAGES)
    assert not set(TABLE) & set(NOT_ROWS_FOR_PAGES)


def test_a_scope_is_made_with_few_queries(world, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        Scope.of(world.users["tenant"])
