"""Which version runs, whatever happens while that changes."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.gateway.update import slots as room
from quartier.gateway.update.slots import MOST_STARTS, MOST_STARTS_OF_KNOWN, Slots, State


def laid(slots, *versions):
    for version in versions:
        gateway = slots.place(version) / "lib" / "quartier" / "gateway"
        gateway.mkdir(parents=True)
        (gateway / "program.py").write_text("")


@pytest.fixture
def slots(tmp_path):
    return Slots(tmp_path, "0.1.0")


def test_without_anything_the_systems_package_runs(slots):
    assert slots.choose() is None
    assert slots.state() == State()


def test_a_version_is_tried_and_stays_when_it_confirms_itself(slots):
    laid(slots, "0.2.0", "0.3.0")
    slots.adopt("0.2.0", 1)
    assert slots.choose() == slots.place("0.2.0") / "lib"
    assert slots.confirm() == "0.2.0"
    assert not slots.place("0.3.0").exists(), "what neither runs nor is tried goes"
    for _ in range(2 * MOST_STARTS):
        assert slots.choose() == slots.place("0.2.0") / "lib"
    assert slots.confirm() == ""


def test_one_that_does_not_is_given_up_after_some_starts(slots):
    laid(slots, "0.2.0", "0.3.0")
    slots.adopt("0.2.0", 1)
    slots.choose()
    slots.confirm()
    laid(slots, "0.3.0")
    slots.adopt("0.3.0", 4)
    for _ in range(MOST_STARTS):
        assert slots.choose() == slots.place("0.3.0") / "lib"
    assert slots.choose() == slots.place("0.2.0") / "lib"
    assert slots.has_failed("0.3.0", 4)
    assert not slots.has_failed("0.3.0", 5), "somebody wants it tried again"
    assert not slots.has_failed("0.4.0", 1)


def test_a_good_one_that_only_ends_any_more_is_left_for_the_systems_and_may_come_anew(slots):
    laid(slots, "0.2.0")
    slots.adopt("0.2.0", 3)
    slots.choose()
    slots.confirm()
    for _ in range(MOST_STARTS_OF_KNOWN):
        assert slots.choose() is not None
    assert slots.choose() is None
    assert slots.choose() is None
    assert slots.damaged() == ["0.2.0"]
    assert not slots.has_failed("0.2.0", 3), "its files were bad, not itself"
    slots.adopt("0.2.0", 3)
    assert slots.choose() == slots.place("0.2.0") / "lib"
    slots.confirm()
    assert slots.damaged() == []


def test_one_that_runs_for_a_while_each_time_stays(slots):
    laid(slots, "0.2.0")
    slots.adopt("0.2.0", 1)
    slots.choose()
    slots.settle()
    assert slots.state().starts == 1, "nothing settles a trial but its confirmation"
    slots.confirm()
    for _ in range(2 * MOST_STARTS_OF_KNOWN):
        assert slots.choose() == slots.place("0.2.0") / "lib"
        slots.settle()


def test_a_newer_package_of_the_system_goes_before(slots, tmp_path):
    laid(slots, "0.2.0")
    slots.adopt("0.2.0", 1)
    slots.choose()
    slots.confirm()
    for packaged, runs in (("0.1.9", True), ("0.2.0", False), ("0.10.0", False)):
        assert (Slots(tmp_path, packaged).choose() is not None) == runs


@pytest.mark.parametrize(
    ("version", "is_outdated"), [("0.0.9", True), ("0.1.0", False), ("0.10.0", False)]
)
def test_what_is_older_than_the_systems_package_would_never_run(slots, version, is_outdated):
    laid(slots, version)
    slots.adopt(version, 1)
    assert slots.is_outdated(version) == is_outdated
    assert is_outdated <= (slots.choose() is None)


def test_a_version_that_is_not_on_the_disk_does_not_run(slots):
    slots.adopt("0.2.0", 1)
    assert slots.choose() is None


@given(
    st.binary(max_size=60)
    | st.dictionaries(st.text(), st.text()).map(lambda d: json.dumps(d).encode())
)
def test_a_damaged_file_is_none(tmp_path_factory, data):
    slots = Slots(tmp_path_factory.mktemp("s"), "0.1.0")
    slots.folder.mkdir()
    (slots.folder / "state.json").write_bytes(data)
    assert slots.choose() is None


@pytest.mark.parametrize("version", ["../../x", "", "0.2", "0.2.0/../..", "v1", "1." * 9])
def test_what_is_no_version_names_no_place(slots, version):
    if version == "0.2":
        assert slots.place(version).name == version
    else:
        with pytest.raises(ValueError, match="is no version"):
            slots.place(version)


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("act", ["adopt", "choose", "confirm", "give_up"])
def test_a_power_cut_at_any_call_leaves_the_one_or_the_other(tmp_path, monkeypatch, act):
    acts = {
        "adopt": lambda slots: slots.adopt("0.3.0", 2),
        "choose": lambda slots: slots.choose(),
        "confirm": lambda slots: slots.confirm(),
        "give_up": lambda slots: slots.give_up(),
    }
    before = State(current="0.2.0", trial="" if act == "adopt" else "0.3.0", attempt=1)

    def fresh(name):
        slots = Slots(tmp_path / name, "0.1.0")
        laid(slots, "0.2.0", "0.3.0")
        slots._save(before)
        return slots

    whole = fresh("whole")
    acts[act](whole)
    after = whole.state()
    assert after != before
    fsync, cuts = os.fsync, 0
    while True:
        slots, left = fresh(f"cut{cuts}"), [cuts]

        def cut(number, left=left):
            if left[0] == 0:
                raise PowerCut
            left[0] -= 1
            fsync(number)

        monkeypatch.setattr(room.os, "fsync", cut)
        try:
            acts[act](slots)
        except PowerCut:
            monkeypatch.setattr(room.os, "fsync", fsync)
            assert slots.state() in (before, after)
            assert slots.choose() is not None
            cuts += 1
            continue
        monkeypatch.setattr(room.os, "fsync", fsync)
        break
    assert cuts >= 2
