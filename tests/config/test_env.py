"""Settings from the environment fail loudly and keep secrets to their owner."""

import pytest

from quartier.config import env


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path, monkeypatch):
    monkeypatch.delenv("QUARTIER_SECRET_KEY", raising=False)
    key = env.secret_key(tmp_path / "home")
    assert len(key) >= 48
    assert env.secret_key(tmp_path / "home") == key
    assert (tmp_path / "home" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_short_key_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("QUARTIER_SECRET_KEY", "short")
    with pytest.raises(env.BadEnvironment, match="32 characters"):
        env.secret_key(tmp_path)


@pytest.mark.parametrize("url", ["mysql://x/y", "postgres", "postgresql://[bad"])
def test_a_database_that_is_none_is_refused(tmp_path, monkeypatch, url):
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(env.BadEnvironment, match="DATABASE_URL"):
        env.database(tmp_path)


def test_a_postgresql_url_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://me:pw@/q?host=/run/pg&port=5433&sslmode=require"
    )
    found = env.database(tmp_path)
    assert (found["NAME"], found["USER"], found["PASSWORD"]) == ("q", "me", "pw")
    assert (found["HOST"], found["PORT"]) == ("/run/pg", "5433")
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_the_embedded_database_syncs_what_it_acknowledges(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    options = env.database(tmp_path)["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in options["init_command"]


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("no", False), ("", True)])
def test_flags(monkeypatch, value, expected):
    monkeypatch.setenv("QUARTIER_X", value)
    assert env.flag("QUARTIER_X", default=True) is expected


def test_a_flag_that_is_neither_is_refused(monkeypatch):
    monkeypatch.setenv("QUARTIER_X", "maybe")
    with pytest.raises(env.BadEnvironment, match="QUARTIER_X"):
        env.flag("QUARTIER_X")


@pytest.mark.parametrize(("value", "expected"), [("", 7), ("0", 0), ("2", 2)])
def test_counts(monkeypatch, value, expected):
    monkeypatch.setenv("QUARTIER_X", value)
    assert env.count("QUARTIER_X", default=7) == expected


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "²"])
def test_a_count_that_is_none_is_refused(monkeypatch, value):
    monkeypatch.setenv("QUARTIER_X", value)
    with pytest.raises(env.BadEnvironment, match="QUARTIER_X"):
        env.count("QUARTIER_X")


def test_a_choice_is_one_of_its_words(monkeypatch):
    monkeypatch.setenv("QUARTIER_X", "info")
    assert env.choice("QUARTIER_X", ("INFO", "ERROR"), default="ERROR") == "INFO"
    monkeypatch.setenv("QUARTIER_X", "loud")
    with pytest.raises(env.BadEnvironment, match="INFO, ERROR"):
        env.choice("QUARTIER_X", ("INFO", "ERROR"), default="ERROR")


def test_networks_are_written_as_such(monkeypatch):
    monkeypatch.setenv("QUARTIER_X", "192.168.10.0/24, fd12::/64")
    assert [str(one) for one in env.networks("QUARTIER_X")] == ["192.168.10.0/24", "fd12::/64"]
    for wrong in ("192.168.10.1/24", "broker.local", "10.0.0.0/33"):
        monkeypatch.setenv("QUARTIER_X", wrong)
        with pytest.raises(env.BadEnvironment, match="QUARTIER_X"):
            env.networks("QUARTIER_X")
