"""The character NUL is in nothing that a person types, and PostgreSQL keeps no text with it."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase

_NUL = "\0"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Readable:
    """Middleware: nothing is at an address with NUL, and a form with it is refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Raises ``Http404`` and ``BadRequest``."""
        if _NUL in request.path:
            raise Http404("NUL in the address")
        fields = [request.GET]
        if request.method == "POST" and request.content_type in _FORMS:
            fields.append(request.POST)
        for field in fields:
            for name, values in field.lists():
                if any(_NUL in one for one in (name, *map(str, values))):
                    raise BadRequest("NUL in a field")
