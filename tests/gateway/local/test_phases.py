"""What a meter shows of a phase is told by the phase's name."""

from decimal import Decimal

from quartier.core.kernel.obis import Obis
from quartier.drivers.values import Value
from quartier.gateway.local.pages import _values
from quartier.gateway.ports import Taken


def value(code, number, unit):
    return Value(code, Obis.parse(code), Decimal(number), unit)


def test_phases_have_their_names():
    shown = (value("1-1:52.7.0", "231.0", "V"), value("1-1:16.7.0", "-40", "W"))
    word = Value("state_of_charge", None, Decimal(55), "%")
    page = _values(Taken((*shown, word), 0.0, (), True), "en")
    assert page == (
        "<div>L2 1-1:52.7.0 231 V</div><div>1-1:16.7.0 -40 W</div><div>state_of_charge 55 %</div>"
    )
