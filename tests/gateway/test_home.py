"""The last good configuration and the pairing stay, whatever comes."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.formats.uplink.configuration import (
    BusKind,
    BusSettings,
    Configuration,
    MeterSettings,
    Plan,
    encode,
)
from quartier.formats.uplink.signature import sign
from quartier.gateway.home import Home, Pairing, RefusedConfiguration

AT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
NONCE, OTHER_NONCE = "0a" * 16, "0b" * 16
LINDE = Pairing("https://quartier.example", "linde", b"k" * 32, "123456")
SEVENTH = Configuration(
    "linde",
    7,
    "Europe/Zurich",
    (BusSettings("rs485", BusKind.MODBUS_TCP, "10.0.0.5", 502),),
    (MeterSettings("w001", "rs485", "eastron_sdm630", "", "11", "", Plan.QUARTER_HOUR),),
)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    home.save_pairing(LINDE)
    return home


def take(home, configuration, *, key=LINDE.key, nonce=NONCE, at=AT, signed_for="linde", data=None):
    data = encode(configuration) if data is None else data
    own = sign(key, gateway=signed_for, now=at, nonce="cc" * 16, what=NONCE, body=data)
    return home.take(LINDE, data, own.headers, now=AT, nonce=nonce)


def test_the_pairing_is_for_its_owner_only_and_is_there_again(home, tmp_path):
    assert Home(tmp_path).pairing() == LINDE
    mode = (tmp_path / "pairing.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert "kkk" not in repr(LINDE)
    assert LINDE.pin not in repr(LINDE)


def test_before_anything_there_is_nothing_and_nothing_is_wrong(tmp_path):
    home = Home(tmp_path)
    assert home.pairing() is None
    assert home.configuration(LINDE) is None
    assert home.findings == []


def test_a_good_configuration_is_kept_over_a_restart(home, tmp_path):
    assert home.configuration(LINDE) is None
    assert take(home, SEVENTH) == SEVENTH
    assert Home(tmp_path).configuration(LINDE) == SEVENTH
    assert take(home, SEVENTH) == SEVENTH, "the same once more changes nothing"
    eighth = replace(SEVENTH, number=8)
    assert take(home, eighth) == eighth
    assert Home(tmp_path).configuration(LINDE) == eighth


@pytest.mark.parametrize(
    ("offered", "says"),
    [
        ({"configuration": replace(SEVENTH, number=6)}, "its number 6 is not above 7"),
        ({"configuration": replace(SEVENTH, power_every_s=30)}, "its number 7 is not above 7"),
        ({"configuration": replace(SEVENTH, gateway="eiche", number=9)}, "it is for eiche"),
        ({"configuration": replace(SEVENTH, number=9), "key": b"x" * 32}, "signature is not good"),
        ({"configuration": replace(SEVENTH, number=9), "nonce": OTHER_NONCE}, "is not good"),
        ({"configuration": replace(SEVENTH, number=9), "signed_for": "x"}, "signed for x"),
        (
            {"configuration": replace(SEVENTH, number=9), "at": AT - timedelta(hours=1)},
            "clock is 3600 s behind",
        ),
        ({"configuration": None, "data": b"{}"}, "it cannot be read: it has no version"),
        (
            {"configuration": replace(SEVENTH, number=9, timezone="Europe/Atlantis")},
            "'Europe/Atlantis' is not a time zone",
        ),
    ],
)
def test_what_is_not_good_is_refused_and_the_last_good_one_stays(home, tmp_path, offered, says):
    take(home, SEVENTH)
    with pytest.raises(RefusedConfiguration) as refused:
        take(home, **offered)
    assert says in str(refused.value)
    assert Home(tmp_path).configuration(LINDE) == SEVENTH


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_not_used_and_says_so(home, tmp_path, data):
    take(home, SEVENTH)
    path = tmp_path / "configuration.json"
    good = path.read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    spoiled = (
        good[:place] + bytes([good[place] ^ data.draw(st.integers(1, 255))]) + good[place + 1 :]
    )
    path.write_bytes(data.draw(st.sampled_from([spoiled, good[:place]])))
    again = Home(tmp_path)
    found = again.configuration(LINDE)
    if found is None:
        assert [one.code for one in again.findings] == ["gateway.damaged_configuration"]
    else:
        assert found == SEVENTH, "what was hit says nothing"
    path.write_bytes(good)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"url":1,"gateway":2,"key":"","pin":3}'])
def test_a_damaged_pairing_is_not_used_and_says_so(home, tmp_path, content):
    (tmp_path / "pairing.json").write_bytes(content)
    again = Home(tmp_path)
    assert again.pairing() is None
    assert [one.code for one in again.findings] == ["gateway.damaged_pairing"]


def test_a_gateway_that_is_paired_again_keeps_its_configuration(home, tmp_path):
    take(home, SEVENTH)
    anew = replace(LINDE, key=b"n" * 32)
    home.save_pairing(anew)
    assert Home(tmp_path).configuration(anew) == SEVENTH
    home.save_pairing(replace(LINDE, gateway="eiche"))
    assert home.configuration(LINDE) is None
    assert not (tmp_path / "configuration.json").exists()


def test_a_power_cut_while_writing_leaves_what_was_there(home, tmp_path):
    take(home, SEVENTH)
    (tmp_path / "configuration.json.new").write_bytes(b"half a conf")
    assert Home(tmp_path).configuration(LINDE) == SEVENTH
    eighth = replace(SEVENTH, number=8)
    assert take(home, eighth) == eighth
