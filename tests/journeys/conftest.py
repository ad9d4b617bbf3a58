"""A real server on a building of its own, and Chromium."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.portals.conftest import PASSWORD
from tests.servers import chromium, tables
from tests.servers.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = (
    "from quartier.config import start; start.django();"
    "from tests.portals.conftest import build_with_jobs; build_with_jobs(households=6)"
)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of `quartier serve` with its worker, on a database with the building."""
    home = tables.copy_to(tmp_path_factory.mktemp("journeys"))
    port = free_port()
    environment = {
        **{key: value for key, value in os.environ.items() if key != "DATABASE_URL"},
        "QUARTIER_HOME": str(home),
        "QUARTIER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PYTHONPATH": str(ROOT),
    }
    subprocess.run([sys.executable, "-c", BUILD], env=environment, cwd=ROOT, check=True)
    log = (home / "serve.log").open("w")
    command = [sys.executable, "-m", "quartier", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/account/login/", process, home / "serve.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def wait_for(url, process, log):
    for _ in range(120):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    raise AssertionError(f"the server did not answer: {log.read_text()}")


@pytest.fixture(scope="module")
def browser(chromium_path):
    """One Chromium a file: its event loop must be gone before tests of the database run."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # the machine is shared
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium_path, args=chromium.ARGUMENTS
        )
        yield launched
        launched.close()


def sign_in(requests, email):
    """Post the form as a browser does, without the second that painting the page costs."""
    form = requests.get("/account/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text())
    assert token, form.text()[:1000]
    answer = requests.post(
        "/account/login/",
        form={"csrfmiddlewaretoken": token[1], "login": email, "password": PASSWORD},
        headers={"Referer": form.url},
    )
    assert "/account/" not in answer.url, answer.text()[:1000]


@pytest.fixture(scope="module")
def visit(server, browser):
    """``visit(role, width, theme)``: a page of a signed-in visitor; signed out for "".

    Each role signs in once, without a page; its pages share the cookie. A page notes what the
    console says in ``page.complaints``.
    """
    states = {}
    contexts = []

    def open_page(role="operator", width=1440, theme="light", language="en"):
        if role and role not in states:
            context = browser.new_context(base_url=server, locale="en")
            sign_in(context.request, f"{role}@example.ch")
            states[role] = context.storage_state()
            context.close()
        context = browser.new_context(
            base_url=server,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            locale=language,
            storage_state=states.get(role),
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: (
                page.complaints.append(f"{page.url}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
