"""The SDAT-CH parser: every spelling, every grade, and nothing but named errors."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.period import slot_at
from quartier.formats.sdat import Grade, SdatError, normal_point, parse, read_message
from tests.formats.sdat.messages import COMMUNITY, RESIDUAL, TOTAL, Block, Letter, observation

START = datetime(2026, 1, 5, 23, tzinfo=UTC)
BLOCK = Block(START, ["0.100", "0.200", "0.300"])


def one(letter: Letter):
    (block,) = read_message(letter.xml()).blocks
    return block


@pytest.mark.parametrize("version", ["12", "13", "14", "15", "16"])
@pytest.mark.parametrize("spelling", ["", "ebIXCode", "VSENationalCode"])
@pytest.mark.parametrize("prefix", ["rsm", "x", ""])
def test_every_version_spelling_and_prefix_says_the_same(version, spelling, prefix):
    block = Block(START, ["0.100", "0.200", "0.300"], spelling=spelling)
    message = read_message(Letter([block], version=version, prefix=prefix).xml())
    assert message.version == f"{version[0]}.{version[1]}"
    assert message.findings == ()
    (read,) = message.blocks
    assert read.first_slot == slot_at(START)
    assert read.energies_kwh == (Decimal("0.100"), Decimal("0.200"), Decimal("0.300"))
    assert set(read.grades) == {Grade.MEASURED}
    assert (read.direction, read.part) == ("import", "total")


def test_the_direction_is_the_elements_name():
    assert one(Letter([Block(START, ["1"], direction="Production")])).direction == "export"


def test_volumes_finer_than_a_wh_are_said():
    message = read_message(Letter([Block(START, ["0.1000", "0.0004"])]).xml())
    assert [f.code for f in message.findings] == ["sdat.finer_than_wh"]
    assert read_message(Letter([Block(START, ["0.1000", "2"])]).xml()).findings == ()


@pytest.mark.parametrize(
    ("product", "part"), [(TOTAL, "total"), (COMMUNITY, "community"), (RESIDUAL, "residual")]
)
def test_the_product_names_the_part(product, part):
    assert one(Letter([Block(START, ["1"], product=product)], reason="C40")).part == part


def test_without_resolution_the_interval_is_divided():
    assert one(Letter([Block(START, ["1", "2"], resolution=None)])).energies_kwh == (1, 2)


@pytest.mark.parametrize(
    ("reason", "product", "grade"),
    [
        ("E88", TOTAL, Grade.TEMPORARY),
        ("C40", COMMUNITY, Grade.SPLIT),
        ("C40", RESIDUAL, Grade.SPLIT),
        ("C40", TOTAL, Grade.TEMPORARY),
    ],
)
def test_condition_21_has_two_meanings(reason, product, grade):
    block = one(Letter([Block(START, [("5.000", "21"), "1"], product=product)], reason=reason))
    assert block.grades[0] == grade
    assert block.energies_kwh[0] == (Decimal(5) if grade.has_value else None)


def test_condition_56_is_estimated():
    assert one(Letter([Block(START, [("5", "56")])])).grades == bytes([Grade.ESTIMATED])


def test_missing_observations_are_missing_and_said():
    message = read_message(Letter([Block(START, ["1", None, "3"])]).xml())
    assert message.blocks[0].energies_kwh == (1, None, 3)
    assert [finding.code for finding in message.findings] == ["sdat.incomplete_block"]


@pytest.mark.parametrize(
    ("value", "says"),
    [("-0.1", "negative"), (("1", "77"), "unknown condition '77'"), ("3000000", "too large")],
)
def test_a_bad_value_is_not_used_and_said(value, says):
    message = read_message(Letter([Block(START, ["1", value])]).xml())
    assert message.blocks[0].energies_kwh == (1, None)
    assert says in message.findings[0].message


def test_two_blocks_that_contradict_each_other_are_not_used_there():
    message = read_message(Letter([BLOCK, Block(START, ["0.100", "9", "0.300"])]).xml())
    assert [block.energies_kwh[1] for block in message.blocks] == [None, None]
    assert message.blocks[0].energies_kwh[0] == Decimal("0.100")
    assert message.findings[0].code == "sdat.contradiction"


def test_the_same_block_twice_is_no_contradiction():
    assert read_message(Letter([BLOCK, BLOCK]).xml()).findings == ()


def test_an_id_of_30_characters_is_a_finding():
    message = read_message(Letter([Block(START, ["1"], point="CH" + "0" * 28)]).xml())
    assert message.findings[0].code == "sdat.irregular_point"
    assert len(message.blocks) == 1


def test_points_are_compared_without_spaces_and_dots():
    assert normal_point(" ch10.1234 5678 ") == "CH1012345678"


BAD = {
    "wrong namespace": (Letter([BLOCK], namespace="http://evil.example").xml(), "namespace"),
    "no namespace": (b"<ValidatedMeteredData_16/>", "namespace"),
    "wrong root": (b'<a xmlns="http://www.strom.ch"/>', "neither"),
    "wrong type": (Letter([BLOCK], document_type="E31").xml(), "E31"),
    "empty": (b"", "empty"),
    "not XML": (b"hello", "not well-formed"),
    "truncated": (Letter([BLOCK]).xml()[:-300], "not well-formed"),
    "no data": (Letter([]).xml(), "no MeteringData"),
    "unit": (Letter([Block(START, ["1"], unit="KWT")]).xml(), "only KWH"),
    "resolution 60": (
        Letter([Block(START, ["1"], resolution=("60", "MIN"))]).xml(),
        "only 15 MIN",
    ),
    "resolution 15 days": (
        Letter([Block(START, ["1"], resolution=("15", "DAY"))]).xml(),
        "only 15 MIN",
    ),
    "not divisible": (
        Letter(
            [Block(START, ["1", "2"], resolution=None, ends_at=START + timedelta(hours=1))]
        ).xml(),
        "not 15 minutes",
    ),
    "off grid": (Letter([Block(START + timedelta(minutes=7), ["1"])]).xml(), "grid"),
    "backwards": (Letter([Block(START, ["1"], ends_at=START)]).xml(), "ends before"),
    "year 1970": (Letter([Block(datetime(1970, 1, 1, tzinfo=UTC), ["1"])]).xml(), "1990"),
    "comma": (Letter([Block(START, ["1,5"])]).xml(), "'1,5'"),
    "exponent": (Letter([Block(START, ["1e3"])]).xml(), "'1e3'"),
    "nan": (Letter([Block(START, ["NaN"])]).xml(), "'NaN'"),
    "status": (Letter([BLOCK], status=7).xml(), "Status"),
    "nothing measured": (Letter([Block(START, [None, None])]).xml(), "nothing could be read"),
    "unknown product": (Letter([Block(START, ["1"], product="123")]).xml(), "'123'"),
    "doctype": (
        b'<!DOCTYPE a [<!ENTITY x "y">]><a xmlns="http://www.strom.ch">&x;</a>',
        "document type",
    ),
    "utf-16 doctype": (
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x "y">]>'
        '<a xmlns="http://www.strom.ch">&x;</a>'.encode("utf-16"),
        "",
    ),
    "sequence twice": (
        Letter([BLOCK]).xml().replace(b">2</rsm:Sequence>", b">1</rsm:Sequence>"),
        "comes twice",
    ),
    "sequence 0": (
        Letter([BLOCK]).xml().replace(b">2</rsm:Sequence>", b">0</rsm:Sequence>"),
        "outside 1 to 3",
    ),
    "sequence x": (
        Letter([BLOCK]).xml().replace(b">2</rsm:Sequence>", b">x</rsm:Sequence>"),
        "sequence number",
    ),
    "no time zone": (Letter([BLOCK]).xml().replace(b":00Z<", b":00<"), "time zone"),
    "two points": (
        Letter([BLOCK])
        .xml()
        .replace(
            b"<rsm:Product>",
            b"<rsm:ProductionMeteringPoint><rsm:VSENationalID>CH1</rsm:VSENationalID>"
            b"</rsm:ProductionMeteringPoint><rsm:Product>",
        ),
        "has 2",
    ),
}


@pytest.mark.parametrize(("data", "says"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_read_says_why(data, says):
    with pytest.raises(SdatError) as problem:
        read_message(data)
    assert says in str(problem.value)


def test_a_file_of_more_than_64_mib_is_refused():
    with pytest.raises(SdatError, match="64 MiB"):
        read_message(b" " * (parse.SIZE_LIMIT + 1))


def test_a_large_file_is_streamed_to_the_same_result(monkeypatch):
    data = Letter([BLOCK, Block(START, [("1", "56"), None, ("2", "21")], direction="Production")])
    whole = read_message(data.xml())
    monkeypatch.setattr(parse, "STREAMED_SIZE", 0)
    assert read_message(data.xml()) == whole


def test_a_large_file_of_other_elements_is_refused(monkeypatch):
    monkeypatch.setattr(parse, "STREAMED_SIZE", 0)
    monkeypatch.setattr(parse, "OTHER_ELEMENTS_LIMIT", 1000)
    data = (
        Letter([BLOCK])
        .xml()
        .replace(b"</rsm:MeteringData>", b"<x/>" * 2000 + b"</rsm:MeteringData>")
    )
    with pytest.raises(SdatError, match="too many elements"):
        read_message(data)


def test_observations_in_any_shape_are_never_mixed_up():
    """One observation with two volumes and one without must not shift the others."""
    good = Letter([Block(START, ["1", "2", "3"])]).xml()
    bad = good.replace(
        observation("rsm:", 1, "1").encode(),
        observation("rsm:", 1, "1</rsm:Volume><rsm:Volume>9").encode(),
    ).replace(b"<rsm:Volume>2</rsm:Volume>", b"")
    message = read_message(bad)
    assert message.blocks[0].energies_kwh == (9, None, 3)


def test_an_e31_is_read_and_marked_unproven():
    data = (
        Letter([BLOCK], kind="AggregatedMeteredData", document_type="E31", version="13")
        .xml()
        .replace(b"<rsm:ConsumptionMeteringPoint>", b"<rsm:AggregationCriteria>")
        .replace(b"</rsm:ConsumptionMeteringPoint>", b"</rsm:AggregationCriteria>")
        .replace(b"<rsm:VSENationalID>", b"<rsm:FlowCharacteristic><rsm:ebIXCode>E18<!--")
        .replace(b"</rsm:VSENationalID>", b"--></rsm:ebIXCode></rsm:FlowCharacteristic>")
    )
    message = read_message(data)
    assert message.blocks == ()
    assert message.aggregates[0].direction == "export"
    assert message.findings[0].code == "sdat.unproven"


SEED = Letter([BLOCK, Block(START, [("1", "56"), ("2", "21")], direction="Production")]).xml()


@given(
    cuts=st.lists(
        st.tuples(st.integers(0, len(SEED)), st.integers(0, 60), st.binary(max_size=12)),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_file_gives_a_named_error_or_a_message(cuts):
    data = SEED
    for start, length, patch in cuts:
        data = data[:start] + patch + data[start + length :]
    try:
        message = read_message(data)
    except SdatError as problem:
        assert str(problem)  # noqa: PT017  (either outcome is right)
    else:
        for block in message.blocks:
            assert len(block.grades) == len(block.energies_kwh)
            for energy, grade in zip(block.energies_kwh, block.grades, strict=True):
                assert (energy is not None) == Grade(grade).has_value
                assert energy is None or energy >= 0


def test_the_community_sample(real_data: Path):
    message = read_message((real_data / "sdat" / "leg_e66_sample.xml").read_bytes())
    assert (message.version, message.reason, message.receiver_role) == ("1.6", "C40", "CEM")
    assert {finding.code for finding in message.findings} == {"sdat.irregular_point"}
    assert len(message.blocks) == 9
    assert sum(bytes(block.grades).count(Grade.SPLIT) for block in message.blocks) == 1


def test_a_name_that_is_none_is_not_well_formed():
    with pytest.raises(SdatError, match="well-formed"):
        read_message(b'<rsm: xmlns:rsm="http://www.strom.ch"></rsm:>')
