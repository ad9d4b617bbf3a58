"""Public holidays by canton, computed; which canton keeps which day is data [GK].

New Year, Ascension, the National Day (since 1994) and Christmas hold everywhere. The table names
days that a canton treats as Sundays by law; days of single districts or municipalities (parts of
AG, FR, GR, SO...) are left out unless most of the canton keeps them. Correct it here: one row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

_ALL = "AG AI AR BE BL BS FR GE GL GR JU LU NE NW OW SG SH SO SZ TG TI UR VD VS ZG ZH"
CANTONS = tuple(_ALL.split())
_CATHOLIC = "AI FR JU LU NW OW SZ TI UR VS ZG"


class UnknownCanton(LookupError):
    """No such canton."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """One day of the year: its name, how it is found, who keeps it and since when."""

    name: str
    day: Callable[[int], date]
    cantons: frozenset[str]
    from_year: int = 1900


def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (the anonymous algorithm [GK])."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leaps, century_rest = divmod(century, 4)
    moon = (19 * golden + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    quarter, quarter_rest = divmod(rest, 4)
    weekday = (32 + 2 * century_rest + 2 * quarter - moon - quarter_rest) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _fixed(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _from_easter(days: int) -> Callable[[int], date]:
    return lambda year: easter(year) + timedelta(days=days)


def _sunday_of(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


def _naefels(year: int) -> date:
    """The first Thursday of April; a week later where that is Maundy Thursday."""
    first = date(year, 4, 1)
    day = first + timedelta(days=(3 - first.weekday()) % 7)
    return day + timedelta(days=7) if day == easter(year) - timedelta(days=3) else day


def _but(*without: str) -> frozenset[str]:
    return frozenset(CANTONS) - set(without)


def _in(cantons: str) -> frozenset[str]:
    return frozenset(cantons.split())


HOLIDAYS: tuple[Holiday, ...] = (
    Holiday("New Year's Day", _fixed(1, 1), _but()),
    Holiday("Berchtold's Day", _fixed(1, 2), _in("AG BE FR GL JU LU OW SH SO TG VD ZG ZH")),
    Holiday("Epiphany", _fixed(1, 6), _in("SZ TI UR")),
    Holiday("Republic Day", _fixed(3, 1), _in("NE")),
    Holiday("Saint Joseph", _fixed(3, 19), _in("NW SZ TI UR VS")),
    Holiday("Good Friday", _from_easter(-2), _but("TI", "VS")),
    Holiday("Easter Monday", _from_easter(1), _but("NE", "VS")),
    Holiday("Näfelser Fahrt", _naefels, _in("GL")),
    Holiday("Labor Day", _fixed(5, 1), _in("BL BS JU NE SH TG TI ZH")),
    Holiday("Ascension", _from_easter(39), _but()),
    Holiday("Whit Monday", _from_easter(50), _but("NE", "VS")),
    Holiday("Corpus Christi", _from_easter(60), _in(_CATHOLIC)),
    Holiday("Independence Day", _fixed(6, 23), _in("JU")),
    Holiday("Saints Peter and Paul", _fixed(6, 29), _in("TI")),
    Holiday("National Day", _fixed(8, 1), _but(), 1994),
    Holiday("Assumption", _fixed(8, 15), _in(_CATHOLIC)),
    Holiday("Geneva Fast", lambda year: _sunday_of(year, 9, 1) + timedelta(days=4), _in("GE")),
    Holiday(
        "Federal Fast Monday", lambda year: _sunday_of(year, 9, 3) + timedelta(days=1), _in("VD")
    ),
    Holiday("Saint Maurice", _fixed(9, 22), _in("AI")),
    Holiday("Brother Klaus", _fixed(9, 25), _in("OW")),
    Holiday("All Saints", _fixed(11, 1), _in(_CATHOLIC + " GL SG")),
    Holiday("Immaculate Conception", _fixed(12, 8), _in("AI FR LU NW OW SZ TI UR VS ZG")),
    Holiday("Christmas", _fixed(12, 25), _but()),
    Holiday("Saint Stephen", _fixed(12, 26), _but("GE", "JU", "NE", "VD", "VS")),
    Holiday("Restoration Day", _fixed(12, 31), _in("GE")),
)


@lru_cache(maxsize=512)
def holidays(canton: str, year: int) -> tuple[tuple[date, str], ...]:
    """The holidays of ``canton`` ("ZH") in ``year``, by date; raises :class:`UnknownCanton`."""
    if canton not in CANTONS:
        raise UnknownCanton(f"{canton!r} is not a canton; one of: {', '.join(CANTONS)}")
    return tuple(
        sorted(
            (one.day(year), one.name)
            for one in HOLIDAYS
            if canton in one.cantons and year >= one.from_year
        )
    )
