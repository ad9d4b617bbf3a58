"""Which gateway is to run which version of its program."""

import hashlib
import zipfile
from collections.abc import Iterable
from datetime import datetime
from io import BytesIO

from django.db import transaction
from django.db.models import F

from quartier.apps.audit.operations import record
from quartier.apps.equipment.models import Gateway, GatewayPackage, Renewal
from quartier.formats.uplink import software as wire
from quartier.formats.uplink.software import DAMAGED, MOST_BYTES, PART_BYTES, Software
from quartier.formats.uplink.strict import BadMessage

SIGNATURE_BYTES = 64
_LONGEST_VERSION = 100


class BadPackage(ValueError):
    """The file is no version of the gateways' program; the text says why."""


def add(data: bytes, signature: bytes, *, at: datetime) -> GatewayPackage:
    """The version in the file ``data``; the same file again is the one that is there. Raises
    :class:`BadPackage`."""
    if len(signature) != SIGNATURE_BYTES:
        raise BadPackage(f"the signature has {len(signature)} bytes, not {SIGNATURE_BYTES}")
    if not 0 < len(data) <= MOST_BYTES:
        raise BadPackage(f"a version has at most {MOST_BYTES >> 20} MiB")
    try:
        with zipfile.ZipFile(BytesIO(data)) as file:
            is_short = file.getinfo("VERSION").file_size <= _LONGEST_VERSION
            version = file.read("VERSION").decode("ascii").strip() if is_short else ""
    except DAMAGED:
        raise BadPackage("it is no file that build-update has made") from None
    sha256 = hashlib.sha256(data).hexdigest()
    software_of(version, sha256, len(data), signature.hex(), 1)
    there = GatewayPackage.objects.filter(version=version).defer("data").first()
    if there is not None and there.sha256 != sha256:
        raise BadPackage(f"there is another file of version {version}; count its version up")
    if there is not None:
        return there
    return GatewayPackage.objects.create(
        version=version,
        sha256=sha256,
        signature=signature.hex(),
        size=len(data),
        data=data,
        added_at=at,
    )


def software_of(version: str, sha256: str, size: int, signature: str, attempt: int) -> Software:
    """What a configuration says of it; raises :class:`BadPackage`."""
    try:
        return wire.read(wire.written(Software(version, sha256, size, signature, attempt)))
    except BadMessage as problem:
        raise BadPackage(f"{problem}") from None


def assign(
    package: GatewayPackage | None, gateways: Iterable[Gateway], *, at: datetime, actor: str
) -> int:
    """Let ``gateways`` run ``package`` from their next look on, or leave them with what they run
    where it is None; what one of them gave up is tried again. How many these are."""
    rows = list(gateways)
    with transaction.atomic():
        Renewal.objects.bulk_create(
            [Renewal(gateway=one) for one in rows], batch_size=500, ignore_conflicts=True
        )
        found = Renewal.objects.filter(gateway__in=[one.pk for one in rows])
        if package is None:
            found.update(package=None)
        else:
            found.update(package=package, attempt=F("attempt") + 1)
        for one in rows:
            record(
                "gateway.package",
                actor,
                at=at,
                organisation_id=one.site.organisation_id,
                site_id=one.site_id,
                subject=one.name,
                data={"version": package.version if package else ""},
            )
    return len(rows)


def part_of(gateway: Gateway, sha256: str, first: int) -> bytes | None:
    """The bytes of the version that ``gateway`` is to run, from ``first`` on, as many as an answer
    has; None where it is to run another."""
    package = GatewayPackage.objects.filter(renewals__gateway=gateway, sha256=sha256).first()
    return None if package is None else bytes(package.data)[first : first + PART_BYTES]
