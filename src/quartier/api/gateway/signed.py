"""Requests and answers that are signed, and how big what is read may be."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps

from django.http import HttpRequest, HttpResponse, RawPostDataException, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from quartier.apps.access.rows import only
from quartier.apps.equipment.models import Gateway
from quartier.apps.equipment.pairing import key_of, verified
from quartier.formats.uplink.answers import encode_refusal
from quartier.formats.uplink.signature import NotSigned, sign, signature_of


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose signature was good. ``at`` is the platform's clock when it came."""

    request: HttpRequest
    gateway: Gateway
    body: bytes
    at: datetime


Endpoint = Callable[[Asked], HttpResponse]
View = Callable[[HttpRequest], HttpResponse]


def refusal(status: int, text: str) -> HttpResponse:
    """A refusal in one sentence."""
    return HttpResponse(encode_refusal(text[:1000]), "application/json", status)


def body_of(request: HttpRequest, most_bytes: int) -> bytes | HttpResponse:
    """The body, or the refusal of one that is too big, told before it is read, or cut off."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return refusal(400, "the length of the body is not a number")
    if length > most_bytes:
        return refusal(413, f"{length} bytes are more than {most_bytes}")
    try:
        return request.body
    except (UnreadablePostError, RawPostDataException):
        return refusal(400, "the body was cut off")


def signed(method: str, most_bytes: int) -> Callable[[Endpoint], View]:
    """The view that takes signed requests of ``method``, and signs what it answers.

    Whatever is wrong with a signature is answered with 401. The database shows the rows of the
    gateway's organisation alone while the endpoint works.
    """

    def decorate(endpoint: Endpoint) -> View:
        @csrf_exempt
        @require_http_methods([method])
        @wraps(endpoint)
        def view(request: HttpRequest) -> HttpResponse:
            body = body_of(request, most_bytes)
            if isinstance(body, HttpResponse):
                return body
            at = timezone.now()
            what = f"{method} {request.get_full_path()}"
            try:
                asked = signature_of(request.headers)
                gateway = verified(asked, what=what, body=body, at=at)
            except NotSigned as problem:
                return refusal(401, str(problem))
            with only(gateway.site.organisation_id):
                answer = endpoint(Asked(request, gateway, body, at))
            return _signed(answer, gateway, asked.nonce)

        return view

    return decorate


def _signed(answer: HttpResponse, gateway: Gateway, nonce: str) -> HttpResponse:
    made = sign(
        key_of(gateway),
        gateway=gateway.name,
        now=timezone.now(),
        nonce=secrets.token_hex(16),
        what=nonce,
        body=answer.content,
    )
    for name, value in made.headers.items():
        answer.headers[name] = value
    return answer
