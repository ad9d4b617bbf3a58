"""Whoever is to be told gets one mail, once, in the own language, by a real mail server."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from quartier.apps.alarms.delivery import GIVE_UP, LEASE, deliver
from quartier.apps.alarms.models import Alarm, Notice, Recipient
from quartier.apps.alarms.recipients import BadRecipient, add_recipient, remove_recipient
from quartier.apps.alarms.watching import watch_all
from quartier.apps.parties.models import Contact, Organisation, Party, User
from quartier.apps.sites.models import Stakeholder
from tests.apps.alarms.conftest import NOW, cellar_of
from tests.servers import smtp

pytestmark = [pytest.mark.django_db, pytest.mark.db]

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def mails(settings):
    with smtp.running() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


def sent(now):
    return deliver(lambda: now).sent


def recipient(of, **more):
    row = Recipient(organisation=of.organisation, **more)
    add_recipient(row, at=NOW, actor="t")
    return row


def test_a_dead_router_is_one_mail(cellar, mails):
    others = [cellar_of(cellar.site.organisation, ref)[0] for ref in ("ash", "oak")]
    watch_all(NOW)
    assert Alarm.objects.count() == 1 + len(others)
    assert sent(NOW) == 1
    assert sent(NOW) == 0
    ((to, mail),) = mails.mails
    assert to == ["op@example.ch"]
    assert mail["Subject"] == "3 sites · 3 alarms"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert text.count("Nothing was ever heard from the gateway") == 3
    assert "/sites/elm/alarms/" in text


def test_each_is_written_to_in_the_own_language(cellar, mails):
    User.objects.create(
        organisation=cellar.site.organisation, email="b@example.ch", is_operator=True, language="fr"
    )
    recipient(cellar.site, role="operator")
    recipient(cellar.site, address="pikett@example.ch", language="it")
    cellar.heard(NOW)
    cellar.read(NOW, "m1", "m2")
    watch_all(NOW)
    assert sent(NOW) == 3
    subjects = {to[0]: mail["Subject"] for to, mail in mails.mails}
    assert subjects == {
        "op@example.ch": "Elm · Alarm: Silent meter, Flat 3",
        "b@example.ch": "Elm · Alarme: Compteur muet, Flat 3",
        "pikett@example.ch": "Elm · Allarme: Contatore muto, Flat 3",
    }


def test_what_comes_soon_after_waits_for_the_next_mail(cellar, mails):
    cellar.well(NOW)
    cellar.heard(NOW, clock_ahead_ms=99_000)
    watch_all(NOW)
    assert sent(NOW) == 1
    later = NOW + 3 * HOUR
    cellar.heard(later, clock_ahead_ms=99_000)
    watch_all(later)
    Notice.objects.filter(sent_at__isnull=False).update(sent_at=later - 10 * MINUTE)
    assert sent(later) == 0
    assert sent(later + 5 * MINUTE) == 1
    assert "3 alarms" in mails.mails[-1][1]["Subject"]


def test_who_was_told_is_told_of_the_end(cellar, mails):
    row = recipient(cellar.site, address="pikett@example.ch", language="en")
    watch_all(NOW)
    assert sent(NOW) == 1
    remove_recipient(row, at=NOW, actor="t")
    later = NOW + 2 * HOUR
    for minutes in (0, 30):
        cellar.well(later + minutes * MINUTE)
        watch_all(later + minutes * MINUTE)
    assert sent(later + 30 * MINUTE) == 1
    to, mail = mails.mails[-1]
    assert to == ["pikett@example.ch"]
    assert mail["Subject"] == "Elm · Ended: Silent gateway, elm-g"


def test_who_is_told_of_what(cellar, mails):
    site = cellar.site
    party = Party.objects.create(
        organisation=site.organisation, ref="e", name="E", postcode="8000", town="Zürich"
    )
    Stakeholder.objects.create(site=site, party=party, role="installer")
    users = {
        name: User.objects.create(
            organisation=site.organisation,
            email=f"{name}@example.ch",
            language="de",
            is_active=name != "gone",
        )
        for name in ("fitter", "gone", "chosen")
    }
    for name in ("fitter", "gone"):
        Contact.objects.create(party=party, user=users[name])
    elsewhere, _ = cellar_of(site.organisation, "ash")
    recipient(site, role="installer", site=site)
    recipient(site, user=users["chosen"], kind="clock")
    recipient(site, address="grave@example.ch", least_severity="error")
    recipient(site, address="ash@example.ch", site=elsewhere)
    cellar.well(NOW)
    cellar.heard(NOW, clock_ahead_ms=60_000)  # a warning
    watch_all(NOW)
    told = Notice.objects.filter(alarm__site=site).values_list("address", flat=True)
    assert sorted(told) == ["chosen@example.ch", "fitter@example.ch"]
    told = Notice.objects.filter(alarm__site=elsewhere).values_list("address", flat=True)
    assert sorted(told) == ["ash@example.ch", "grave@example.ch"]


def test_a_mail_that_cannot_be_sent_is_tried_again_and_seen(cellar, mails):
    watch_all(NOW)
    mails.is_down = True
    assert deliver(lambda: NOW).failed == 1
    row = Notice.objects.get()
    assert (row.attempts, row.sent_at, row.claim) == (1, None, "")
    assert row.failure
    assert sent(NOW) == 0  # not before the pause is over
    mails.is_down = False
    assert sent(NOW + MINUTE) == 1
    assert Notice.objects.get().failure == ""
    assert len(mails.mails) == 1


def test_a_refused_address_keeps_nobody_waiting_and_is_given_up(cellar, mails):
    mails.refuses = {"a@example.ch"}
    recipient(cellar.site, address="a@example.ch")
    recipient(cellar.site, address="z@example.ch")
    watch_all(NOW)
    assert deliver(lambda: NOW).failure == "550 no such mailbox"
    assert sent(NOW) == 1  # the next look
    assert [to for to, _ in mails.mails] == [["z@example.ch"]]
    late = NOW + GIVE_UP + MINUTE
    assert deliver(lambda: late).failed == 1
    assert Notice.objects.get(address="a@example.ch").given_up_at == late
    assert deliver(lambda: late + 10 * HOUR).failed == 0


def test_what_a_killed_worker_claimed_is_sent_by_another(cellar, mails):
    watch_all(NOW)

    class Killed:
        def send(self, message):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(lambda: NOW, {"email": Killed()})
    assert sent(NOW + LEASE - MINUTE) == 0
    assert sent(NOW + LEASE) == 1
    assert sent(NOW + LEASE) == 0


def test_two_workers_send_it_once(cellar, mails):
    """The second one looks while the first one is sending."""
    watch_all(NOW)
    counts = []

    class Slow:
        def send(self, message):
            counts.append(deliver(lambda: NOW).sent)

    assert deliver(lambda: NOW, {"email": Slow()}).sent == 1
    assert counts == [0]
    assert mails.mails == []


def test_names_break_no_header(cellar, mails):
    cellar.site.name = "Elm\r\nBcc: all@example.ch"
    cellar.site.save()
    watch_all(NOW)
    assert sent(NOW) == 1
    to, mail = mails.mails[0]
    assert (to, mail["Bcc"]) == (["op@example.ch"], None)


def test_a_recipient_is_entered_once_and_is_of_the_organisation(cellar):
    recipient(cellar.site, address="a@example.ch")
    with pytest.raises(BadRecipient):
        recipient(cellar.site, address="A@example.ch")
    other = Organisation.objects.create(ref="south", name="South")
    stranger = User.objects.create(organisation=other, email="s@example.ch")
    with pytest.raises(IntegrityError), transaction.atomic():
        Recipient.objects.create(organisation=cellar.site.organisation, user=stranger)
    with pytest.raises(IntegrityError), transaction.atomic():
        Recipient.objects.create(organisation=other, role="owner", site=cellar.site)
