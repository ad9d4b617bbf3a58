"""Check that the database, the books, the stored energy and the configuration are sound.

Nothing is changed. Each app brings its own checks in a file ``check.py``, found by its folder.
"""

import argparse
import importlib
import pkgutil
from collections.abc import Iterator

from quartier.cli import UserError
from quartier.cli._findings import exit_code, print_findings
from quartier.core.kernel.findings import Finding, error, warning

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", metavar="REF", help="one site only (default: all)")


def run(args: argparse.Namespace) -> int:
    from quartier.apps.sites.models import Site
    from quartier.apps.sites.queries import NoSuchSite, site_by_ref

    try:
        sites = [site_by_ref(args.site)] if args.site else list(Site.objects.order_by("id"))
    except NoSuchSite as problem:
        raise UserError(str(problem)) from None
    findings = [*database(), *_configuration()]
    modules = list(_app_checks())
    for site in sites:
        for module in modules:
            findings.extend(module.check(site))
    print_findings(findings)
    names = ", ".join(module.__name__.split(".")[-2] for module in modules)
    print(
        f"checked: database, configuration, {names}; {len(sites)} sites, {len(findings)} findings"
    )
    return exit_code(findings)


def _app_checks() -> Iterator:  # type: ignore[type-arg]
    """The ``check`` modules of the apps; each has ``check(site) -> Iterable[Finding]``."""
    import quartier.apps

    for app in pkgutil.iter_modules(quartier.apps.__path__):
        folder = importlib.import_module(f"quartier.apps.{app.name}")
        if any(module.name == "check" for module in pkgutil.iter_modules(folder.__path__)):
            yield importlib.import_module(f"quartier.apps.{app.name}.check")


def database() -> Iterator[Finding]:
    """Whether the database is whole, and keeps what it confirms."""
    from django.db import connection

    from quartier.apps.access import rows

    yield from rows.check()
    if connection.vendor == "postgresql":
        yield from durability()
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check(20)")
        for (line,) in cursor.fetchall():
            if line != "ok":
                yield error(
                    "database.damaged",
                    f"SQLite says: {line}.",
                    where="database",
                    remedy="Restore the last backup into a new QUARTIER_HOME.",
                )
        cursor.execute("PRAGMA foreign_key_check")
        for row in cursor.fetchall()[:20]:
            yield error(
                "database.dangling",
                f"Row {row[1]} of {row[0]} points at a row of {row[2]} that is not there.",
                where="database",
                remedy="Restore the last backup into a new QUARTIER_HOME.",
            )


def durability() -> Iterator[Finding]:
    """Whether what PostgreSQL has confirmed outlasts a power cut (PostgreSQL manual, 20.5)."""
    from django.db import connection

    with connection.cursor() as cursor:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            cursor.execute(f"SHOW {name}")
            if cursor.fetchone() == ("off",):
                yield error(
                    "database.not_durable",
                    f"PostgreSQL runs with {name} off: a power cut loses what was confirmed.",
                    where="database",
                    remedy=f"Set {name} = on in postgresql.conf, or for the role.",
                )


def _configuration() -> Iterator[Finding]:
    from django.conf import settings

    if settings.DEBUG:
        yield warning(
            "configuration.debug",
            "QUARTIER_DEBUG is on: errors show the program's insides.",
            where="environment",
            remedy="Unset QUARTIER_DEBUG where others can reach the portals.",
        )
    local = {"localhost", "127.0.0.1", "[::1]"}
    if not settings.IS_HTTPS and set(settings.ALLOWED_HOSTS) - local:
        yield warning(
            "configuration.plain",
            "The portals are offered to other machines without HTTPS.",
            where="environment",
            remedy="Set QUARTIER_PUBLIC_URL to an https:// address behind a TLS proxy.",
        )
    key = settings.QUARTIER_HOME / "secret_key"
    if key.exists() and key.stat().st_mode & 0o077:
        yield warning(
            "configuration.secret",
            "Others on this machine can read the secret key.",
            where=str(key),
            remedy=f"Run: chmod 600 {key}",
        )
