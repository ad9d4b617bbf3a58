"""26 frames of real meters decode to the numbers that another program gets from them."""

from datetime import date, datetime
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from quartier.protocols.mbus import frames, telegram
from quartier.protocols.mbus.errors import Refused
from quartier.protocols.mbus.records import Function
from tests.protocols.mbus.captures import CAPTURES

FUNCTIONS = {
    "instantaneous": Function.INSTANTANEOUS, "maximum": Function.MAXIMUM,
    "minimum": Function.MINIMUM, "error_state": Function.ERROR_STATE,
    "actual": Function.INSTANTANEOUS,
}  # fmt: skip
UNITS = {"m^3": ("l", 1000), "m^3/h": ("l/h", 1000), "kWh": ("Wh", 1000), "": ("", 1)}
UNITS |= {"Units for H.C.A.": ("1", 1), "-": ("", 1), "reserved but historic": ("l", 1)}
QUANTITIES = {
    "Fabrication No": "fabrication_number", "%RH": "plain_text", "cust. ID": "plain_text",
    "bat. time": "plain_text", "PW": "plain_text", "H.C.A.": "heat_cost_allocator",
    "Time point (date)": "date", "Time point (date & time)": "time",
    "(Enhanced) Identification": "identification", "Model / Version": "model_version",
    "Parameter set identification": "parameter_set",
}  # fmt: skip
MEDIA = {"Heat: Outlet": "heat (return)", "Heat: Inlet": "heat (flow)", "Heat": "heat (return)"}
MEDIA |= {"Warm water (30-90°C)": "hot water (30 to 90 °C)"}
NO_DATES = {"2000-00-00": "2000-00-00 is no date", "1900-01-00T00:00:00Z": "marks its time"}
# These two are no numbers: the digits are DDEBB4DD and EBB4DD, in the state of error. The expected
# ones take the letters for digits of 10 to 14.
NOT_BCD = {("abb_f95", "1311041.3"), ("abb_f95", "11.0413")}


def read(name):
    """The telegram of a capture and its findings; it is the only thing in its bytes."""
    found, bad, noise = frames.decode(CAPTURES[name].frame)
    assert (len(found), bad, noise) == (1, (), 0)
    return telegram.read(found[0])


def test_all_are_here():
    assert len(CAPTURES) == 26
    assert sum(len(capture.records) for capture in CAPTURES.values()) == 261


@pytest.mark.parametrize("name", CAPTURES)
def test_header(name):
    number, manufacturer, version, medium, access, status = CAPTURES[name].device
    header = read(name)[0].header
    assert header.number == number
    assert (header.device.manufacturer or "") == manufacturer
    assert header.device.version == (int(version) if version else None)
    assert header.medium_name == MEDIA.get(medium, medium.lower())
    assert (header.access_number, header.status) == (int(access), int(status, 16))


@pytest.mark.parametrize("name", CAPTURES)
def test_records(name):
    got, findings = read(name)
    told = [str(finding) for finding in findings]
    assert len(got.records) == len(CAPTURES[name].records)
    for number, (record, row) in enumerate(
        zip(got.records, CAPTURES[name].records, strict=True), start=1
    ):
        function, storage, tariff, subunit, quantity, unit, value = row
        assert record.function is FUNCTIONS[function]
        historic = unit == "reserved but historic"
        assert record.storage == (historic if storage == "-" else int(storage))
        assert (record.tariff, record.subunit) == (int(tariff), int(subunit))
        if quantity:  # the fixed structure has none
            assert record.quantity == QUANTITIES.get(quantity, quantity.lower().replace(" ", "_"))
        ours, factor = UNITS.get(unit, (unit, 1))
        assert record.unit == ("%RH" if quantity == "%RH" else ours or record.unit)
        if value in NO_DATES or (name, value) in NOT_BCD:
            assert record.value is None
            assert any(
                f"Record {number} " in text and NO_DATES.get(value, "its digits are") in text
                for text in told
            )
        elif record.quantity == "time":
            assert record.value == datetime.fromisoformat(value.removesuffix("Z"))
        elif record.quantity == "date":
            assert record.value == date.fromisoformat(value)
        elif isinstance(record.value, bytes):
            assert record.value.hex(" ").upper() == value
        elif isinstance(record.value, str):
            assert record.value == value
        else:
            assert record.value == Decimal(value) * factor
            assert "E" not in str(record.value)


