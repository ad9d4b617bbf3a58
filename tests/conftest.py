"""How the tests run: which database, which seed, which data, and what was left out.

| variable | what it says |
|---|---|
| QUARTIER_TEST_DB | sqlite (the default), postgresql, or none: core alone, Django is not loaded |
| QUARTIER_SEED | the seed of properties and drills; printed at the start of every run |
| QUARTIER_DRILL | 1: drills and properties at their full counts |
| QUARTIER_REAL_DATA | the folder of the data that may not be committed |
| CI | true: a test that was left out fails the run |
"""

import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import chromium, postgresql, tables

ROOT = Path(__file__).resolve().parent.parent
DATABASES = ("sqlite", "postgresql", "none")
IS_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
IS_DRILL = os.environ.get("QUARTIER_DRILL", "") == "1"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
FIXED_SEED = 20260101
DB_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server", "client", "admin_client"}

for _name, _examples in (("short", 30), ("drill", 1000)):
    settings.register_profile(
        _name,
        max_examples=_examples,
        deadline=None,  # the machine is shared; what is slow shows in --durations
        print_blob=True,
        database=None,  # the seed alone says what is tried
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("drill" if IS_DRILL else "short")


# -- seed ---------------------------------------------------------------------------------------


def _seed() -> int:
    """The seed of this run: as told; for drills in CI the commit's, else a new one; for the
    reduced counts always the same, so that the same code gives the same result."""
    if told := os.environ.get("QUARTIER_SEED"):
        return int(told)
    if not IS_DRILL:
        return FIXED_SEED
    if IS_CI and shutil.which("git"):
        asked = ["git", "rev-parse", "HEAD"]
        commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
        if commit.returncode == 0:
            return int(commit.stdout[:8], 16)
    return random.SystemRandom().randrange(2**32)


# -- environment --------------------------------------------------------------------------------


def _database() -> str:
    name = os.environ.get("QUARTIER_TEST_DB") or (
        "sqlite" if find_spec("pytest_django") else "none"
    )
    if name not in DATABASES:
        raise pytest.UsageError(f"QUARTIER_TEST_DB={name!r}: one of {', '.join(DATABASES)}")
    return name


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose database, home and seed before Django reads its settings.

    The first process decides, its workers inherit; each worker has a home of its own.
    """
    database = _database()
    os.environ["QUARTIER_TEST_DB"] = database
    os.environ["QUARTIER_SEED"] = str(_seed())
    config.option.hypothesis_seed = os.environ["QUARTIER_SEED"]
    if WORKER:
        home = Path(os.environ["QUARTIER_HOME"]) / WORKER
    else:
        home = Path(tempfile.mkdtemp(prefix="quartier-tests-"))
        config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
        os.environ.pop("DATABASE_URL", None)  # never a database of somebody's
        if database == "postgresql":
            server = postgresql.Postgresql(is_durable=False)
            config.add_cleanup(server.stop)
            tables.postgresql(server)
            os.environ["DATABASE_URL"] = server.url
    home.mkdir(exist_ok=True)
    os.environ["QUARTIER_HOME"] = str(home)
    if database == "none":
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "quartier.config.settings"
    from django.conf import settings as django_settings

    # Read now; pytest-django then sets Django up, and its run of `migrate` finds little to do.
    if database == "postgresql":
        test = {"NAME": f"test_quartier_{WORKER}", "TEMPLATE": tables.TEMPLATE}
    else:  # a file, as users have it; in memory SQLite neither locks nor logs ahead
        test = {"NAME": str(home / "test.sqlite3")}
        shutil.copyfile(tables.sqlite(), test["NAME"])
    django_settings.DATABASES["default"].setdefault("TEST", {}).update(test)
    config.option.reuse_db = True
    if config.getoption("numprocesses", None):
        # A worker that inherits it reads the settings before it has chosen a home of its own.
        del os.environ["DJANGO_SETTINGS_MODULE"]
    # Argon2 is slow by design, and no test measures how slow.
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_report_header() -> str:
    counts = "full counts" if IS_DRILL else "reduced counts"
    return (
        f"quartier: database {os.environ['QUARTIER_TEST_DB']}, "
        f"seed {os.environ['QUARTIER_SEED']}, {counts}"
    )


@pytest.fixture(scope="session", autouse=True)
def _a_home_of_its_own() -> None:
    if os.environ["QUARTIER_TEST_DB"] != "none":
        from django.conf import settings as django_settings

        assert str(django_settings.QUARTIER_HOME) == os.environ["QUARTIER_HOME"]


# -- which tests --------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what fixtures imply, so that `-m db` and `-m real_data` find every such test."""
    has_data = bool(os.environ.get("QUARTIER_REAL_DATA"))
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "real_data" in fixtures:
            item.add_marker("real_data")
        if item.get_closest_marker("real_data") and not has_data:
            item.add_marker(pytest.mark.skip(reason="QUARTIER_REAL_DATA is not set"))
        if item.get_closest_marker("db") and not item.get_closest_marker("django_db"):
            item.add_marker("django_db")
        elif item.get_closest_marker("django_db") or fixtures & DB_FIXTURES:
            item.add_marker("db")
    # The longest files first: started last, one of them would keep a worker busy alone.
    pages = ("tests/portals/test_interval_changes.py", "tests/portals/test_who_sees_what.py")
    longest = ("tests/journeys", "tests/drills", "tests/cli", *pages)
    items.sort(key=lambda item: not item.nodeid.startswith(longest))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that skips itself would be left out without a name: refuse it."""
    report = yield
    if report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: skip single tests, never a whole file"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """A request leaves its language active in the thread; each test begins in English."""
    if translation := sys.modules.get("django.utils.translation"):
        translation.activate("en")


# -- what was left out, and how to try a failure again ------------------------------------------


def _left_out(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    return reporter.stats.get("skipped", [])


def _again(nodeid: str) -> str:
    names = ("QUARTIER_SEED", "QUARTIER_DRILL", "QUARTIER_TEST_DB")
    told = [f"{name}={os.environ[name]}" for name in names if os.environ.get(name)]
    return " ".join([*told, ".venv/bin/python -m pytest", shlex.quote(nodeid)])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = _left_out(terminalreporter)
    if left_out:
        terminalreporter.section("left out")
        for report in sorted(left_out, key=lambda report: report.nodeid):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            terminalreporter.write_line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
        if IS_CI:
            terminalreporter.write_line("CI leaves nothing out: this run has failed.", red=True)
    reports = terminalreporter.stats.get("failed", []) + terminalreporter.stats.get("error", [])
    failed = [report for report in reports if ".py" in report.nodeid]  # not a worker's own trouble
    if failed:
        terminalreporter.section("to try a failure again")
        for nodeid in dict.fromkeys(report.nodeid for report in failed):
            terminalreporter.write_line(_again(nodeid))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that was left out fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IS_CI and reporter and not WORKER and _left_out(reporter) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


# -- the database --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """Each worker has a database of its own already: ``pytest_configure``."""


# -- fixtures -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data; tests that ask for it are left out by name without it."""
    folder = Path(os.environ["QUARTIER_REAL_DATA"])
    assert folder.is_dir(), f"QUARTIER_REAL_DATA={folder} is not a folder"
    return folder


@pytest.fixture(scope="session")
def drill_count() -> Callable[[int, int], int]:
    """``drill_count(full, reduced)``: how often a drill is to try."""
    return lambda full, reduced: full if IS_DRILL else reduced


@pytest.fixture
def fresh_home(tmp_path: Path) -> Path:
    """A home for commands in a process of their own: an embedded database with all its tables."""
    return tables.copy_to(tmp_path / "home")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers of this test alone, the same for the same seed."""
    return random.Random(f"{os.environ['QUARTIER_SEED']}:{request.node.nodeid}")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The machine's Chromium; launch it with ``tests.servers.chromium.ARGUMENTS``."""
    return chromium.path()
