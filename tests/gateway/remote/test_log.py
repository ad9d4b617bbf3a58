"""What may not be read in the log from afar."""

from quartier.formats.uplink.appliances import ApplianceSettings, OutputSettings, Surplus
from quartier.formats.uplink.badge_readers import ReaderKind, ReaderSettings
from quartier.formats.uplink.configuration import Configuration, MeterSettings, Plan
from quartier.gateway.home import Pairing
from quartier.gateway.remote.log import secrets_of

PAIRING = Pairing("https://q.example", "linde", b"k" * 32, "042042")


def test_no_password_of_a_meter_a_relay_or_a_reader_is_told():
    told = {"password": "of-the-device"}
    meter = MeterSettings(
        "w001", "lan", "shelly_pro_3em", "", "10.0.0.5", "", Plan.QUARTER_HOUR, settings=told
    )
    relay = OutputSettings(
        "", "shelly_pro_4pm", "10.0.0.6", (0,), settings={"password": "of-the-relay"}
    )
    other = OutputSettings("", "of_another_time", "10.0.0.7", (0,), settings={"x": "of-whom"})
    reader = ReaderSettings("door", ReaderKind.HTTP, card_field="card", secret="of-the-reader")
    surplus = Surplus(
        (
            ApplianceSettings("boiler", 3000, "surplus", relay),
            ApplianceSettings("pump", 3000, "surplus", other),
        )
    )
    used = Configuration(
        "linde", 1, "Europe/Zurich", (), (meter,), surplus=surplus, readers=(reader,)
    )
    assert secrets_of(PAIRING, used) == [
        (b"k" * 32).hex(), "042042", "of-the-device", "of-the-relay", "of-whom", "of-the-reader",
    ]  # fmt: skip
    assert secrets_of(PAIRING, None) == [(b"k" * 32).hex(), "042042"]
