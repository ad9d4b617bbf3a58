"""Every family that comes with Quartier: its file is sound and its frames give what they must."""

import dataclasses
import importlib
from decimal import Decimal

import pytest

from quartier.drivers import catalog
from quartier.drivers.head import Status
from quartier.drivers.modbus.plan import plan
from quartier.drivers.modbus.replay import replay
from quartier.drivers.replay import captures_in, differences, read_capture

FOLDERS = list(catalog.folders())
FRAMES = [path for folder in FOLDERS for path in captures_in(folder)]
MODBUS = [one for one in catalog.families() if one.head.protocol == "modbus" and one.is_meter]


def test_there_are_families():
    assert len(FOLDERS) >= 9


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_file_has_no_fault(folder):
    assert [fault.in_file(folder.name) for fault in catalog.load(folder).faults] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_there_are_frames(folder):
    assert captures_in(folder)


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_its_frames_give_what_they_must(path):
    capture = read_capture(path)
    family = catalog.load(path.parent.parent, capture.settings).family
    protocol = importlib.import_module(f"quartier.drivers.{family.head.protocol}.replay")
    reading = protocol.replay(family, capture)
    assert differences(capture, reading.values, reading.findings) == []


def test_a_capture_that_must_give_something_else_fails():
    (folder,) = (one for one in FOLDERS if one.name == "eastron_sdm120")
    capture = read_capture(folder / "made/day.toml")
    wrong = dict(capture.values) | {"1-1:1.8.0": (Decimal("12345679"), "Wh")}
    del wrong["1-1:14.7.0"]
    wrong["1-1:99.9.9"] = (Decimal(1), "W")
    wrong_capture = dataclasses.replace(capture, values=wrong, findings=("driver.misfit",))
    reading = replay(catalog.load(folder).family, wrong_capture)
    said = differences(wrong_capture, reading.values, reading.findings)
    assert [sentence.split(" ")[0] for sentence in said] == [
        "1-1:1.8.0",
        "1-1:99.9.9",
        "1-1:14.7.0",
        "driver.misfit",
    ]


@pytest.mark.parametrize("family", MODBUS, ids=lambda family: family.head.key)
def test_a_register_rests_on_enough_sources(family):
    registers = [*family.part.registers, *(point.register for point in family.part.points)]
    assert registers
    assert all(family.head.agree(register.sources) for register in registers)


@pytest.mark.parametrize("family", MODBUS, ids=lambda family: family.head.key)
def test_what_is_billed_is_a_register_of_the_whole_meter(family):
    registers = [*family.part.registers, *(point.register for point in family.part.points)]
    billed = {register.name for register in registers if register.is_billing}
    assert billed
    assert billed <= {"1-1:1.8.0", "1-1:2.8.0"}


@pytest.mark.parametrize("family", MODBUS, ids=lambda family: family.head.key)
def test_few_requests(family):
    for model in family.head.models:
        blocks = plan(family.part.of_model(model), family.part.limits)
        assert len(blocks) <= 9
        assert all(block.count <= family.part.limits.longest for block in blocks)


def test_only_what_a_manual_says_is_verified():
    for family in MODBUS:
        kinds = {source.kind for source in family.head.sources}
        assert (family.head.status is Status.VERIFIED) == (kinds == {"manual"})
