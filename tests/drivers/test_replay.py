"""Captures with anything in them: the whole way from bytes on the wire to values and findings."""

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.drivers import catalog
from quartier.drivers.modbus.replay import replay
from quartier.drivers.replay import BadCapture, captures_in, read_capture
from quartier.protocols.modbus import rtu

FAMILIES = {family.head.key: family for family in catalog.families()}
MADE = {
    path: read_capture(path)
    for family in FAMILIES.values()
    if family.head.protocol == "modbus" and not family.settings
    for path in captures_in(family.folder)
}


@given(st.binary(max_size=300))
def test_any_bytes_are_no_capture(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("capture") / "x.toml"
    path.write_bytes(data)
    with pytest.raises(BadCapture):
        read_capture(path)


def spoiled(capture, answers):
    """The capture with other answers, each with a right checksum so that it gets in."""
    exchange = [
        {**one, "response": rtu.encode(bytes.fromhex(one["request"])[0], answer).hex()}
        for one, answer in zip(capture.raw["exchange"], answers, strict=False)
    ]
    return dataclasses.replace(capture, raw={**capture.raw, "exchange": exchange})


@given(st.sampled_from(sorted(MADE)), st.lists(st.binary(min_size=1, max_size=250), min_size=1))
def test_any_answer_gives_values_within_their_limits_or_findings(path, answers):
    family = FAMILIES[path.parent.parent.name]
    reading = replay(family, spoiled(MADE[path], answers))
    for value in reading.values:
        assert value.value.is_finite()
    assert reading.values or reading.findings


@given(st.sampled_from(sorted(MADE)), st.data())
def test_any_words_in_the_right_place(path, data):
    """Answers of the right shape with any content: sound values, or findings, never more."""
    capture = MADE[path]
    family = FAMILIES[path.parent.parent.name]
    answers = []
    for one in capture.raw["exchange"]:
        pdu = bytes.fromhex(one["response"])[1:-2]
        words = data.draw(st.binary(min_size=len(pdu) - 2, max_size=len(pdu) - 2))
        # SunSpec: keep the marker and the chain of models, or nothing is read at all.
        answers.append(pdu if family.part.points and words[:1] < b"\xf0" else pdu[:2] + words)
    reading = replay(family, spoiled(capture, answers))
    names = [value.name for value in reading.values]
    assert len(names) == len(set(names))
    for register in family.part.registers:
        for value in reading.values:
            if value.name == register.name and register.is_of(capture.model, 3):
                assert register.low <= value.value <= register.high


def test_half_an_answer_and_silence():
    path = next(path for path in MADE if path.parts[-3] == "eastron_sdm120")
    capture = MADE[path]
    half = {**capture.raw["exchange"][0], "response": capture.raw["exchange"][0]["response"][:60]}
    raw = {**capture.raw, "exchange": [half]}
    begun_s = time.process_time()
    reading = replay(FAMILIES["eastron_sdm120"], dataclasses.replace(capture, raw=raw))
    assert [finding.code for finding in reading.findings] == ["modbus.garbled"]
    assert time.process_time() - begun_s < 0.5, "nobody sits out a silence that was captured"
