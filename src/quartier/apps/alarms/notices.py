"""What is to be told of alarms, to whom: written together with the alarm, sent by ``delivery``."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quartier.apps.alarms.models import Alarm, Notice
from quartier.apps.alarms.recipients import Reached, Recipients
from quartier.apps.sites.models import Site
from quartier.core.metering.alarm_course import Event


@dataclass(frozen=True, slots=True)
class Told:
    """Something that is to be told of an alarm."""

    alarm: Alarm
    event: Event


def tell(site: Site, told: Sequence[Told], now: datetime) -> list[Notice]:
    """One notice an address for each of ``told``.

    An end is told to who was told of the alarm, whoever is entered by now; everything else to who
    is entered.
    """
    if not told:
        return []
    recipients = Recipients(site)
    knew: dict[int, dict[tuple[str, str], Reached]] = defaultdict(dict)
    ended = [one.alarm.pk for one in told if one.event is Event.ENDED]
    if ended:
        rows = Notice.objects.filter(alarm__in=ended)
        for alarm_id, channel, address, language in rows.values_list(
            "alarm", "channel", "address", "language"
        ):
            knew[alarm_id][channel, address.lower()] = Reached(channel, address, language)
    notices = []
    for one in told:
        reached = knew[one.alarm.pk] if one.event is Event.ENDED else recipients.of(one.alarm)
        notices += [
            Notice(
                alarm=one.alarm,
                event=one.event.value,
                channel=who.channel,
                address=who.address,
                language=who.language,
                at=now,
                due_at=now,
            )
            for who in reached.values()
        ]
    return Notice.objects.bulk_create(notices, batch_size=500)
