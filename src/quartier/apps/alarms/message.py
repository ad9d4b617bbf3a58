"""The text of a message about alarms, of one or of many."""

from collections.abc import Sequence
from itertools import groupby

from django.conf import settings
from django.urls import reverse

from quartier.apps.alarms.models import Notice
from quartier.apps.alarms.texts import kind_word, remedy, sentence, texts_in

MOST_LISTED = 40
"""Of one site; more are counted."""


def write(notices: Sequence[Notice], language: str) -> tuple[str, str]:
    """Subject and text, in order of the sites' names; a dead router is one message.

    ``notices`` are of one address, in order of their sites, with alarms and sites at hand.
    """
    words = texts_in(language)["message"]
    parts = []
    names = []
    for site, rows in groupby(notices, key=lambda one: one.alarm.site):
        of_site = list(rows)
        names.append(_plain(site.name))
        lines = [_plain(site.name), ""]
        lines += [_line(one, language) for one in of_site[:MOST_LISTED]]
        if len(of_site) > MOST_LISTED:
            lines.append(words["more"].format(count=len(of_site) - MOST_LISTED))
        path = reverse("site-alarms", args=[site.ref])
        lines += ["", f"{settings.PUBLIC_URL}{path}"]
        parts.append("\n".join(lines))
    parts.append("-- \n" + words["why"])
    return _subject(notices, names, language), "\n\n".join(parts) + "\n"


def _subject(notices: Sequence[Notice], names: Sequence[str], language: str) -> str:
    words = texts_in(language)["message"]
    where = names[0] if len(names) == 1 else words["sites"].format(count=len(names))
    if len(notices) == 1:
        what = f"{_event(notices[0], language)}: {_about(notices[0], language)}"
    else:
        alarms = {one.alarm_id for one in notices}
        is_over = all(one.event == Notice.Event.ENDED for one in notices)
        word = words["all_ended"] if is_over else words["many"]
        what = word.format(count=len(alarms))
        if len(alarms) == 1:
            what = _about(notices[0], language)
    return f"{where} · {what}"


def _line(one: Notice, language: str) -> str:
    alarm = one.alarm
    said = sentence(alarm.code, alarm.values, alarm.since, alarm.site.timezone, language)
    head = f"- {_event(one, language)}: {_about(one, language)}\n  {said}"
    if one.event == Notice.Event.ENDED:
        return head
    return f"{head} {remedy(alarm.code, language)}"


def _event(one: Notice, language: str) -> str:
    event = str(one.event)
    if event == Notice.Event.OPENED:
        event = f"opened_{one.alarm.severity}"
    return texts_in(language)["events"][event]


def _about(one: Notice, language: str) -> str:
    alarm = one.alarm
    word = kind_word(alarm.kind, language)
    return f"{word}, {_plain(alarm.name)}" if alarm.name else word


def _plain(text: str) -> str:
    """On one line: a subject breaks nowhere."""
    return " ".join(text.split())
