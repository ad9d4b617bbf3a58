"""What is asked of the database for a signed-in user stays within the user's organisation."""

from collections.abc import Callable, Iterator
from typing import cast

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse

from quartier.apps.access.rows import only


class OwnOrganisation:
    """Middleware after authentication: PostgreSQL's row-level security for the request, and for
    each part of a response that is made while it is sent."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return self.get_response(request)
        organisation_id = request.user.organisation_id
        with only(organisation_id):
            response = self.get_response(request)
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            assert not response.is_async, "pages are served over WSGI"
            content = cast(Iterator[bytes], response.streaming_content)
            response.streaming_content = _within(organisation_id, content)
        return response


def _within(organisation_id: int, parts: Iterator[bytes]) -> Iterator[bytes]:
    while True:
        with only(organisation_id):
            part = next(parts, None)
        if part is None:
            return
        yield part
