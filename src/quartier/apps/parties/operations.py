"""Use cases on users and parties; each is one transaction, recorded in the audit trail."""

import itertools
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.parties.models import Contact, Organisation, Party, User


class Refused(Exception):
    """The request can't be met; the text says why and what to do."""


DEFAULT_ORGANISATION = "default"


def default_organisation() -> Organisation:
    """The only organisation, made where there is none.

    Raises :class:`Refused` where there are several.
    """
    rows = list(Organisation.objects.order_by("ref")[:10])
    if len(rows) > 1:
        refs = ", ".join(row.ref for row in rows)
        raise Refused(f"there are several organisations ({refs}); name one with --organisation")
    if rows:
        return rows[0]
    return Organisation.objects.create(ref=DEFAULT_ORGANISATION, name="Default")


def new_password() -> str:
    """A password of 120 random bits, in groups that can be read aloud."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(6)) for _ in range(4))
    return "-".join(groups)


@transaction.atomic
def add_user(
    organisation: Organisation,
    email: str,
    password: str,
    *,
    by: str,
    at: datetime,
    is_operator: bool = False,
    parties: Iterable[Party] = (),
    name: str = "",
    language: str = "de",
) -> User:
    """A new user of ``organisation``, a contact of ``parties``; or a password for a user who has
    none yet (one that came with a site file), with what else is told added.

    Raises :class:`Refused` for a taken or wrong e-mail address and a weak password.
    """
    user = User.objects.filter(email__iexact=email).first()
    if user is not None and (user.has_usable_password() or user.organisation_id != organisation.pk):
        raise Refused(
            f"there is already a user {email}; give more rights with quartier user rights, or "
            "another password with quartier user password"
        )
    _refuse_weak(password, email, name)
    try:
        if user is None:
            user = User.objects.create_user(
                email, organisation, password, is_operator=is_operator, name=name, language=language
            )
        else:
            user.set_password(password)
            user.is_operator = user.is_operator or is_operator
            user.name = name or user.name
            user.save()
    except ValidationError as error:
        raise Refused(f"{email!r}: " + " ".join(error.messages)) from None
    _act_for(user, parties)
    record(
        "user.add",
        by,
        at=at,
        organisation_id=organisation.pk,
        subject=user.email,
        data={"operator": is_operator, "parties": sorted(p.ref for p in user.parties.all())},
    )
    return user


@transaction.atomic
def replace_password(email: str, password: str, *, by: str, at: datetime) -> User:
    """Another password for a user; whoever is signed in with the old one no longer is.

    Raises :class:`Refused` for an unknown user and a weak password.
    """
    user = _user(email)
    _refuse_weak(password, user.email, user.name)
    user.set_password(password)
    user.save(update_fields=["password"])
    organisation_id = user.organisation_id
    record("user.password", by, at=at, organisation_id=organisation_id, subject=user.email)
    return user


@transaction.atomic
def add_rights(
    email: str,
    *,
    by: str,
    at: datetime,
    is_operator: bool = False,
    parties: Iterable[str] = (),
) -> User:
    """A user acts for more parties, given by their refs, or sees all sites; what the user may
    already stays.

    Raises :class:`Refused` for an unknown user or party, and where nothing is asked for.
    """
    user = _user(email)
    found = []
    for ref in parties:
        party = Party.objects.filter(organisation_id=user.organisation_id, ref=ref).first()
        if party is None:
            raise Refused(f"there is no party {ref!r} in organisation {user.organisation.ref!r}")
        found.append(party)
    if not found and not is_operator:
        raise Refused("say what the user may: --party REF or --operator")
    if is_operator and not user.is_operator:
        user.is_operator = True
        user.save(update_fields=["is_operator"])
    _act_for(user, found)
    record(
        "user.rights",
        by,
        at=at,
        organisation_id=user.organisation_id,
        subject=user.email,
        data={"operator": user.is_operator, "parties": sorted(p.ref for p in user.parties.all())},
    )
    return user


def _user(email: str) -> User:
    user = User.objects.filter(email__iexact=email).select_related("organisation").first()
    if user is None:
        raise Refused(f"there is no user {email}; see quartier user list")
    return user


def _refuse_weak(password: str, email: str, name: str) -> None:
    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as error:
        raise Refused("the password is too weak: " + " ".join(error.messages)) from None


def _act_for(user: User, parties: Iterable[Party]) -> None:
    for party in parties:
        if party.organisation_id != user.organisation_id:
            raise Refused(f"{party.name} belongs to another organisation")
        Contact.objects.get_or_create(
            party=party, user=user, defaults={"role": Contact.Role.ADMINISTRATOR}
        )


@transaction.atomic
def add_party(
    organisation: Organisation,
    name: str,
    *,
    by: str,
    at: datetime,
    kind: str = Party.Kind.PERSON,
    language: str = "de",
    **address: str,
) -> Party:
    """A new party under the next free ref ``P-0001``; ``address`` are fields of the model.

    Raises :class:`Refused` for a name or address that cannot be stored.
    """
    taken = set(
        Party.objects.filter(organisation=organisation, ref__startswith="P-").values_list(
            "ref", flat=True
        )
    )
    number = next(n for n in itertools.count(1) if f"P-{n:04}" not in taken)
    party = Party(
        organisation=organisation,
        ref=f"P-{number:04}",
        name=name.strip(),
        kind=kind,
        language=language,
        **address,
    )
    try:
        party.full_clean()
    except ValidationError as error:
        (field, messages), *_ = error.message_dict.items()
        raise Refused(f"{field}: {' '.join(messages)}") from None
    party.save()
    record("party.add", by, at=at, organisation_id=organisation.pk, subject=party.ref)
    return party
