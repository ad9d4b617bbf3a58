"""A version as a file: only what was signed is looked at, and only what belongs in it comes out."""

import io
import stat
import zipfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quartier.gateway.update import archive
from quartier.gateway.update.archive import BadPackage, unpack, verify
from tests.gateway.update.releases import keys, signed

PROGRAM = "lib/quartier/gateway/program.py"
GOOD = {"VERSION": "0.2.0\n", PROGRAM: "pass", "lib/quartier/drivers/x/driver.toml": "format = 1"}


def made(path, files, **more):
    with zipfile.ZipFile(path, "w", **more) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return keys(tmp_path_factory.mktemp("keys"))


def test_what_was_signed_is_good_and_one_bit_else_is_not(tmp_path, key):
    private, public = key
    path = made(tmp_path / "a.zip", GOOD)
    signature = signed(path, private)
    verify(path, signature, public)
    for odd in (b"", signature[:-1], bytes([signature[0] ^ 1]) + signature[1:], bytes(64)):
        with pytest.raises(BadPackage, match="signature"):
            verify(path, odd, public)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadPackage, match="not that of the releases"):
        verify(path, signature, public)


def test_without_a_key_or_with_another_nothing_is_taken(tmp_path, key):
    path = made(tmp_path / "a.zip", GOOD)
    signature = signed(path, key[0])
    with pytest.raises(BadPackage, match="no key of releases"):
        verify(path, signature, tmp_path / "none.pem")
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(BadPackage, match="not that of the releases"):
        verify(path, signature, keys(other)[1])


def test_a_check_that_takes_too_long_says_nothing_against_the_version(tmp_path, key, monkeypatch):
    slow = tmp_path / "openssl"
    slow.write_text("#!/bin/sh\nexec sleep 20\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(archive, "_CHECK_S", 0.2)
    path = tmp_path / "file"
    path.write_bytes(b"some")
    with pytest.raises(OSError, match="in time"):
        verify(path, bytes(64), key[1])


def test_it_is_unpacked_whole_and_in_place_of_what_was_there(tmp_path):
    target = tmp_path / "0.2.0"
    (target / "old").mkdir(parents=True)
    unpack(made(tmp_path / "a.zip", GOOD), target, "0.2.0")
    assert sorted(str(one.relative_to(target)) for one in target.rglob("*") if one.is_file()) == [
        "VERSION",
        "lib/quartier/drivers/x/driver.toml",
        PROGRAM,
    ]


def link():
    entry = zipfile.ZipInfo("lib/quartier/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


BAD = [
    ({**GOOD, "../evil": ""}, "does not belong"),
    ({**GOOD, "/etc/passwd": ""}, "does not belong"),
    ({**GOOD, "lib/../../evil": ""}, "does not belong"),
    ({**GOOD, "lib/..": ""}, "does not belong"),
    ({**GOOD, "lib/a\\..\\b": ""}, "does not belong"),
    ({**GOOD, "lib/": ""}, "does not belong"),
    ({**GOOD, "lib/quartier/\u202e.py": ""}, "does not belong"),
    ({**GOOD, "setup.py": ""}, "does not belong"),
    ({**GOOD, link(): "/etc/passwd"}, "does not belong"),
    ({**GOOD, "VERSION": "0.3.0"}, "it is version '0.3.0', not 0.2.0"),
    ({**GOOD, "VERSION": "x" * 200}, "does not say which version"),
    ({name: data for name, data in GOOD.items() if name != "VERSION"}, "does not say"),
    ({"VERSION": "0.2.0"}, "no gateway in it"),
    ({**GOOD, **{f"lib/f{n}": "" for n in range(archive.MOST_FILES)}}, "more than 5000 files"),
]


@pytest.mark.parametrize(("files", "says"), BAD)
def test_what_does_not_belong_is_refused_and_nothing_is_left(tmp_path, files, says):
    path = made(tmp_path / "a.zip", files)
    with pytest.raises(BadPackage) as problem:
        unpack(path, tmp_path / "versions", "0.2.0")
    assert says in str(problem.value)
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    huge = {**GOOD, "lib/zeros": bytes(archive.MOST_BYTES_INSIDE + 1)}
    path = made(tmp_path / "a.zip", huge, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BadPackage, match="128 MiB inside"):
        unpack(path, tmp_path / "versions", "0.2.0")


def _good_bytes():
    out = io.BytesIO()
    made(out, GOOD)
    return out.getvalue()


BYTES = _good_bytes()


@settings(max_examples=150, deadline=None)
@example([(244, 8), (281, 128)])
@given(st.lists(st.tuples(st.integers(0, len(BYTES) - 1), st.integers(0, 255)), max_size=8))
def test_damaged_files_are_refused_or_give_what_belongs(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("m")
    data = bytearray(BYTES)
    for at, value in changes:
        data[at] = value
    (folder / "a.zip").write_bytes(data)
    try:
        unpack(folder / "a.zip", folder / "in" / "0.2.0", "0.2.0")
    except BadPackage:
        assert not (folder / "in" / "0.2.0").exists()
    outside = [one.name for one in folder.iterdir() if one.name not in ("a.zip", "in")]
    assert outside == []
