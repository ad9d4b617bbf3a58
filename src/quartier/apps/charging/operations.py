"""Let charging stations in, and out again."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import override

from quartier.apps.audit.operations import record
from quartier.apps.charging.models import LONGEST_IDENTITY, ChargingStation, UnknownStation
from quartier.apps.equipment.configuration import content_of, grid_meters
from quartier.apps.equipment.models import Gateway
from quartier.apps.sites.models import Site
from quartier.formats.uplink.configuration import encode
from quartier.formats.uplink.strict import BadMessage

PASSWORD_BYTES = 15
"""As 20 characters: OCPP wants 16 to 20 bytes in 1.6 and 16 to 40 in 2.0.1."""
_IDENTITY = re.compile(rf"[0-9A-Za-z*\-_=:+|@.]{{1,{LONGEST_IDENTITY}}}")
"""OCPP 2.0.1 part 2, identifierString; 1.6-J lets the same stand in an address."""
_TAG = re.compile(r"[0-9A-Za-z*\-_=:+|@.]{1,36}")
"""identifierString again; 1.6 takes 20 characters of it."""


class BadStation(ValueError):
    """The station cannot be let in; the text says why."""


def add(
    site: Site,
    identity: str,
    name: str,
    *,
    needs_password: bool,
    is_free: bool,
    tags: Sequence[str] = (),
    at: datetime,
    actor: str,
) -> tuple[ChargingStation, str]:
    """A new station and its password, which is told this once; empty where it needs none. Raises
    :class:`BadStation`."""
    if not _IDENTITY.fullmatch(identity):
        raise BadStation(
            f"an identity has 1 to {LONGEST_IDENTITY} letters, digits and *-_=:+|@. alone"
        )
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise BadStation(f"a badge has 1 to 36 letters, digits and *-_=:+|@. alone: {tag}")
    with transaction.atomic():
        if ChargingStation.objects.filter(identity=identity).exists():
            raise BadStation(f"there is a station with the identity {identity}")
        password, digest = _drawn() if needs_password else ("", "")
        station = ChargingStation.objects.create(
            site=site,
            identity=identity,
            name=name,
            password_sha256=digest,
            is_free=is_free,
            tags=sorted(set(tags)),
        )
        UnknownStation.objects.filter(identity=identity).delete()
        _note("station.add", station, at, actor, {"password": needs_password, "free": is_free})
    return station, password


def serve_from(
    station: ChargingStation,
    gateway: Gateway | None,
    *,
    at: datetime,
    actor: str,
    **how: int | bool | None,
) -> None:
    """Let ``gateway`` serve it in the building, or let it connect here. ``how`` are fields from
    ``phases`` to ``off_s`` that change. Raises :class:`BadStation`, and nothing is changed."""
    if gateway is not None and gateway.site_id != station.site_id:
        raise BadStation(f"{gateway.name} is a gateway of another site")
    station.gateway = gateway
    for name, value in how.items():
        setattr(station, name, value)
    if not station.min_a <= station.max_a:
        raise BadStation("a car cannot take less at most than at least")
    if station.fallback_a and not station.min_a <= station.fallback_a <= station.max_a:
        raise BadStation("without its gateway a car takes 0, or what lies between least and most")
    if station.follows_sun and gateway is None:
        raise BadStation("the sun is shared by a gateway; name the one of the building")
    if station.follows_sun and gateway is not None and len(grid_meters(gateway)) != 1:
        raise BadStation("the gateway reads not one meter at the grid entry; connect it first")
    try:
        station.clean_fields(exclude={"tags"})
        with transaction.atomic():
            station.save()
            told: dict[str, object] = {"gateway": gateway.name if gateway else "", **how}
            _note("station.serve", station, at, actor, told)
            if gateway is not None:
                encode(content_of(gateway))
    except ValidationError as problem:
        with override("en"):  # as all that is said below the pages
            said = [f"{name}: {' '.join(texts)}" for name, texts in problem.message_dict.items()]
        raise BadStation("; ".join(said).rstrip(".")) from None
    except BadMessage as problem:
        raise BadStation(f"no gateway can be set up so: {problem}") from None


def draw_password(station: ChargingStation, *, at: datetime, actor: str) -> str:
    """A new password; the old one is void when the station connects again."""
    with transaction.atomic():
        password, station.password_sha256 = _drawn()
        station.save(update_fields=["password_sha256"])
        _note("station.password", station, at, actor, {})
    return password


def enable(station: ChargingStation, is_enabled: bool, *, at: datetime, actor: str) -> None:
    """Whether it is let in when it connects again."""
    with transaction.atomic():
        station.is_enabled = is_enabled
        station.save(update_fields=["is_enabled"])
        _note("station.enable", station, at, actor, {"enabled": is_enabled})


def _drawn() -> tuple[str, str]:
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    return password, hashlib.sha256(password.encode()).hexdigest()


def _note(
    what: str, station: ChargingStation, at: datetime, actor: str, told: dict[str, object]
) -> None:
    record(
        what,
        actor,
        at=at,
        organisation_id=station.site.organisation_id,
        site_id=station.site_id,
        subject=station.identity,
        data=told,
    )
