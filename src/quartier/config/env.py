"""Settings from the environment, which fail loudly. The only place that reads os.environ."""

import os
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class BadEnvironment(Exception):
    """A variable of the environment has a value that cannot be used."""


def text(name: str, default: str = "") -> str:
    """The variable ``name``, or ``default`` where it is unset or empty."""
    return os.environ.get(name, "") or default


def flag(name: str, *, default: bool = False) -> bool:
    """A yes/no variable; anything but 1/0, true/false, yes/no is refused."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes"}:
        return True
    if value in {"0", "false", "no"}:
        return False
    raise BadEnvironment(f"{name}={value!r}: write 1 or 0")


def count(name: str, default: int = 0) -> int:
    """A whole number from 0 on; anything else is refused."""
    value = text(name)
    if not value:
        return default
    if not (value.isascii() and value.isdigit()):
        raise BadEnvironment(f"{name}={value!r}: write a whole number, such as 1")
    return int(value)


def choice(name: str, allowed: tuple[str, ...], default: str) -> str:
    """One of the words ``allowed``, in capitals or not."""
    value = text(name, default).strip().upper()
    if value not in allowed:
        raise BadEnvironment(f"{name}={value!r}: write one of {', '.join(allowed)}")
    return value


def words(name: str) -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Networks of addresses, separated by commas; anything else is refused."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as problem:
        raise BadEnvironment(f"{name}: {problem}; write such as 192.168.10.0/24") from None


def home() -> Path:
    """The folder of the embedded database and of all files: QUARTIER_HOME."""
    folder = text("QUARTIER_HOME")
    if folder:
        return Path(folder).expanduser().resolve()
    data = text("XDG_DATA_HOME")
    base = Path(data).expanduser() if data else Path.home() / ".local" / "share"
    return base / "quartier"


def secret_key(folder: Path) -> str:
    """The signing key: QUARTIER_SECRET_KEY, or the file ``secret_key`` in ``folder``.

    The file is made once, readable by its owner only.
    """
    key = text("QUARTIER_SECRET_KEY")
    if key:
        if len(key) < 32:
            raise BadEnvironment("QUARTIER_SECRET_KEY is shorter than 32 characters")
        return key
    path = folder / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        key = secrets.token_urlsafe(48)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(descriptor, "w") as file:
            file.write(key)
        return key


def database(folder: Path) -> dict[str, Any]:
    """Django's database settings: DATABASE_URL, or the embedded SQLite in ``folder``.

    SQLite runs in WAL with immediate transactions and full sync: what was acknowledged is on the
    disk (stack.md, traps).
    """
    url = text("DATABASE_URL")
    if url and not url.startswith("sqlite:"):
        if not url.startswith(("postgres://", "postgresql://")):
            raise BadEnvironment(
                "DATABASE_URL must begin with postgresql:// or sqlite:///; "
                "example: postgresql://quartier@/quartier?host=/run/postgresql"
            )
        return _postgresql(url)
    path = Path(url.removeprefix("sqlite:///")) if url else folder / "quartier.sqlite3"
    path.parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            "timeout": 10,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA mmap_size=67108864; PRAGMA cache_size=-65536;"
            ),
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError as error:
        raise BadEnvironment(f"DATABASE_URL cannot be read: {error}") from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": parts,
    }


def mail(folder: Path) -> dict[str, Any]:
    """Django's mail settings: QUARTIER_SMTP, e.g. ``smtp://user:password@mail.example.ch:587``
    (STARTTLS) or ``smtps://...:465``; without it mails are files in ``mail`` of ``folder``."""
    url = text("QUARTIER_SMTP")
    sender = text("QUARTIER_MAIL_FROM", "Quartier <noreply@localhost>")
    if not url:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(folder / "mail"),
            "DEFAULT_FROM_EMAIL": sender,
        }
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise BadEnvironment(
            "QUARTIER_SMTP must be like smtp://user:password@mail.example.ch:587, or smtps://"
        )
    is_tls = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if is_tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": is_tls,
        "EMAIL_USE_TLS": not is_tls and parts.hostname not in ("localhost", "127.0.0.1"),
        "EMAIL_TIMEOUT": 20,
        "DEFAULT_FROM_EMAIL": sender,
    }
