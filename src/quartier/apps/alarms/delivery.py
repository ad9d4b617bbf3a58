"""Sending what is to be told: all that waits for one address in one message, each thing once.

A worker claims notices before it sends them, and another may try only when the claim has run out.
What a mail server took from a worker that died right after is sent again, with the same
``Message-ID``: e-mail knows no better.
"""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from quartier.apps.alarms.channels import CHANNELS, Channel, Message, NotSent
from quartier.apps.alarms.message import write
from quartier.apps.alarms.models import Notice

GATHER = timedelta(minutes=15)
"""What comes sooner after a message to the same address waits, and goes with the next."""
LEASE = timedelta(minutes=10)
FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=1)
GIVE_UP = timedelta(days=3)
MOST_AT_ONCE = 5_000

Key = tuple[str, str, str, int]
"""Channel, address in small letters, language, organisation."""


@dataclass
class Delivered:
    """Messages that were sent, and that could not be, with the last reason."""

    sent: int = 0
    failed: int = 0
    failure: str = ""


def waiting() -> int:
    """Notices that are not sent yet, whether they are due or not."""
    return Notice.objects.filter(sent_at=None, given_up_at=None).count()


def deliver(clock: Callable[[], datetime], channels: Mapping[str, Channel] = CHANNELS) -> Delivered:
    """Send what is due, one message an address.

    A channel that failed once is left alone until the next time, so that one that is down does
    not hold everything up.
    """
    done = Delivered()
    broken: set[str] = set()
    for key, notices in _due(clock()).items():
        channel = key[0]
        if channel in broken:
            continue
        claimed = _claim(notices, clock())
        if not claimed:
            continue
        try:
            channels[channel].send(_message(claimed))
        except NotSent as problem:
            broken.add(channel)
            done.failed += 1
            done.failure = str(problem)[:300]
            _failed(claimed, done.failure, clock())
        else:
            done.sent += 1
            pks = [one.pk for one in claimed]
            Notice.objects.filter(pk__in=pks, claim=claimed[0].claim).update(
                sent_at=clock(), failure=""
            )
    return done


def _due(now: datetime) -> dict[Key, list[int]]:
    """Ids of the notices to send, by message. Those that failed least come first, so that an
    address that is always refused does not keep the others waiting."""
    rows = Notice.objects.filter(sent_at=None, given_up_at=None, due_at__lte=now)
    found: dict[Key, list[int]] = defaultdict(list)
    for pk, channel, address, language, organisation in rows.order_by("attempts", "at", "pk")[
        :MOST_AT_ONCE
    ].values_list("pk", "channel", "address", "language", "alarm__site__organisation"):
        found[channel, address.lower(), language, organisation].append(pk)
    recent = Notice.objects.filter(sent_at__gt=now - GATHER).order_by()
    fresh = {
        (channel, address.lower())
        for channel, address, _ in recent.values_list("channel", "address").annotate(Max("sent_at"))
    }
    return {key: pks for key, pks in found.items() if key[:2] not in fresh}


def _claim(pks: Sequence[int], now: datetime) -> list[Notice]:
    """Those of ``pks`` that nobody else sends meanwhile, with their alarms and sites."""
    token = uuid.uuid4().hex
    rows = Notice.objects.filter(sent_at=None, given_up_at=None, due_at__lte=now)
    for first in range(0, len(pks), 500):
        rows.filter(pk__in=pks[first : first + 500]).update(claim=token, due_at=now + LEASE)
    mine = Notice.objects.filter(claim=token).select_related("alarm__site")
    return list(mine.order_by("alarm__site__name", "at", "pk"))


def _message(notices: Sequence[Notice]) -> Message:
    subject, text = write(notices, notices[0].language)
    ids = ",".join(str(one.pk) for one in sorted(notices, key=lambda one: one.pk))
    key = hashlib.sha256(ids.encode()).hexdigest()[:32]
    return Message(notices[0].address, subject, text, key)


def _failed(notices: Sequence[Notice], why: str, now: datetime) -> None:
    for one in notices:
        one.attempts += 1
        one.failure, one.claim = why, ""
        doubled: int = 2 ** min(one.attempts - 1, 10)
        one.due_at = now + min(FIRST_RETRY * doubled, LAST_RETRY)
        if now - one.at > GIVE_UP:
            one.given_up_at = now
    Notice.objects.bulk_update(
        notices, ["attempts", "failure", "claim", "due_at", "given_up_at"], batch_size=100
    )
