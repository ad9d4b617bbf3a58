"""Several programs may start on a new database at once; each finds all its tables."""

import os
import subprocess
import sys


def test_two_programs_make_one_database(tmp_path):
    environment = {**os.environ, "QUARTIER_HOME": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "quartier", "site", "create", f"s{number}", "--name", "S"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    for one in started:
        _, complaint = one.communicate(timeout=120)
        assert one.returncode == 0, complaint


def test_passwords_are_hashed_slowly():
    """The tests themselves hash fast: what users get is written in the settings."""
    from quartier.config import settings

    assert settings.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher")
