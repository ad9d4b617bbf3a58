"""Error pages: what happened and what to do now."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    text = _("The address or the form has a value that cannot be read. Go back and try again.")
    return _page(request, 400, _("That did not work"), text)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    text = _("Your role does not allow this. Ask the operator of your site.")
    return _page(request, 403, _("Not allowed"), text)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    text = _("There is nothing at this address, or it is not yours to see.")
    return _page(request, 404, _("Not found"), text)


def broken(request: HttpRequest) -> HttpResponse:
    text = _("The error is in the log. Try again; if it stays, tell the operator.")
    return _page(request, 500, _("Something broke"), text)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    text = _("The form is too old, or cookies are off. Load the page again and repeat.")
    return _page(request, 403, _("Please send it again"), text)


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "shared/errors/page.html", {"title": title, "text": text}, status=status)
