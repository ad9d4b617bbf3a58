"""Texts that go onto documents: what cannot be printed is refused where it is typed."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def printable(text: str) -> None:
    """Refuse control and invisible characters, which neither a PDF nor its XML can hold.

    White space of any kind is fine. Raises ``ValidationError``.
    """
    if not " ".join(text.split()).isprintable():
        raise ValidationError(_("This holds a character that cannot be printed; type it anew."))
