"""Files, folders and archives, also hostile ones."""

import io
import tarfile
import zipfile

import pytest

from quartier.apps.intake import sources as module
from quartier.apps.intake.sources import NoSuchPath, sources


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_folders_are_read_with_all_below(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "two.xml").write_bytes(b"2")
    (tmp_path / "one.xml").write_bytes(b"1")
    (tmp_path / ".hidden").write_bytes(b"x")
    assert [source.data for source in sources([tmp_path])] == [b"2", b"1"]


def test_archives_are_unpacked_and_names_are_only_names(tmp_path):
    path = zipped(tmp_path / "a.zip", {"../../evil.xml": b"1", "d/b.xml": b"2", "__MACOSX/x": b"3"})
    found = list(sources([path]))
    assert [source.data for source in found] == [b"1", b"2"]
    assert not (tmp_path.parent / "evil.xml").exists()
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("/etc/x.xml")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"5"))
    assert [source.data for source in sources([tmp_path / "b.tar.gz"])] == [b"5"]


def test_an_archive_in_an_archive_is_refused_with_words(tmp_path):
    path = zipped(tmp_path / "a.zip", {"b.zip": b"x", "c.xml": b"1"})
    first, second = sources([path])
    assert "archive in an archive" in first.problem
    assert second.data == b"1"


def test_a_zip_bomb_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MEMBER_LIMIT", 1000)
    path = zipped(tmp_path / "a.zip", {"big.xml": b"0" * 100_000, "ok.xml": b"1"})
    first, second = sources([path])
    assert "larger than" in first.problem
    assert first.data == b""
    assert second.data == b"1"
    monkeypatch.setattr(module, "TOTAL_LIMIT", 1500)
    path = zipped(tmp_path / "b.zip", {f"{n}.xml": b"0" * 900 for n in range(9)})
    found = list(sources([path]))
    assert len(found) == 2
    assert "rest was not read" in found[-1].problem


@pytest.mark.parametrize("data", [b"", b"PK", b"hello"])
def test_what_is_no_archive_says_so(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    (source,) = sources([path])
    assert "cannot be unpacked" in source.problem


def test_an_empty_archive_says_so(tmp_path):
    (source,) = sources([zipped(tmp_path / "a.zip", {})])
    assert "without files" in source.problem


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NoSuchPath, match=r"nothing\.xml"):
        list(sources([tmp_path / "nothing.xml"]))
