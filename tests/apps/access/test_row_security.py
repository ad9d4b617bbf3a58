"""Every table with rows of an organisation, behind PostgreSQL's row-level security.

The tests' PostgreSQL is reached as an ordinary role that owns the database, as users should.
"""

from datetime import UTC, date, datetime

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse, StreamingHttpResponse

from quartier.apps.access import rows
from quartier.apps.access.rows import only
from quartier.portals.shared.organisation import OwnOrganisation

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NOW = datetime(2025, 4, 1, tzinfo=UTC)
JANUARY, JULY = date(2025, 1, 1), date(2025, 7, 1)
MODELS = {
    model._meta.label: model
    for model in apps.get_models(include_auto_created=True)
    if model.__module__.startswith("quartier.") and model._meta.label not in rows.OF_NOBODY
}
HASH = "0" * 64


def make(label, **values):
    return MODELS[label].objects.create(**values)


def populate(ref):
    """One row at least of every model for a new organisation ``ref``, which is returned."""
    ours = make("parties.Organisation", ref=ref, name=ref)
    address = {"postcode": "1000", "town": "X"}
    owner = make("parties.Party", organisation=ours, ref="p", name=ref, **address)
    user = MODELS["parties.User"].objects.create_user(f"{ref}@example.ch", ours)
    auth = apps.get_app_config("auth")
    user.groups.add(auth.get_model("Group").objects.get_or_create(name="g")[0])
    user.user_permissions.add(auth.get_model("Permission").objects.first())
    make("parties.Contact", party=owner, user=user)
    site = make("sites.Site", organisation=ours, ref=ref, name=ref, starts_date=JANUARY)
    here = {"site": site}
    house = make("sites.Building", ref="h", name="h", **here)
    flat = make("sites.BillingPoint", building=house, ref="w", name="w", **here)
    make("sites.Stakeholder", party=owner, role="owner", **here)
    make("sites.Note", text=ref, **here)
    meters = [make("equipment.Meter", ref=kind, name=kind, **here) for kind in ("m", "pv", "bat")]
    make("equipment.Device", meter=meters[0], serial=ref, installed_at=NOW)
    register = make("equipment.Register", meter=meters[0], obis="1-1:1.8.0", **here)
    make("equipment.Assignment", meter=meters[0], billing_point=flat, starts_date=JANUARY)
    common = {"ref": "x", "name": "x", "owner": owner, **here}
    make("equipment.Plant", meter=meters[1], power_kwp=9, **common)
    make("equipment.Battery", meter=meters[2], capacity_wh=1, power_w=1, **common)
    gateway = make("equipment.Gateway", name=f"cellar-{ref}", **here)
    make("equipment.CommunicationDevice", ref="r", name="r", kind="switch", **here)
    zone = make("equipment.DistributionZone", ref="z", name="z", max_current_a=63, **here)
    zone.dlm_meters.add(meters[0])
    make("equipment.GatewayNonce", gateway=gateway, nonce=ref, at=NOW)
    make("equipment.Renewal", gateway=gateway)
    seen = {"origin": "gateway", "code": "x.y", "severity": "info", "since": NOW, "last_at": NOW}
    make("equipment.GatewayFinding", gateway=gateway, **seen)
    make("metering.GatewayBuffer", gateway=gateway, buffer_id=ref, last=1, at=NOW)
    unplaced = make("metering.Unplaced", gateway=gateway, reason="meter", since=NOW, **here)
    value = {"measured_at": NOW, "quality": 1, "received_at": NOW}
    make("metering.UnplacedValue", unplaced=unplaced, value="1", **value)
    power = {"hour": 1, "meter_id": meters[0].pk, "power_w": b""}
    make("metering.PowerHour", site_id=here["site"].pk, **power)
    make("metering.Momentary", meter=meters[0])
    make("alarms.SiteWatch", **here)
    begun = {"code": "x", "since": NOW, "opened_at": NOW, "last_seen_at": NOW}
    alarm = make("alarms.Alarm", kind="residual", severity="error", **begun, **here)
    where = {"channel": "email", "address": "a@example.ch", "at": NOW, "due_at": NOW}
    make("alarms.Notice", alarm=alarm, event="opened", **where)
    make("alarms.Recipient", organisation=ours, role="owner")
    make("alarms.AlarmRule", organisation=ours, kind="residual")
    read = {"shown": 1, "read": 1, "read_at": NOW, "compared_at": NOW}
    make("metering.Comparison", register=register, **read)
    bus = make("equipment.Bus", gateway=gateway, name="b", kind="modbus_tcp")
    asked = {"asked_at": NOW, "ends_at": NOW}
    make("equipment.RemoteCommand", gateway=gateway, kind="status", **asked)
    held = {"session": ref, "server": "s", "connected_at": NOW, "seen_at": NOW}
    make("equipment.RemotePresence", gateway=gateway, **held)
    make("equipment.BadgeReader", gateway=gateway, name="r", kind="keyboard")
    make("equipment.Connection", meter=meters[0], bus=bus, driver="d", address="1", since=NOW)
    broker = make("equipment.MqttSource", gateway=gateway, host="h", mapping="{}")
    make("equipment.MqttMessage", source=broker, topic="t", payload=b"", received_at=NOW)
    station = make("charging.ChargingStation", identity=ref, name="s", **here)
    hers = {"site_id": site.pk, "station_id": station.pk, "number": 1}
    make("charging.ChargingMessage", received_at=NOW, version="ocpp1.6", action="a", **hers)
    make("charging.StartedTransaction", digest=HASH, **hers)
    evse = {"site_id": site.pk, "station_id": station.pk, "evse_id": 1}
    plug = {"connector_id": 1, "status": "Available", "at": NOW}
    make("charging.StatusChange", number=1, **plug, **evse)
    make("charging.Connector", number=1, **plug, **evse)
    make("charging.StationMeter", station=station, meter=meters[0], first_slot=1, counted_slot=1)
    make("charging.EvseQuarter", slot=1, registers="{}", **evse)
    make("charging.Folded", until=NOW, **hers)
    flags = {"is_estimated": False, "is_sound": True}
    nothing = dict.fromkeys(("energy_wh", "first_slot", "charging_s", "held_s", "idle_s"), 0)
    times = {"begun_at": NOW, "plugged_in_at": NOW, "connector_id": 1, "stage": "running"}
    make("charging.ChargingSession", transaction_id="1", **nothing, **flags, **times, **evse)
    relay = {"driver": "d", "channels": [0], "output": "relay", "power_w": 1, "mode": "on"}
    boiler = make("equipment.Appliance", ref="a", name="a", bus=bus, **relay, **here)
    make("equipment.Switch", appliance=boiler, switched_at=NOW, is_on=True, reason="always")
    make("contracts.Occupancy", billing_point=flat, party=owner, starts_date=JANUARY)
    iban = "CH9300762011623852957"
    make("contracts.Issuer", party=owner, iban=iban, reference_type="NON", **here)
    make("contracts.Solution", kind="electricity", starts_date=JANUARY, **here)
    make("contracts.Community", starts_date=JANUARY, rule="proportional", **here)
    prices = {"ref": "x", "starts_date": JANUARY, "ends_date": JULY, "content": {}, "sha256": HASH}
    make("contracts.PriceSheet", **prices, **here).billing_points.add(flat)
    make("contracts.ReferenceTariff", **prices, **here)
    make("metering.Lock", medium="water", lock_date=JANUARY, first_open_slot=1, **here)
    hot = {"site_id": site.pk, "day": 1, "register_id": register.pk}
    values = {"energy": bytes(384), "quality": bytes(96)}
    make("metering.IntervalBlock", total_wh=0, **values, **hot)
    old = {"slots": b"", "old_energy": b"", "old_quality": b""}
    make("metering.IntervalRevision", revision=1, known_at=NOW, source="x", **old, **hot)
    make(
        "metering.Reading",
        site_id=site.pk,
        register_id=register.pk,
        read_at=NOW,
        source="x",
        value=1,
        quality=1,
        received_at=NOW,
    )
    received = {"name": "f", "size": 1, "state": "imported", "received_at": NOW}
    file = make("intake.IntakeFile", kind="sdat", sha256=HASH, **received, **here)
    make("intake.IntakeFinding", at=NOW, code="x.y", severity="info", message="m", **here)
    span = {"first_slot": 0, "end_slot": 1, "since": NOW}
    stray = {"file": file, "point": "CH1", "direction": "import", "part": "total"}
    make("intake.Quarantine", **stray, **span, **here)
    make("intake.Provenance", keys=b"", **hot)
    given = {"register_id": hot["register_id"], "first_slot": 0, "end_slot": 1, "slots": b""}
    make("intake.Contribution", site_id=hot["site_id"], file=file, at=NOW, instants=b"", **given)
    run = make(
        "billing.BillingRun",
        from_date=JANUARY,
        to_date=JULY,
        state="issued",
        known_at=NOW,
        finished_at=NOW,
        actor="job",
        **here,
    )
    invoice = make(
        "billing.Invoice",
        organisation=ours,
        run=run,
        billing_point=flat,
        party=owner,
        number="1",
        from_date=JANUARY,
        to_date=JULY,
        issued_date=JULY,
        due_date=JULY,
        language="de",
        currency="CHF",
        total=1,
        document=b"",
        sha256="",
        **here,
    )
    make("billing.NumberSequence", organisation=ours, series="x")
    begun = {"kind": "issue", "from_date": JANUARY, "to_date": JULY, "created_at": NOW}
    batch = make("billing.Batch", organisation=ours, key=HASH, actor="job", **begun)
    make("billing.BatchSite", batch=batch, **here)
    make(
        "documents.Rendered",
        invoice=invoice,
        document_sha256=HASH,
        path=ref,
        sha256=HASH,
        size_bytes=1,
        rendered_at=NOW,
    )
    printed = {"content": b"", "content_sha256": HASH, "pdf": b"", "sha256": HASH, "seal": HASH}
    made = {"number": 1, "issued_at": NOW, "installer": "x", "by": "x", "left_open": 0}
    make("documents.InspectionReport", **made, **printed, **here)
    make(
        "sharing.AllocationBlock",
        site_id=site.pk,
        run_id=run.pk,
        billing_point_id=flat.pk,
        first_slot=0,
        slots=1,
        solar_mwh=b"",
    )
    text = {"source": ref, "text": ref, "currency": "CHF"}
    entry = make("ledger.Entry", date=JULY, created_at=NOW, **text, **here)
    make("ledger.Posting", entry=entry, account="receivable", party_id=owner.pk, amount=1)
    make("audit.Event", at=NOW, organisation_id=ours.pk, site_id=site.pk, actor="job")
    return ours


