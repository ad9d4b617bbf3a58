"""The quarter-hour that is changed in tests, its pages, and a change that is looked at first."""

from datetime import UTC, datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from quartier.apps.metering import store
from quartier.core.kernel.period import slot_at

TEN = slot_at(datetime(2026, 8, 12, 10, tzinfo=UTC))
ONE = "start=2026-08-12T10:00Z&end=2026-08-12T10:15Z"


def page_of(register, name="site-intervals", query=ONE):
    return f"{reverse(name, args=['linde', register.pk])}?{query}"


def reviewed(client, url, data, **more):
    """The answer to a change that was looked at first, and what its review showed."""
    seen = client.post(url, {**data, "step": "review"})
    sha256 = seen.context["shown"]["sha256"]
    assert f'name="seen" value="{sha256}"' in seen.content.decode()
    return client.post(url, {**data, "step": "commit", "seen": sha256}, **more)


def value(world, register, slot=TEN):
    read = store.read(world.site.pk, [register.pk], slot, slot + 1)
    return int(read.energy_wh[0, 0]), int(read.quality[0, 0])


def asked(client, url):
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    return queries
