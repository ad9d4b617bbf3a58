"""A PostgreSQL of the tests' own: a private folder, a private socket, gone when the run ends.

python -m tests.servers.postgresql NAME COMMAND...    runs COMMAND with its address in NAME
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

PACKAGES = Path("/usr/lib/postgresql")
INSTALL = "Install it: sudo apt-get install postgresql"
START_SECONDS = 60


class NoPostgresql(Exception):
    """PostgreSQL is not installed, or does not start."""


def programs() -> Path:
    """The folder of initdb and postgres, the newest version where there are several."""
    found = sorted(PACKAGES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if in_path := shutil.which("initdb"):
        return Path(in_path).resolve().parent
    raise NoPostgresql(f"PostgreSQL is not installed. {INSTALL}")


def account() -> str | None:
    """Whom the server runs as: it refuses root, so another account then; None is oneself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise NoPostgresql("root cannot run PostgreSQL, and there is no account nobody or postgres")


def _end_with_parent() -> None:
    """Have the kernel stop the server when the test run dies, however it dies."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGQUIT)


class Postgresql:
    """Starts on creation; ``url`` is what DATABASE_URL takes; ``stop`` removes everything.

    The folder lies in /tmp, which any account may enter, wherever the checkout is. Durability is
    left as it is by default, so that what kills a program sees what users get; ``is_durable=False``
    waits for no disk, for tests that only read what they wrote. ``small``: a log in files of 1 MB,
    written by few. ``of``: a folder that another one left.
    """

    def __init__(
        self, *, is_durable: bool = True, small: bool = False, of: Path | None = None
    ) -> None:
        self._settings = ["listen_addresses="]
        if not is_durable:
            self._settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        if small:
            self._settings += ["max_wal_size=3MB", "min_wal_size=2MB", "autovacuum=off"]
        self.folder = of or Path(tempfile.mkdtemp(prefix="quartier-pg-", dir="/tmp"))
        self._user = account()
        self._programs = programs()
        self.log = self.folder / "log"
        if of is not None:
            self._server = self._start()
            self._wait()
            return
        if self._user:
            shutil.chown(self.folder, self._user, pwd.getpwnam(self._user).pw_gid)
        words = "-U postgres -A trust --encoding=UTF8 --locale=C.UTF-8 --no-instructions --no-sync"
        words += " --wal-segsize=1" if small else ""
        self._run("initdb", "-D", str(self.folder / "data"), *words.split())
        self._server = self._start()
        try:
            self._wait()
            self._run("createuser", *self._as("postgres"), "--createdb", "quartier")
            self.create("quartier")
        except NoPostgresql:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The address of an empty database."""
        return self._url("quartier")

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database of the account quartier, empty or a copy of another; its address."""
        words = ("--owner=quartier", f"--template={template}")
        self._run("createdb", *self._as("postgres"), *words, name)
        return self._url(name)

    def version(self) -> str:
        """The program's version, such as ``15.10``."""
        return self._run("postgres", "--version").split()[2]

    def dump(self, name: str) -> bytes:
        """A database as SQL, for ``load``; row-level security hides nothing from a superuser."""
        return self._run("pg_dump", *self._as("postgres"), name).encode()

    def load(self, name: str, path: Path) -> None:
        """Put what ``dump`` gave into an empty database."""
        words = ("--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction")
        with path.open("rb") as sql:
            self._run("psql", *self._as("postgres"), *words, name, stdin=sql)

    def _as(self, user: str) -> tuple[str, ...]:
        return ("-h", str(self.folder), "-U", user)

    def _url(self, name: str) -> str:
        return f"postgresql://quartier@/{name}?host={self.folder}"

    def url_of(self, name: str) -> str:
        """The address of the database ``name``."""
        return self._url(name)

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self.halt()
        shutil.rmtree(self.folder)

    def halt(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server; its folder stays. SIGQUIT writes nothing more."""
        self._server.send_signal(how)
        try:
            self._server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def give(self, folder: Path) -> None:
        """Make all of ``folder`` the server's own."""
        if self._user is not None:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, self._user, pwd.getpwnam(self._user).pw_gid)

    def _identity(self) -> dict[str, object]:
        if self._user is None:
            return {}
        entry = pwd.getpwnam(self._user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def _run(self, program: str, *arguments: str, stdin: IO[bytes] | None = None) -> str:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self.folder,
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._identity(),
        )
        if done.returncode:
            raise NoPostgresql(f"{program} failed: {done.stderr or done.stdout}")
        return done.stdout

    def _start(self) -> subprocess.Popen[bytes]:
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        command += ["-k", str(self.folder)]
        for setting in self._settings:
            command += ["-c", setting]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,
                **self._identity(),
            )

    def _wait(self) -> None:
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self.folder)]
        for _ in range(START_SECONDS * 20):
            if self._server.poll() is not None:
                break
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise NoPostgresql(f"PostgreSQL did not start: {self.log.read_text()}")


def main(name: str, *command: str) -> int:
    """Run ``command`` with the address of a new server in the variable ``name``."""
    server = Postgresql()
    try:
        return subprocess.run(command, env={**os.environ, name: server.url}, check=False).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
