"""A building with a billed quarter, and somebody of every role."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from quartier.core.kernel.period import Dates

QUARTER = Dates(date(2026, 7, 1), date(2026, 10, 1))
BILLED_AT = datetime(2026, 10, 3, 9, tzinfo=UTC)
PASSWORD = "korrekt-pferd-batterie"
ROLES = ("operator", "owner", "installer", "resident", "neighbor", "stranger", "outsider")


@dataclass
class World:
    """The building ``linde`` with three households; ``users`` by role.

    ``neighbor`` lives in another flat of the building, ``stranger`` is a user of the organisation
    without any party, ``outsider`` the operator of another organisation.
    """

    site: object
    users: dict
    run: object
    invoices: list
    issue: object
    file: object
    client: object

    @property
    def batch(self):
        """A job over the building that nobody has taken up."""
        from quartier.apps.billing.batch import Job, start

        job = Job(self.site.organisation, (self.site,), QUARTER, "review", actor="test")
        return start(job, now=BILLED_AT)[0]

    def as_(self, role):
        """A signed-in client; signed out for an empty role."""
        self.client.logout()
        if role:
            self.client.force_login(self.users[role])
        return self.client


def people(site):
    """A user of every role."""
    from quartier.apps.parties.models import Contact, Organisation, Party, User
    from quartier.apps.sites.models import Stakeholder

    organisation = site.organisation
    other = Organisation.objects.create(ref="other", name="Other")
    users = {
        role: User.objects.create_user(
            f"{role}@example.ch",
            other if role == "outsider" else organisation,
            PASSWORD,
            is_operator=role in ("operator", "outsider"),
            language="en",
        )
        for role in ROLES
    }
    installer = Party.objects.create(
        organisation=organisation, ref="elektro", name="Elektro AG", postcode="8000", town="Zürich"
    )
    Stakeholder.objects.create(site=site, party=installer, role="installer")
    for role, party in (
        ("owner", Party.objects.get(organisation=organisation, ref=f"{site.ref}-owner")),
        ("installer", installer),
        ("resident", Party.objects.get(organisation=organisation, ref=f"{site.ref}-p001")),
        ("neighbor", Party.objects.get(organisation=organisation, ref=f"{site.ref}-p002")),
    ):
        Contact.objects.create(party=party, user=users[role])
    return users


def build(households=3):
    """The building with a year's quarter billed."""
    from quartier.apps.billing.operations import bill
    from quartier.apps.intake.models import IntakeFile
    from quartier.apps.sites.models import Note
    from quartier.cli.bench import _world as world

    site = world.site_with(households, "linde")
    site.name = "Lindenhof"
    site.save()
    users = people(site)
    prepared, invoices = bill(
        site, world.QUARTER, now=BILLED_AT, issued_date=date(2026, 10, 3), actor="test"
    )
    assert invoices, prepared.findings
    issue = Note.objects.create(site=site, kind="issue", text="Look at it", visibility="public")
    file = IntakeFile.objects.create(
        site=site,
        kind="sdat",
        sha256="0" * 64,
        name="E66.xml",
        size=1,
        state="imported",
        received_at=BILLED_AT,
    )
    return site, users, invoices, issue, file


def wrong(site, meter):
    """Two alarms that are open, one of them taken, one that has ended, and who is told."""
    from quartier.apps.alarms.models import Alarm, Recipient

    times = {"since": BILLED_AT, "opened_at": BILLED_AT, "last_seen_at": BILLED_AT}
    silent = {"kind": "silent_meter", "code": "meter_silent", "severity": "error"}
    named = {"subject": meter.ref, "name": meter.name}
    Alarm.objects.create(site=site, **silent, **named, **times)
    Alarm.objects.create(site=site, ended_at=BILLED_AT, **silent, **named, **times)
    taken = {
        "acknowledged_at": BILLED_AT,
        "acknowledged_by": "operator@example.ch",
        "remark": "Yes",
    }
    odd = {"kind": "residual", "code": "residual_less", "severity": "warning"}
    values = {"day": "2026-10-02", "percent": "0.8"}
    Alarm.objects.create(site=site, values=values, **odd, **times, **taken)
    Recipient.objects.create(organisation=site.organisation, site=site, role="installer")
    site.starts_date = QUARTER.from_date  # else it is planned, and nothing is wrong with it
    site.save()


def build_with_jobs(households):
    """The building, with a job over many sites that is finished and one that nobody has taken, a
    gateway that reads two of its meters, of which one shows something now, and steers a boiler,
    one that publishes itself, and charging stations."""
    from quartier.apps.billing.batch import Job, start, work
    from quartier.apps.equipment import steering
    from quartier.apps.equipment.gateways import How, Wanted, add_bus, add_gateway, connect
    from quartier.apps.equipment.models import Appliance, Meter, MqttSource, Switch
    from quartier.apps.metering.models import Momentary
    from quartier.cli.demo.charging import add_stations

    site, *_ = build(households)
    by = {"at": BILLED_AT, "actor": "test"}
    gateway = add_gateway(site, "linde-cellar", **by)
    bus = add_bus(gateway, "rs485-1", "modbus_rtu_tcp", {"host": "10.0.0.2", "port": 502}, **by)
    meters = Meter.objects.filter(site=site, ref__in=["m001", "m002"]).order_by("ref")
    wanted = [Wanted(one, str(address)) for address, one in enumerate(meters, 11)]
    connect(bus, wanted, How("eastron_sdm630", "SDM630-Modbus"), **by)
    now_ms = int(timezone.now().timestamp() * 1000)
    told = {"32": "231.2", "52": "226.0", "31": "2.0", "51": "1.0", "36": "460", "56": "-225"}
    told = {f"1-1:{code}.7.0": [value, now_ms] for code, value in told.items()}
    Momentary.objects.create(meter=meters[0], shown=told)
    relay = {"driver": "waveshare_relay", "address": "200", "channels": [0], "output": "relay"}
    boiler = Appliance(
        site=site, ref="boiler", name="Boiler", bus=bus, power_w=3000, mode="manual", **relay
    )
    steering.save([boiler], **by)
    for hours, is_on in ((3, True), (1, False)):
        switched_at = timezone.now() - timedelta(hours=hours)
        reason = "surplus" if is_on else "no_surplus"
        Switch.objects.create(appliance=boiler, switched_at=switched_at, is_on=is_on, reason=reason)
    router = add_gateway(site, "linde-router", **by)
    MqttSource.objects.create(gateway=router, host="broker.example.ch", mapping="{}")
    add_stations(site, **by)
    wrong(site, meters[0])
    done, waiting = QUARTER, Dates(date(2026, 4, 1), date(2026, 7, 1))
    for dates in (done, waiting):
        asked = Job(site.organisation, (site,), dates, "review", actor="test")
        job, _ = start(asked, now=BILLED_AT)
        if dates is done:
            assert work(job.pk, clock=lambda: BILLED_AT, on_issued=print)


@pytest.fixture
def world(db, client, settings):
    """The building."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    site, users, invoices, issue, file = build()
    return World(site, users, invoices[0].run, list(invoices), issue, file, client)
