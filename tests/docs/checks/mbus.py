"""Checks of the tables in docs/algorithms/mbus.md."""

from quartier.protocols.mbus import telegram
from quartier.protocols.mbus.addresses import Secondary
from quartier.protocols.mbus.frames import Long
from quartier.protocols.mbus.meter import read_meter
from quartier.protocols.mbus.records import read_records


def record(row):
    found = read_records(bytes.fromhex(row["bytes"]))
    (one,) = found.records
    assert found.findings == []
    assert one.quantity == row["quantity"]
    assert str(one.value) == row["value"]
    assert one.unit == row["unit"]
    counts = [row[name] for name in ("storage", "tariff", "subunit")]
    assert [str(n) for n in (one.storage, one.tariff, one.subunit)] == counts
    assert ", ".join(one.qualifiers) == row["qualifiers"]


def no_value(row):
    found = read_records(bytes.fromhex(row["bytes"]))
    (finding,) = found.findings
    assert finding.code == row["finding"]
    assert row["because"] in finding.message
    assert all(one.value is None for one in found.records)


def register(row):
    header = bytes.fromhex(f"78 56 34 12 2D 2C 01 {row['medium']} 05 00 00 00")
    sent = Long(8, 1, 0x72, header + bytes.fromhex(row["records"]))
    got, findings = read_meter([telegram.read(sent)[0]])
    shown = [
        f"{one.obis} {one.value} {one.unit}" + (f" on {one.key_date}" if one.key_date else "")
        for one in got.registers
    ]
    assert ", ".join(shown + [finding.code for finding in findings]) == row["registers"]


def secondary(row):
    who = Secondary.parse(row["text"])
    assert who.number == row["number"]
    assert str(who) == row["meter"]
