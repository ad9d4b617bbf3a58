"""The pages of appliances: what runs, who may say when, how one is set up."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.equipment.models import Appliance, Bus, Device, Meter, Switch
from quartier.apps.metering import powers
from quartier.core.kernel.period import local_midnight, timezone_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]

LIST, NEW = "/sites/linde/appliances/", "/sites/linde/new-appliance/"
GATEWAYS, CELLAR = "/sites/linde/gateways/", "/sites/linde/gateways/linde-cellar/"
BUS = {"action": "add-bus", "name": "rs485", "kind": "modbus_tcp", "host": "10.0.0.2"}
SDM = {"bus": "rs485", "driver": "eastron_sdm630/SDM630-Modbus", "plan": "quarter_hour"}
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture
def installer(world):
    client = world.as_("installer")
    client.post(GATEWAYS, {"name": "linde-cellar"})
    client.post(CELLAR, {**BUS, "port": 502})
    entry = Meter.objects.get(site=world.site, mode="grid")
    client.post(f"{CELLAR}meters/", {**SDM, f"address-{entry.ref}": "10"})
    return client


def filled(**more):
    about = {
        "name": "Boiler",
        "power_w": "3000",
        "mode": "solar",
        "on_min": "10",
        "off_min": "5",
        "daily_min": "0",
        "bus": Bus.objects.get(name="rs485").pk,
        "driver": "waveshare_relay",
        "address": "200",
        "relays": "1",
        "output": "relay",
    }
    return {**about, **more}


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def test_one_without_bus_is_led_to_the_gateways_first(world):
    assert "Add a gateway and its bus first" in text(world.as_("installer").get(LIST, **ENGLISH))
    assert "An installer sets up relays" in text(world.as_("owner").get(LIST, **ENGLISH))
    assert "Add a gateway and its bus first" in text(world.as_("installer").get(NEW, **ENGLISH))


def test_three_phases_of_a_heater_become_three_appliances(installer):
    assert installer.post(NEW, filled(relays="1, 2, 3")).url == LIST
    rows = Appliance.objects.order_by("ref").values_list("ref", "name", "power_w", "channels")
    assert list(rows) == [(f"boiler-{n}", f"Boiler {n}", 1000, [n - 1]) for n in (1, 2, 3)]
    shown = text(installer.get(LIST, **ENGLISH))
    assert shown.count("did not run") == 3
    assert "not known yet" in shown


def test_what_was_entered_comes_back_in_the_form_and_can_be_changed(installer):
    timer = {"days_1": "01234", "from_1": "22:00", "to_1": "06:00"}
    given = filled(
        name="Wärmepumpe",
        output="sg_3",
        relays="5, 6",
        mode="solar_or_timer",
        priority="1",
        **timer,
    )
    assert installer.post(NEW, {**given, "daily_min": "60", "complete_by": "20:30"}).url == LIST
    one = Appliance.objects.get()
    assert (one.ref, one.channels, one.sg_state, one.output) == (
        "warmepumpe",
        [4, 5],
        3,
        "sg_ready",
    )
    assert (one.daily_s, one.complete_by_minute) == (3600, 20 * 60 + 30)
    assert one.timer == [{"weekdays": [0, 1, 2, 3, 4], "from_minute": 1320, "to_minute": 360}]
    shown = text(installer.get(f"{LIST}warmepumpe/"))
    for value in ("20:30", "22:00", "06:00", "5, 6"):
        assert f'value="{value}"' in shown
    changed = {**given, "name": "WP", "mode": "off", "output": "relay", "relays": "7"}
    assert installer.post(f"{LIST}warmepumpe/", changed).url == LIST
    one.refresh_from_db()
    assert (one.name, one.mode, one.channels, one.sg_state) == ("WP", "off", [6], 0)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"relays": "x"}, "Write numbers, such as 1"),
        ({"relays": "1, 1"}, "Write each relay once"),
        ({"relays": "0"}, "Write each relay once"),
        ({"output": "sg_4"}, "SG Ready has two"),
        ({"relays": "9"}, "has the relays 1 to 8"),
        ({"address": ""}, "ive the address of the module"),
        ({"mode": "timer"}, "runs by timer and has no window"),
        ({"days_1": "0"}, "Say from when until when"),
        ({"power_w": "0"}, "greater than or equal to 1"),
        ({"bus": "99999"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_stored(installer, more, says):
    assert says in text(installer.post(NEW, filled(**more), **ENGLISH))
    assert not Appliance.objects.exists()


def test_an_owner_chooses_when_it_runs_and_presses_its_switch(installer, world):
    installer.post(NEW, filled())
    owner = world.as_("owner")
    posted = {"appliance": "boiler", "action": "mode", "mode": "manual"}
    assert owner.post(LIST, posted).status_code == 302
    assert owner.post(LIST, {"appliance": "boiler", "action": "on"}).status_code == 302
    assert Appliance.objects.get().is_pressed
    assert "Switch off" in text(owner.get(LIST, **ENGLISH))
    owner.post(LIST, {"appliance": "boiler", "action": "off"})
    assert not Appliance.objects.get().is_pressed
    owner.post(LIST, {**posted, "mode": "solar"})
    refused = owner.post(LIST, {"appliance": "boiler", "action": "on"}, **ENGLISH)
    assert "does not run by hand" in text(refused)
    assert owner.post(f"{LIST}boiler/", {"action": "remove"}).status_code == 403
    assert owner.post(LIST, {**posted, "mode": "mad"}).status_code == 200
    for odd in ({"action": "on"}, {"appliance": "boiler"}, {"appliance": "x", "action": "on"}):
        assert owner.post(LIST, odd).status_code == 403
    removed = world.as_("installer").post(f"{LIST}boiler/", {"action": "remove"})
    assert removed.url == LIST
    assert not Appliance.objects.exists()


def test_a_day_shows_what_ran_and_what_flowed_at_the_grid_entry(installer, world):
    installer.post(NEW, filled())
    one = Appliance.objects.get()
    today = timezone.now().astimezone(timezone_of(world.site.timezone)).date()
    day = today - timedelta(days=1)
    begins = local_midnight(day, timezone_of(world.site.timezone))
    for minute, is_on in ((-10, True), (20, False), (600, True), (660, False)):
        at = begins + timedelta(minutes=minute)
        reason = "surplus" if is_on else "no_surplus"
        Switch.objects.create(appliance=one, switched_at=at, is_on=is_on, reason=reason)
    entry = Meter.objects.get(site=world.site, mode="grid")
    entry.devices.all().delete()
    Device.objects.create(meter=entry, serial="CT", installed_at=begins, factor=Decimal(10))
    flow = [
        powers.Power(entry.pk, "1-1:16.7.0", begins + timedelta(minutes=n), -250 if n < 5 else 80)
        for n in range(10)
    ]
    powers.keep(world.site.pk, flow, at=timezone.now())
    shown = text(installer.get(f"{LIST}?day={day}", **ENGLISH))
    assert "1\N{THIN SPACE}h 20\N{THIN SPACE}min in 2 runs" in shown
    assert "4.0" in re.search(r"about ([^<]*)kWh", shown)[1]
    assert shown.count('class="sun"') == 2 + 1  # and the legend
    assert "fed in up to 2.5 kW, drawn up to 0.8 kW" in shown
    log = text(installer.get(f"{LIST}boiler/", **ENGLISH))
    assert "the sun does not give enough" in log
    csv = installer.get(f"{LIST}boiler/?format=csv").content.decode()
    assert csv.count("surplus") == 4
    for odd in ("2020-01-01", "x", "2999-01-01"):
        text(installer.get(f"{LIST}?day={odd}"))


def test_a_password_is_kept_when_it_is_left_empty_and_never_shown(installer):
    plug = {"action": "add-bus", "name": "plug", "kind": "shelly", "host": "10.0.0.3", "port": 80}
    installer.post(CELLAR, plug)
    given = filled(bus=Bus.objects.get(name="plug").pk, driver="shelly_pro_4pm", address="")
    assert installer.post(NEW, {**given, "shelly_pro_4pm-password": "s3cret"}).url == LIST
    assert "s3cret" not in text(installer.get(f"{LIST}boiler/"))
    assert installer.post(f"{LIST}boiler/", {**given, "name": "Fan"}).url == LIST
    one = Appliance.objects.get()
    assert (one.name, one.settings) == ("Fan", {"password": "s3cret"})
    installer.post(CELLAR, {**plug, "name": "other", "host": "10.0.0.4"})
    elsewhere = {**given, "bus": Bus.objects.get(name="other").pk}
    assert installer.post(f"{LIST}boiler/", elsewhere).url == LIST
    assert Appliance.objects.get().settings == {}, "another device is not told it"


def test_more_appliances_ask_no_more(installer):
    counts = []
    for n in range(2):
        for relay in range(n * 4, n * 4 + 4):
            installer.post(NEW, filled(name=f"A{relay}", relays=str(relay + 1)))
        for one in Appliance.objects.all():
            Switch.objects.create(
                appliance=one, switched_at=timezone.now(), is_on=True, reason="always"
            )
        with CaptureQueriesContext(connection) as asked:
            text(installer.get(LIST))
        counts.append(len(asked))
    assert counts[0] == counts[1]
