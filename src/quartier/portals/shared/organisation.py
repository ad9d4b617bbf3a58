"""What is asked of the database for a signed-in user stays within the user's organisation."""

from collections.abc import Callable, Iterable, Iterator

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
        is_made_later = isinstance(response, StreamingHttpResponse)
        if is_made_later and not isinstance(response, FileResponse):
            response.streaming_content = _within(organisation_id, response.streaming_content)
        return response


def _within(organisation_id: int, content: Iterable[bytes]) -> Iterator[bytes]:
    parts = iter(content)
    while True:
        with only(organisation_id):
            part = next(parts, None)
        if part is None:
            return
        yield part
