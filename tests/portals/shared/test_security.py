"""Headers on every response, and nothing in a page that they would block."""

import re
from pathlib import Path

import pytest

import quartier.portals as portals
from quartier.portals.shared.versioned import version_of

ROOT = Path(portals.__file__).parent
TEMPLATES = sorted(ROOT.rglob("*.html"))


@pytest.mark.db
@pytest.mark.parametrize("url", ["/account/login/", "/sites/", "/nowhere/"])
def test_every_response_has_the_policy(db, client, url):
    headers = client.get(url).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_script_or_style(path):
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script or "application/json" in script


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_loads_anything_from_elsewhere(path):
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", path.read_text())


def test_every_icon_is_used_and_there():
    used = set()
    sources = [*TEMPLATES, *ROOT.rglob("*.py")]
    for path in sources:
        used |= set(re.findall(r"{% icon \"([\w-]+)\"", path.read_text()))
    there = {path.stem for path in (ROOT / "shared" / "icons").glob("*.svg")}
    named = {
        name for path in ROOT.rglob("*.py") for name in there if f'"{name}"' in path.read_text()
    }
    assert used <= there
    assert there == used | named


def test_what_is_vendored_names_its_version_and_licence():
    vendor = ROOT / "shared" / "static" / "quartier" / "vendor"
    for path in [*vendor.glob("*.js"), *vendor.glob("*.css")]:
        name, version = re.fullmatch(r"([a-z]+)-(\d+\.\d+\.\d+)\.min\.\w+", path.name).groups()
        assert version
        assert list(vendor.glob("LICENSE-*")), name
        if path.suffix == ".js":
            assert any(name in one.name.lower() for one in vendor.glob("LICENSE-*")), name
    assert (ROOT / "shared" / "static" / "quartier" / "fonts" / "LICENSE-Inter.txt").exists()
    assert (ROOT / "shared" / "icons" / "LICENSE-tabler.txt").exists()


def test_the_address_of_a_static_file_changes_with_its_content():
    one = version_of("quartier/css/base.css")
    assert re.fullmatch(r"[0-9a-f]{10}", one)
    assert one != version_of("quartier/css/parts.css")
    assert version_of("quartier/nothing.css") == ""


def test_the_first_view_stays_small():
    """design.md: 150 kB with fonts and charts cached; here what a page without chart loads."""
    static = ROOT / "shared" / "static" / "quartier"
    files = [*static.glob("css/*.css"), static / "js" / "app.js", *static.glob("vendor/htmx*.js")]
    assert sum(path.stat().st_size for path in files) < 110_000


@pytest.mark.db
@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/account/login/?next=%00", 400),
        ("/account/login/?%00=x", 400),
        ("/sites/%00/", 404),
        ("/static/%00", 404),
        ("/account/login/?next=%2F00", 200),
    ],
)
def test_an_address_with_nul_is_refused(db, client, url, status):
    assert client.get(url).status_code == status


@pytest.mark.db
def test_a_form_with_nul_is_refused_and_a_file_with_it_is_not(db, client):
    from django.core.files.uploadedfile import SimpleUploadedFile

    url = "/account/login/"
    assert client.post(url, {"login": "a\0b"}).status_code == 400
    assert client.post(url, "login=a%00b", "application/x-www-form-urlencoded").status_code == 400
    file = SimpleUploadedFile("x.bin", b"\0")
    assert client.post(url, {"login": "a", "file": file}).status_code == 200
