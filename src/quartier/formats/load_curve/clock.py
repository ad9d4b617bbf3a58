"""Local times of a table as instants, without guessing at a clock change (rules.md f.1, b.4)."""

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from quartier.core.kernel.period import timezone_of
from quartier.formats.load_curve.profile import Profile


class Clock:
    """Turns the times of one file into UTC.

    An hour that comes twice is told apart by its order in the file, if the profile says so:
    summer time first (fold order), counted for each series by itself.
    """

    def __init__(self, profile: Profile, tz: ZoneInfo) -> None:
        self._is_utc = profile.timezone == "utc"
        self.tz = tz if profile.timezone in ("local", "utc") else timezone_of(profile.timezone)
        self._is_in_order = profile.repeated_hour == "in-order"
        self._seen: Counter[tuple[object, datetime]] = Counter()
        self._lines: dict[tuple[object, datetime], int] = {}

    def instant(self, moment: datetime, series: object, line: int) -> datetime:
        """``moment`` of a row of ``series`` in UTC; raises ValueError that says what is wrong."""
        try:
            return self._instant(moment, series, line)
        except OverflowError:
            raise ValueError(f"{moment} is out of range") from None

    def _instant(self, moment: datetime, series: object, line: int) -> datetime:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        if self._is_utc:
            return moment.replace(tzinfo=UTC)
        first = moment.replace(tzinfo=self.tz, fold=0)
        second = moment.replace(tzinfo=self.tz, fold=1)
        if first.utcoffset() == second.utcoffset():
            return first.astimezone(UTC)
        if first.astimezone(UTC).astimezone(self.tz).replace(tzinfo=None) != moment:
            raise ValueError(f"{moment} does not exist in {self.tz.key}: the clock skips it")
        if not self._is_in_order:
            raise ValueError(
                f"{moment} comes twice in {self.tz.key}; the profile's repeated_hour must say "
                "how the two are told apart"
            )
        key = (series, moment)
        self._seen[key] += 1
        self._lines[key] = line
        if self._seen[key] > 2:
            raise ValueError(f"{moment} stands there more than twice")
        return (first if self._seen[key] == 1 else second).astimezone(UTC)

    def lone_times(self) -> list[str]:
        """Times of a repeated hour that stand there only once, so that either could be meant."""
        return [
            f"line {self._lines[key]}: {key[1]} stands there once, but comes twice in "
            f"{self.tz.key}; which of the two is meant cannot be known"
            for key, count in self._seen.items()
            if count == 1
        ]
