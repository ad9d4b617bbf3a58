"""``quartier alarms`` looks and lists; the worker does so by itself, in one chain of jobs."""

import os
import re
import subprocess
import sys

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from quartier.apps.alarms.models import Alarm
from quartier.apps.alarms.tasks import EVERY, look_for_alarms, queue
from quartier.cli import FINDINGS, GOOD
from quartier.cli.alarms import run_check, run_list
from tests.apps.alarms.conftest import cellar  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def jobs(status="READY"):
    return DBTaskResult.objects.filter(status=status)


def test_check_looks_and_says_what_is_open(cellar, capsys):  # noqa: F811
    assert run_check(None) == FINDINGS
    said = capsys.readouterr().out
    assert "sites: 1 looked at, 0 of them quiet; alarms: 1 opened" in said
    assert "error: elm: Silent gateway, elm-g: Nothing was ever heard" in said
    Alarm.objects.update(ended_at=timezone.now())
    assert run_list(None) == GOOD


def test_a_mail_that_cannot_leave_is_said(cellar, capsys, settings):  # noqa: F811
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert run_check(None) == FINDINGS
    assert "check QUARTIER_SMTP" in capsys.readouterr().err


def test_the_job_queues_itself_once(cellar):  # noqa: F811
    assert queue(after=timezone.now())
    assert not queue(after=timezone.now())
    jobs().update(status="RUNNING")  # a worker has it
    done = look_for_alarms.call()
    assert (done["sites"], done["opened"], done["messages"]) == (1, 1, 1)
    waits = jobs().get()
    assert timezone.now() < waits.run_after <= timezone.now() + EVERY
    jobs("RUNNING").update(status="SUCCESSFUL", finished_at=timezone.now() - 300 * EVERY)
    look_for_alarms.call()
    assert (jobs().count(), jobs("SUCCESSFUL").count()) == (1, 0)


BUILD = """
from quartier.config.start import django
django()
from quartier.apps.parties.models import Organisation, User
from tests.apps.alarms.conftest import cellar_of
organisation = Organisation.objects.create(ref="north", name="North")
User.objects.create(organisation=organisation, email="op@example.ch", is_operator=True)
for number in range(5):
    cellar_of(organisation, f"site{number}")
"""
LOOK = """
from quartier.config.start import django
django()
from quartier.apps.alarms.models import Alarm, Notice
print(Alarm.objects.count(), Notice.objects.exclude(sent_at=None).count())
"""


def test_two_that_look_at_once_open_and_send_once(fresh_home):
    environment = {**os.environ, "QUARTIER_HOME": str(fresh_home)}
    environment.pop("DATABASE_URL", None)

    def started(*words):
        return subprocess.Popen(
            [sys.executable, *words], env=environment, stdout=subprocess.PIPE, text=True
        )

    assert started("-c", BUILD).wait() == 0
    both = [started("-m", "quartier", "alarms", "check") for _ in range(2)]
    said = [one.communicate()[0] for one in both]
    assert [one.returncode for one in both] == [FINDINGS, FINDINGS]
    assert sum(int(re.search(r"alarms: (\d+) opened", one)[1]) for one in said) == 5
    assert started("-c", LOOK).communicate()[0].split() == ["5", "5"]
    mails = [path.read_text() for path in (fresh_home / "mail").iterdir()]
    assert sum(text.count("Vom Gateway kam noch nie etwas") for text in mails) == 5
