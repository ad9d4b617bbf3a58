"""How an interval came to its value (rules.md f.3; architecture.md)."""

from enum import IntEnum


class Quality(IntEnum):
    """The quality of one interval, stored as one byte. Zero is missing, so that nothing unset
    ever passes for a measured value."""

    MISSING = 0
    MEASURED = 1
    CORRECTED = 2
    """Measured, then corrected by who delivered it."""
    ESTIMATED = 3
    SUBSTITUTED = 4
    MANUAL = 5
    TEMPORARY = 6
    """No final value yet: shown, but never billed (SDAT-CH Condition 21 under E88)."""

    @property
    def word(self) -> str:
        """The word of the vocabulary, as in exports."""
        return self.name.lower()

    @property
    def is_billable(self) -> bool:
        """Whether an invoice may rest on the interval."""
        return self not in (Quality.MISSING, Quality.TEMPORARY)


FROM_BEST = (
    Quality.MEASURED,
    Quality.CORRECTED,
    Quality.MANUAL,
    Quality.SUBSTITUTED,
    Quality.ESTIMATED,
    Quality.TEMPORARY,
    Quality.MISSING,
)
"""Qualities by how far they are from a measurement: what is computed from several intervals is as
good as the worst of them."""


def quality_of(word: str) -> Quality:
    """The quality called ``word``; raises ValueError that lists the words."""
    try:
        return Quality[word.strip().upper()]
    except KeyError:
        words = ", ".join(quality.word for quality in Quality)
        raise ValueError(f"{word!r} is not a quality; one of: {words}") from None
