"""The four endpoints."""

from collections.abc import Iterable, Sequence

from allauth.core.ratelimit import consume
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from quartier.api.gateway.signed import Asked, body_of, refusal, signed
from quartier.apps.equipment.configuration import newest
from quartier.apps.equipment.pairing import NotPaired, pair
from quartier.apps.equipment.renewing import part_of
from quartier.apps.equipment.reports import keep_findings, take_report
from quartier.apps.metering.receive import BufferConflict, receive_batch
from quartier.core.kernel.findings import Finding, error
from quartier.formats.uplink import answers, batch, pairing, reports
from quartier.formats.uplink.answers import Answer, Told
from quartier.formats.uplink.strict import BadMessage

_JSON = "application/json"


@csrf_exempt
@require_http_methods(["POST"])
def pairings(request: HttpRequest) -> HttpResponse:
    """A code for a name and a key."""
    if not consume(request, action="pair_gateway"):
        return refusal(429, "too many codes were tried from here; try again in a minute")
    body = body_of(request, pairing.MOST_BYTES)
    if isinstance(body, HttpResponse):
        return body
    at = timezone.now()
    try:
        gateway, key = pair(pairing.decode_request(body), at=at)
    except BadMessage as problem:
        return refusal(400, f"the request cannot be read: {problem}")
    except NotPaired as problem:
        return refusal(403, str(problem))
    return HttpResponse(pairing.encode_answer(pairing.PairingAnswer(gateway.name, key, at)), _JSON)


@signed("POST", batch.MOST_BYTES)
def batches(asked: Asked) -> HttpResponse:
    """Measurements; the answer says up to which number they are on the disk."""
    try:
        sent = batch.decode(asked.body)
    except batch.BadBatch as problem:
        return _unread(asked, "batch", str(problem))
    if sent.gateway != asked.gateway.name:
        return _unread(asked, "batch", f"it is one of the gateway {sent.gateway}")
    try:
        accepted = receive_batch(asked.gateway, sent, received_at=asked.at)
    except BufferConflict as problem:
        _note(asked, "gateway.buffer_conflict", str(problem))
        return refusal(409, str(problem))
    return _answer(asked, accepted.findings, kept=accepted.kept)


@signed("GET", 0)
def configuration(asked: Asked) -> HttpResponse:
    """What to read, unless the gateway has that already."""
    have = asked.request.GET.get("have", "0")
    if not (have.isascii() and have.isdigit() and len(have) <= 15):
        return refusal(400, "have is the number of a configuration")
    try:
        number, content = newest(asked.gateway, at=asked.at, has=int(have))
    except BadMessage as problem:
        _note(asked, "gateway.bad_configuration", f"What it should read makes no sense: {problem}.")
        return refusal(503, f"the configuration makes no sense: {problem}")
    if not content or number == int(have):
        return HttpResponse(status=304)
    return HttpResponse(content, _JSON)


@signed("GET", 0)
def package(asked: Asked) -> HttpResponse:
    """A part of the version that the gateway is to run."""
    first = asked.request.GET.get("from", "0")
    if not (first.isascii() and first.isdigit() and len(first) <= 9):
        return refusal(400, "from is the number of a byte")
    data = part_of(asked.gateway, asked.request.GET.get("sha256", ""), int(first))
    if data is None:
        return refusal(404, "the gateway is not to run that version")
    return HttpResponse(data, "application/octet-stream")


@signed("POST", reports.MOST_BYTES)
def report(asked: Asked) -> HttpResponse:
    """How the gateway is."""
    try:
        told = reports.decode(asked.body)
    except BadMessage as problem:
        return _unread(asked, "report", str(problem))
    take_report(asked.gateway, told, at=asked.at)
    return _answer(asked, ())


def _answer(asked: Asked, findings: Iterable[Finding], kept: int | None = None) -> HttpResponse:
    told = [Told(one.code, _line(one)) for one in findings]
    try:
        number, _ = newest(asked.gateway, at=asked.at)
    except BadMessage as problem:
        number = asked.gateway.configuration_number
        told.insert(0, Told("gateway.bad_configuration", _printable(str(problem))))
    answer = Answer(timezone.now(), number, _most(told), kept)
    return HttpResponse(answers.encode(answer), _JSON)


def _most(told: Sequence[Told]) -> tuple[Told, ...]:
    return tuple(told[: answers.MOST_FINDINGS])


def _line(one: Finding) -> str:
    place = f"{one.where}: " if one.where else ""
    return _printable(f"{place}{one.message} {one.remedy}".strip())


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[: answers.MOST_TEXT]


def _unread(asked: Asked, what: str, why: str) -> HttpResponse:
    _note(asked, f"gateway.bad_{what}", f"A {what} cannot be read: {why}.")
    return refusal(400, f"the {what} cannot be read: {_printable(why)}"[:1000])


def _note(asked: Asked, code: str, text: str) -> None:
    keep_findings(asked.gateway, [error(code, text)], at=asked.at)
