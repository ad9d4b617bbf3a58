"""Serves the local page to whoever knows the PIN."""

import asyncio
import hmac
import logging
import secrets
from datetime import UTC, datetime

from quartier.core.kernel.findings import warning
from quartier.gateway.local import pages
from quartier.gateway.local.requests import Request, Response, start
from quartier.gateway.local.texts import language_of, text
from quartier.gateway.tools import Tools

MOST_WRONG_PINS = 5
LOCKED_S = 60.0
MOST_SESSIONS = 20

_log = logging.getLogger("quartier.gateway")
_HOME = Response(status=303, headers={"Location": "/"})


class Local:
    """The pages of one gateway."""

    def __init__(self, tools: Tools) -> None:
        self.agent = tools.agent
        self.tools = tools
        self._sessions: list[str] = []
        self._wrong_s: list[float] = []

    async def answer(self, request: Request) -> Response:
        """Any request."""
        if not request.is_for_here:
            return Response(status=421)
        language = language_of(request.headers.get("accept-language", ""))
        if request.path == "/style.css":
            return Response(pages.STYLE, content_type="text/css")
        if request.method == "POST" and not request.is_own_form:
            return Response(status=403)
        if request.path == "/sign-in" and request.method == "POST":
            return self._signed_in(request, language)
        if not self._is_signed_in(request):
            return Response(pages.sign_in(self._title(language), "", language))
        if request.method == "POST":
            return await self._do(request)
        if request.path == "/":
            keeper = self.agent.recorder.timekeeper
            now = keeper.now() if keeper.is_set else datetime.now(UTC)
            findings = self.agent.ledger.current(now)
            return Response(pages.status(self.agent, findings, language))
        if request.path == "/scan" and (job := self.tools.search) is not None:
            over = job.is_over
            return Response(pages.scan(job.bus, job.found, job.problem, language, is_over=over))
        body = (
            f'<p>{text("not_found", language)}</p><p><a href="/">{text("back", language)}</a></p>'
        )
        return Response(pages.page(self._title(language), body, language), 404)

    async def _do(self, request: Request) -> Response:
        poller = self.agent.pollers.get(request.form.get("bus", ""))
        if poller is None:
            return _HOME
        if request.path == "/read" and request.form.get("meter", "") in poller.meters:
            await poller.read_now(request.form["meter"])
        if request.path == "/scan":
            self.tools.begin_search(poller)
            return Response(status=303, headers={"Location": "/scan"})
        return _HOME

    def _signed_in(self, request: Request, language: str) -> Response:
        now_s = asyncio.get_running_loop().time()
        self._wrong_s = [one for one in self._wrong_s if now_s - one < LOCKED_S]
        title = self._title(language)
        if len(self._wrong_s) >= MOST_WRONG_PINS:
            return Response(pages.sign_in(title, text("too_often", language), language), 429)
        typed = request.form.get("pin", "").strip().encode()
        if not hmac.compare_digest(typed, self.agent.pairing.pin.encode()):
            self._wrong_s.append(now_s)
            _log.warning("a wrong PIN was typed on the local page")
            return Response(pages.sign_in(title, text("wrong_pin", language), language), 403)
        session = secrets.token_urlsafe(24)
        self._sessions = [*self._sessions[1 - MOST_SESSIONS :], session]
        cookie = f"session={session}; HttpOnly; SameSite=Strict; Path=/"
        return Response(status=303, headers={"Location": "/", "Set-Cookie": cookie})

    def _is_signed_in(self, request: Request) -> bool:
        given = request.session.encode()
        return any(hmac.compare_digest(given, one.encode()) for one in self._sessions)

    def _title(self, language: str) -> str:
        return f"{text('gateway', language)} {self.agent.pairing.gateway}"


async def serve(tools: Tools, host: str, port: int) -> None:
    """Serve until cancelled. A port that is taken costs only the page: a finding says so."""
    try:
        server = await start(Local(tools).answer, host, port)
    except OSError as problem:
        found = warning(
            "gateway.no_page",
            f"the local page cannot be at {host}:{port} ({problem.strerror}).",
            where="local page",
            remedy="Start the gateway with another --page.",
        )
        tools.agent.ledger.hold("local page", [found], None)
        return
    async with server:
        await server.serve_forever()
