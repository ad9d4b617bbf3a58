"""The remedies that findings name: estimate a gap, lock the past."""

from datetime import date

import numpy as np
import pytest

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering import store
from quartier.cli import main
from quartier.cli.bench import _world as world
from quartier.core.kernel.period import Dates, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series

pytestmark = pytest.mark.db


@pytest.fixture
def site(db):
    return world.site_with(2, "linde")


def test_a_gap_is_estimated_and_says_so(site, capsys):
    slots = world.QUARTER.period(timezone_of(site.timezone)).slots
    late = range(slots.stop, slots.stop + 96)
    register = Register.objects.get(meter__ref="m001")
    values = np.full(90, 40)
    store.write(
        site.pk,
        [
            Series(register.pk, late.start, values[:45], np.ones(45, np.uint8)),
            Series(register.pk, late.start + 47, values[:45], np.ones(45, np.uint8)),
        ],
        source="test",
        known_at=world.KNOWN_AT,
    )
    words = ["intervals", "estimate", "--site", "linde", "--from", "2026-10-01"]
    words += ["--to", "2026-10-02", "--meter", "m001", "--reason", "Funkstörung"]
    main(words)
    assert "estimated" in capsys.readouterr().out
    read = store.read(site.pk, [register.pk], late.start, late.start + 92)
    assert read.quality[0, 45:47].tolist() == [Quality.ESTIMATED] * 2
    assert read.energy_wh[0, 45:47].tolist() == [40, 40]


def test_the_past_is_locked_and_opened_only_with_a_reason(site, capsys):
    lock = ["intervals", "lock", "--site", "linde", "--before"]
    assert main([*lock, "2026-08-01"]) == 0
    assert main([*lock, "2026-07-01"]) == 2
    assert "reason" in capsys.readouterr().err
    assert main([*lock, "2026-07-01", "--reason", "Korrektur"]) == 0


def test_a_meter_that_is_not_there_is_said(site, capsys):
    words = ["intervals", "estimate", "--site", "linde", "--from", "2026-10-01"]
    words += ["--to", "2026-10-02", "--meter", "nope", "--reason", "x"]
    assert main(words) == 2
    assert "nope" in capsys.readouterr().err


def set_words(*more, meter="m001", value=("--energy-kwh", "0.125")):
    words = ["intervals", "set", "--site", "linde", "--meter", meter, *value]
    return [*words, "--reason", "Display abgelesen", *more]


def test_a_value_is_set_by_hand_and_the_invoices_on_it_are_named(site, capsys):
    dates = ["--from", "2026-07-01", "--to", "2026-10-01"]
    assert main(["bill", "--site", "linde", *dates]) == 0
    capsys.readouterr()
    times = ["--from", "2026-07-14T10:00", "--to", "2026-07-14T11:00"]
    assert main(set_words(*times)) == 1
    out = capsys.readouterr().out
    assert "4 revised" in out
    assert "already billed on values that changed: 2 invoices linde-" in out
    register = Register.objects.get(meter__ref="m001")
    day = Dates(date(2026, 7, 14), date(2026, 7, 15)).period(timezone_of(site.timezone)).slots
    read = store.read(site.pk, [register.pk], day.start + 40, day.start + 45)
    assert read.energy_wh[0, :4].tolist() == [125] * 4
    assert read.quality[0].tolist() == [Quality.MANUAL] * 4 + [Quality.MEASURED]
    assert main(set_words(*times)) == 0  # the same again changes nothing
    assert "4 unchanged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (set_words("--from", "2026-07-14T10:07"), "give minutes"),
        (set_words("--from", "2999-07-14T10:00"), "not over yet"),
        (set_words("--from", "14.7.2026"), "not a time"),
        (set_words("--from", "2026-03-29T02:15"), "skipped"),
        (set_words("--from", "2026-07-14", meter="nope"), "no meter 'nope'"),
        (set_words("--from", "2026-07-14", "--obis", "9"), "no register '9', but "),
        (set_words("--from", "2026-07-14", value=("--energy-kwh", "0.0005")), "three decimals"),
        (set_words("--from", "2026-07-14", value=("--energy-kwh", "1e99999")), "too much"),
        (set_words("--from", "2026-07-14", value=("--energy-kwh", "1e9999999")), "three decimals"),
        (set_words("--from", "2026-07-14", value=("--energy-kwh=-1",)), "negative"),
        (set_words("--from", "2026-07-14", value=("--litres", "12")), "--energy-kwh"),
    ],
)
def test_what_cannot_be_set_is_one_sentence(site, capsys, words, says):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_one_of_several_registers_is_named(site, capsys):
    meter = Register.objects.get(meter__ref="m001").meter
    Register.objects.create(site=site, meter=meter, obis="1-1:2.29.0", direction="export")
    assert main(set_words("--from", "2026-07-14")) == 2
    assert "--obis: " in capsys.readouterr().err
    assert main(set_words("--from", "2026-07-14", "--obis", "1-1:2.29.0")) == 0
    assert "1-1:2.29.0: 1 quarter-hours filled" in capsys.readouterr().out


def test_a_water_meter_is_set_in_litres(site, capsys):
    meter = Meter.objects.create(site=site, ref="kw", name="kw", medium="cold_water")
    Register.objects.create(site=site, meter=meter, obis="8-0:1.0.0", unit="l")
    words = ["--from", "2026-07-14"]
    assert main(set_words(*words, meter="kw", value=("--litres", "12"))) == 0
    assert main(set_words(*words, meter="kw", value=("--litres", "1.5"))) == 2
    assert "whole litres" in capsys.readouterr().err
