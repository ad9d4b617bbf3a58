"""The seal of a report: whether file and row are what was issued."""

import hashlib
import hmac

from django.conf import settings

from quartier.apps.documents.models import InspectionReport

_KEY = b"quartier inspection report key 1"


def seal_of(report: InspectionReport) -> str:
    """HMAC-SHA256 of what says whose report it is, and of the hashes of content and PDF.

    The key is made of the platform's ``SECRET_KEY``: who has a copy of the database alone can make
    no seal. A new secret leaves the hashes to go by, and no seal fits any more.
    """
    key = hmac.new(settings.SECRET_KEY.encode(), _KEY, hashlib.sha256).digest()
    lines = (
        str(report.site_id),
        str(report.number),
        report.issued_at.isoformat(),
        report.installer,
        report.by,
        str(report.left_open),
        report.content_sha256,
        report.sha256,
    )
    return hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def is_intact(report: InspectionReport) -> bool:
    """Whether content, PDF and what the row says of them are those that were sealed."""
    return (
        hashlib.sha256(report.content).hexdigest() == report.content_sha256
        and hashlib.sha256(report.pdf).hexdigest() == report.sha256
        and hmac.compare_digest(seal_of(report), report.seal)
    )
