"""How a message leaves the house. A further channel is one class more here."""

import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from django.core.mail import EmailMessage


class NotSent(Exception):
    """The message did not leave; the text says why, for an operator to read."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address. ``key`` is the same when the same is sent again."""

    address: str
    subject: str
    text: str
    key: str


class Channel(Protocol):
    """A way to reach people."""

    def send(self, message: Message) -> None:
        """Hand ``message`` over. Raises :class:`NotSent`."""


class Email:
    """E-mail by the server of ``QUARTIER_SMTP``; without one, files in ``mail/``."""

    def send(self, message: Message) -> None:
        mail = EmailMessage(
            message.subject,
            message.text,
            to=[message.address],
            headers={
                "Auto-Submitted": "auto-generated",
                # Who gets the same mail twice, as after a crash, is shown it once.
                "Message-ID": f"<{message.key}@alarms.quartier>",
            },
        )
        try:
            mail.send()
        except (smtplib.SMTPException, OSError, ValueError) as problem:
            raise NotSent(_reason(problem)) from problem


CHANNELS: Mapping[str, Channel] = {"email": Email()}


def _reason(problem: Exception) -> str:
    """In one line what the mail server, or the way to it, said."""
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(problem.recipients.values()))
        return f"{code} {said.decode(errors='replace')}"
    if isinstance(problem, smtplib.SMTPResponseException):
        error = problem.smtp_error
        text = error.decode(errors="replace") if isinstance(error, bytes) else error
        return f"{problem.smtp_code} {text}"
    return str(problem) or type(problem).__name__
