"""Files, folders and archives, also hostile ones."""

import io
import os
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


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path, monkeypatch):
    """The tests may run as root, to whom no folder is closed."""
    (tmp_path / "closed").mkdir()
    (tmp_path / "open.xml").write_bytes(b"1")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    closed, there = sources([tmp_path])
    assert closed.problem == "the folder cannot be read: Permission denied"
    assert closed.name.endswith("closed")
    assert there.data == b"1"


def test_links_that_lead_in_a_circle_end(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to("self")
    (tmp_path / "a" / "one.xml").write_bytes(b"1")
    read, circle = sources([tmp_path])
    assert read.data == b"1"
    assert circle.name.endswith("self")
    assert circle.problem == "it is a link that leads nowhere; name the file itself"
    with pytest.raises(NoSuchPath, match="self: it is a link that leads nowhere"):
        list(sources([tmp_path / "a" / "self"]))


def test_a_link_to_a_folder_elsewhere_is_named(tmp_path):
    """Its files would be left out without a word."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "in" / "stick").symlink_to(tmp_path / "out")
    (tmp_path / "out" / "one.xml").write_bytes(b"1")
    (source,) = sources([tmp_path / "in"])
    assert source.name.endswith("stick")
    assert "name that folder" in source.problem
    (tmp_path / "in" / "stick").unlink()
    (tmp_path / "in" / "one.xml").symlink_to(tmp_path / "out" / "one.xml")
    assert [source.data for source in sources([tmp_path / "in"])] == [b"1"]


@pytest.mark.parametrize("change", [b"<more/>", b""])
def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path, monkeypatch, change):
    """Its writer comes between: it appends, or begins anew."""
    path = tmp_path / "a.xml"
    path.write_bytes(b"<half")
    real = os.fdopen

    def fdopen(*words):
        stream = real(*words)

        class Slow(io.BufferedReader):
            def read(self, size=-1):
                data = super().read(size)
                with path.open("ab" if change else "wb") as writer:
                    writer.write(change)
                return data

        return Slow(stream.detach())

    monkeypatch.setattr(module.os, "fdopen", fdopen)
    (source,) = sources([path])
    assert source.data == b""
    assert source.problem == "it changed while it was read; import it again once it is complete"


def test_a_file_that_became_a_pipe_is_not_waited_for(tmp_path):
    paths = [tmp_path / "a.xml", tmp_path / "b.xml"]
    for path in paths:
        path.write_bytes(b"1")
    found = sources(paths)
    assert next(found).data == b"1"
    paths[1].unlink()
    os.mkfifo(paths[1])
    assert "neither a file nor a folder" in next(found).problem


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    """The tests may run as root, to whom no file is closed."""
    path = tmp_path / "a.xml"
    path.write_bytes(b"1")

    def refused(*words):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module.os, "open", refused)
    (source,) = sources([path])
    assert source.problem == "it cannot be read: Permission denied"


def test_a_pipe_is_no_file_and_stops_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe.xml")
    (tmp_path / "one.xml").write_bytes(b"1")
    read, pipe = sources([tmp_path])
    assert read.data == b"1"
    assert "neither a file nor a folder; save what it gives" in pipe.problem
    with pytest.raises(NoSuchPath, match="neither a file nor a folder; save what it gives"):
        list(sources([tmp_path / "pipe.xml"]))


def test_a_name_of_strange_bytes_can_be_printed_and_stored(tmp_path):
    (tmp_path / os.fsdecode(b"a\xff\x1b[31m\n.xml")).write_bytes(b"1")
    zipped(tmp_path / "b.zip", {"x\x1b]0;y\x07.xml": b"2"})
    for source in sources([tmp_path]):
        assert source.data
        assert source.name.isprintable()
        assert source.name.encode()


def test_a_damaged_tar_is_one_sentence(tmp_path):
    for name, data in (("a.tar.gz", b"x" * 600), ("b.tgz", b"xx"), ("c.tar", b"x" * 600)):
        (tmp_path / name).write_bytes(data)
        (source,) = sources([tmp_path / name])
        assert source.problem == "it is not a tar archive, or a damaged one"