@pytest.mark.parametrize("name", CAPTURES)
def test_rest(name):
    got = read(name)[0]
    kind, *data = CAPTURES[name].rest or ("end",)
    assert got.is_more == kind.startswith("more")
    assert got.manufacturer_data == bytes.fromhex("".join(data))


def test_a_text_unit_is_the_name_of_what_it_says():
    record = read("itron_cyble_m-bus_v1.4_gas")[0].records[3]
    assert (record.quantity, record.unit, record.value) == ("plain_text", "bat. time", 4050)


def test_a_value_that_is_qualified_says_so():
    sensostar = read("EFE_Engelmann-Elster-SensoStar-2")[0].records[-1]
    assert (sensostar.value, sensostar.unit) == (Decimal("0.011"), "l")
    assert sensostar.qualifiers == ("per_input_pulse_0",)
    assert read("abb_f95")[0].records[10].qualifiers == ("future",)
    phases = [r for r in read("electricity-meter-2")[0].records if r.quantity == "voltage"]
    assert [r.value for r in phases] == [233, 234, 235]
    assert all(r.qualifiers == ("manufacturer_specific",) for r in phases)


def test_what_the_meters_complain_of_is_a_finding():
    codes = {
        name: {f.code for f in read(name)[1] if f.code.startswith("mbus.status")}
        for name in CAPTURES
    }
    assert codes["SEN_Sensus-PolluStat-E"] == {"mbus.status_temporary"}
    assert codes["EFE_Engelmann-Elster-SensoStar-2"] == {
        "mbus.status_application", "mbus.status_power",
    }  # fmt: skip
    assert codes["oms_frame2"] == set()


def test_every_finding_of_the_real_meters_is_known():
    found = {
        (name, f.code) for name in CAPTURES for f in read(name)[1]
        if not f.code.startswith("mbus.status")
    }  # fmt: skip
    assert found == {
        ("ACW_Itron-BM-plus-m", "mbus.impossible_date"),
        ("REL-Relay-Padpuls2", "mbus.impossible_date"),
        ("siemens_water", "mbus.impossible_date"),
        ("abb_f95", "mbus.no_value"),
    }


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("68 03 03 68 08 01 70 79 16", "gives no reason (error 0)"),
        ("68 04 04 68 08 01 70 02 7B 16", "the request was too long, and was cut off (error 2)"),
        ("68 04 04 68 08 01 70 08 81 16", "it is busy with another request (error 8)"),
    ],
)
def test_error_frames(sent, said):
    (frame,), _, _ = frames.decode(bytes.fromhex(sent))
    with pytest.raises(Refused) as caught:
        telegram.read(frame)
    finding = caught.value.finding("meter w3")
    assert said in finding.message
    assert finding.where == "meter w3"


def test_the_reduced_file_says_what_the_original_says(real_data):
    """Record by record, with the numbers of the XML."""
    originals = sorted((real_data / "mbus" / "frames").glob("*.hex"))
    assert {path.stem for path in originals} == set(CAPTURES)
    for path in originals:
        capture = CAPTURES[path.stem]
        assert bytes.fromhex(path.read_text()) == capture.frame
        root = ElementTree.parse(path.with_suffix(".norm.xml")).getroot()
        theirs = [
            record.findtext("Value") or ""
            for record in root.findall("DataRecord")
            if record.findtext("Function") not in {"Manufacturer specific", "More records follow"}
        ]
        assert len(theirs) == len(capture.records)
        for value, row in zip(theirs, capture.records, strict=True):
            try:
                assert Decimal(value) == Decimal(row[-1])
            except ArithmeticError:
                assert value.strip() == row[-1].strip()
    for path in sorted((real_data / "mbus" / "error-frames").glob("*.hex")):
        (frame,), _, _ = frames.decode(bytes.fromhex(path.read_text()))
        with pytest.raises(Refused):
            telegram.read(frame)
