"""Who may get an account, and how the pages around it behave (allauth)."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are made by an operator (``quartier user add``), never by signing up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002
        return "/"

    def add_message(self, *args: Any, **more: Any) -> None:
        """Signing in and out needs no message: the page that follows says it."""
        template = more.get("message_template") or (args[2] if len(args) > 2 else "")
        if template in ("account/messages/logged_in.txt", "account/messages/logged_out.txt"):
            return
        super().add_message(*args, **more)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        context.setdefault("public_url", settings.PUBLIC_URL)
        super().send_mail(template_prefix, email, context)
