"""Reading organisations and parties."""

from quartier.apps.parties.models import Organisation, Party, User


def only_organisation() -> Organisation | None:
    """The organisation, where there is exactly one."""
    rows = list(Organisation.objects.order_by("ref")[:2])
    return rows[0] if len(rows) == 1 else None


def party_by_ref(organisation: Organisation, ref: str) -> Party | None:
    """The party called ``ref`` in ``organisation``."""
    return Party.objects.filter(organisation=organisation, ref=ref).first()


def users_with_parties() -> list[User]:
    """All users with their organisation and the parties they act for, in three queries at most."""
    users = User.objects.select_related("organisation").prefetch_related("parties")
    return list(users.order_by("organisation__ref", "email"))