def keys():
    """Every model's label to the keys of the rows that the database shows."""
    return {
        label: set(model._base_manager.values_list("pk", flat=True))
        for label, model in MODELS.items()
    }


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else cursor.rowcount


def told():
    return sql("SELECT current_setting('quartier.organisation', true)") or ""


@pytest.fixture
def world(on_postgresql):
    """The two organisations, and the keys of the rows of each."""
    ours = populate("ours")
    of_ours = keys()
    theirs = populate("theirs")
    of_theirs = {label: found - of_ours[label] for label, found in keys().items()}
    assert all(of_ours.values())
    assert all(of_theirs.values())
    return ours, of_ours, theirs, of_theirs


@pytest.fixture
def without_guards(world):
    """The triggers would refuse some rows before row-level security does."""
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    for model in MODELS.values():
        sql(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
    return world


def test_every_model_says_how_its_organisation_is_found():
    assert set(rows.paths()) == set(MODELS)
    assert set(rows.NOT_LISTED) & set(rows.TABLE) == set()


def test_each_organisation_sees_its_own_rows_and_nothing_else(world):
    ours, of_ours, theirs, of_theirs = world
    with only(ours.pk):
        assert keys() == of_ours
        with only(theirs.pk):
            assert keys() == of_theirs
        assert keys() == of_ours
    with only(ours.pk + theirs.pk):
        assert not any(keys().values())


def test_without_an_organisation_everything_is_seen(world):
    _, of_ours, _, of_theirs = world
    assert keys() == {label: of_ours[label] | of_theirs[label] for label in MODELS}


def refused(statement):
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        sql(statement)
    return "row-level security" in str(caught.value)


def test_a_row_cannot_be_added_to_another_organisation(without_guards):
    ours, _, theirs, _ = without_guards
    for label, model in MODELS.items():
        table = model._meta.db_table
        with only(ours.pk):
            sql(f"CREATE TEMP TABLE row_of_{table} ON COMMIT DROP AS SELECT * FROM {table} LIMIT 1")
        with only(theirs.pk):
            assert refused(f"INSERT INTO {table} SELECT * FROM row_of_{table}"), label


def test_a_row_cannot_be_moved_to_another_organisation_or_changed_there(without_guards):
    ours, _, theirs, of_theirs = without_guards
    for label, model in MODELS.items():
        table = model._meta.db_table
        first = rows.paths()[label].split("__")[0]
        column = (model._meta.pk if first == "pk" else model._meta.get_field(first)).column
        with only(ours.pk):
            mine = sql(f"SELECT {column} FROM {table} LIMIT 1")
        with only(theirs.pk):
            assert refused(f"UPDATE {table} SET {column} = {mine}"), label
            assert sql(f"UPDATE {table} SET {column} = {column}") == len(of_theirs[label]), label
            assert sql(f"DELETE FROM {table} WHERE {column} = {mine}") == 0, label


def test_the_guards_still_see_both_organisations(world):
    ours, of_ours, _, of_theirs = world
    with (
        only(ours.pk),
        pytest.raises(DatabaseError, match="belongs to the organisation of the site"),
        transaction.atomic(),
    ):
        make(
            "sites.Stakeholder",
            site_id=min(of_ours["sites.Site"]),
            party_id=min(of_theirs["parties.Party"]),
            role="other",
        )


def test_the_wall_is_checked_and_mended(on_postgresql):
    assert list(rows.check()) == []
    sql("ALTER TABLE sites_note NO FORCE ROW LEVEL SECURITY")
    sql(f"DROP POLICY {rows.POLICY} ON metering_reading")
    found = [(one.code, one.message.split()[0]) for one in rows.check()]
    assert sorted(found) == [
        ("database.row_security", "metering_reading"),
        ("database.row_security", "sites_note"),
    ]
    rows.secure()
    assert list(rows.check()) == []


def test_a_superuser_is_warned(on_postgresql, monkeypatch):
    superuser = {**connection.settings_dict, "USER": "postgres"}
    other = type(connection.copy())(superuser)
    monkeypatch.setattr(rows, "connection", other)
    try:
        assert [one.code for one in rows.check()] == ["database.bypasses_row_security"]
    finally:
        other.close()


# -- the web --------------------------------------------------------------------------------------


@pytest.fixture
def asked(rf, db):
    """``asked(view)``: the view's answer to a signed-in user; ``asked.user`` is the user."""
    organisation = make("parties.Organisation", ref="o", name="o")
    user = MODELS["parties.User"].objects.create_user("u@example.ch", organisation)

    def ask(view, by=user):
        request = rf.get("/")
        request.user = by
        return OwnOrganisation(view)(request)

    ask.user = user
    return ask


def test_a_request_of_a_signed_in_user_stays_within_the_organisation(on_postgresql, asked):
    answer = asked(lambda request: HttpResponse(told()))
    assert answer.content.decode() == str(asked.user.organisation_id)
    assert told() == ""


def test_before_somebody_is_known_nothing_is_set(on_postgresql, asked):
    assert asked(lambda request: HttpResponse(told()), AnonymousUser()).content == b""


def test_a_view_that_fails_leaves_nothing_behind(on_postgresql, asked):
    def view(request):
        assert told() != ""
        raise LookupError

    with pytest.raises(LookupError):
        asked(view)
    assert told() == ""


def test_what_is_made_while_it_is_sent_stays_within_too(on_postgresql, asked):
    answer = asked(lambda request: StreamingHttpResponse(told() for _ in range(2)))
    assert told() == ""
    parts = iter(answer.streaming_content)
    assert next(parts).decode() == str(asked.user.organisation_id)
    assert told() == ""
    assert next(parts).decode() == str(asked.user.organisation_id)
    assert list(parts) == []


def test_the_middleware_stands_right_after_authentication(settings):
    names = [name.rpartition(".")[2] for name in settings.MIDDLEWARE]
    assert names[names.index("AuthenticationMiddleware") + 1] == "OwnOrganisation"


def test_on_sqlite_nothing_is_done(on_sqlite, asked):
    assert asked(lambda request: HttpResponse("page")).content == b"page"
    rows.secure()
    assert list(rows.check()) == []
    with only(asked.user.organisation_id + 1):
        assert MODELS["parties.User"].objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_connection_opened_meanwhile_is_told(on_postgresql):
    with only(7):
        connection.close()
        assert told() == "7"
    assert told() == ""


@pytest.mark.django_db(transaction=True)
def test_a_failed_transaction_does_not_keep_the_setting(on_postgresql):

    def fail():
        with only(7):
            connection.set_autocommit(False)
            sql("SELECT 1/0")

    with pytest.raises(DatabaseError, match="division"):
        fail()
    assert told() == ""
