"""From what a meter tells by OBIS code to volts, amperes and watts of its phases."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.obis import Obis
from quartier.core.metering.inspection import Phase
from quartier.core.metering.momentary import PHASES, is_momentary, phase_of, phases_of, power_of

NUMBERS = st.decimals(-(10**6), 10**6, places=2)
CODES = st.builds(
    Obis, st.integers(0, 9), st.just(1), st.integers(0, 99), st.sampled_from([0, 7, 8]), st.just(0)
)


def told(**values):
    return {Obis.parse(f"{code[1:]}.7.0"): Decimal(str(value)) for code, value in values.items()}


def test_each_phase_gets_its_own():
    values = told(c32=231, c52=232, c72=233, c31=1, c51=2, c71=3, c36=10, c56=20, c76=-30)
    assert phases_of(values, factor=Decimal(1)) == (
        Phase(Decimal(231), Decimal(1), Decimal(10)),
        Phase(Decimal(232), Decimal(2), Decimal(20)),
        Phase(Decimal(233), Decimal(3), Decimal(-30)),
    )
    assert power_of(values, factor=Decimal(1)) == 0


def test_a_factor_holds_for_currents_and_powers_and_its_sign_for_powers():
    values = told(c32=231, c31=2, c36=400, c16=400)
    factor = Decimal(-40)
    assert phases_of(values, factor=factor) == (Phase(Decimal(231), Decimal(80), Decimal(-16000)),)
    assert power_of(values, factor=factor) == -16000


@pytest.mark.parametrize(
    ("code", "phase"),
    [("32.7.0", 1), ("51.7.0", 2), ("61.8.0", 3), ("16.7.0", 0), ("14.7.0", 0), ("8-0:32.7.0", 0)],
)
def test_the_phase_of_a_code(code, phase):
    assert phase_of(Obis.parse(code)) == phase


def test_the_power_of_a_meter_of_one_phase_is_that_of_the_phase():
    shown = phases_of(told(c32=231, c31=2, c16=-400), factor=Decimal(1))
    assert shown == (Phase(Decimal(231), Decimal(2), Decimal(-400)),)
    assert phases_of(told(c16=-400), factor=Decimal(1)) == ()


@pytest.mark.parametrize(
    ("values", "power"),
    [
        (told(c1=0, c2=350), -350),
        (told(c1=120, c2=0), 120),
        (told(c16=-5, c1=0, c2=5), -5),
        (told(c36=1, c56=2), None),
        (told(c32=230, c36=7), 7),
        (told(c32=230, c52=230, c36=7), None),
        (told(c36=1, c56=2, c76=3), 6),
        (told(c21=0, c22=7, c56=2, c76=3), -2),
        ({}, None),
    ],
)
def test_power_is_import_minus_export(values, power):
    assert power_of(values, factor=Decimal(1)) == power


@given(st.dictionaries(CODES, NUMBERS, max_size=12), st.sampled_from([1, -1, 40, -100]))
def test_whatever_is_told_gives_three_phases_at_most(values, factor):
    phases = phases_of(values, factor=Decimal(factor))
    assert len(phases) <= len(PHASES)
    given_ = {value for code, value in values.items() if is_momentary(code)}
    volts = {one.voltage_v for one in phases if one.voltage_v is not None}
    assert volts <= given_
    assert phases == () or phases[-1] != Phase()
    turned = power_of(values, factor=Decimal(-factor))
    power = power_of(values, factor=Decimal(factor))
    assert power == (None if turned is None else -turned)
