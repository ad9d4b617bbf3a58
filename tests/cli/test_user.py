"""Who may sign in, from the command line."""

import io
import sys

import pytest
from django.contrib.auth import authenticate

from quartier.apps.audit.models import Event
from quartier.apps.parties.models import Party, User
from quartier.cli import main

pytestmark = pytest.mark.db


@pytest.fixture
def quartier(db, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    def run(*words):
        code = main(["user", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def shown(out):
    return out.split("password (shown only now): ")[1].strip()


def test_a_lost_password_is_replaced(quartier):
    _, out, _ = quartier("add", "Anna@example.ch", "--operator")
    first = shown(out)
    assert authenticate(username="anna@example.ch", password=first)
    before = User.objects.get().get_session_auth_hash()
    code, out, _ = quartier("password", "anna@EXAMPLE.ch")
    assert code == 0
    assert "sessions have ended" in out
    assert authenticate(username="anna@example.ch", password=first) is None
    assert authenticate(username="anna@example.ch", password=shown(out))
    assert User.objects.get().get_session_auth_hash() != before
    assert Event.objects.filter(action="user.password", subject="anna@example.ch").exists()


def test_a_user_gets_more_rights_and_keeps_what_there_is(quartier):
    quartier("add", "urs@example.ch")
    user = User.objects.get()
    for ref in ("gerber", "meier"):
        Party.objects.create(organisation=user.organisation, ref=ref, name=ref.title())
    assert quartier("rights", "urs@example.ch", "--party", "gerber")[0] == 0
    code, out, _ = quartier("rights", "urs@example.ch", "--party", "meier", "gerber", "--operator")
    assert (code, out) == (0, "urs@example.ch: operator, gerber, meier\n")
    code, out, _ = quartier("list")
    assert (code, out) == (0, "default  urs@example.ch  operator, gerber, meier\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("password", "nobody@example.ch"), "there is no user nobody@example.ch"),
        (("rights", "nobody@example.ch", "--operator"), "there is no user nobody@example.ch"),
        (("rights", "urs@example.ch", "--party", "nil"), "there is no party 'nil'"),
        (("rights", "urs@example.ch"), "say what the user may"),
        (("add", "urs@example.ch"), "quartier user password"),
        (("add", "not an address"), "not an address"),
    ],
)
def test_what_cannot_be_done_says_why(quartier, words, said):
    quartier("add", "urs@example.ch")
    code, _, err = quartier(*words)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert User.objects.count() == 1


def test_the_list_is_empty_at_first(quartier):
    assert "quartier user add EMAIL" in quartier("list")[1]
