"""TLS is checked: a platform with a certificate that nobody vouches for gets nothing."""

import asyncio
import json
import shutil
import ssl
import subprocess
from datetime import UTC, datetime

import pytest

from quartier.gateway.transport import Unreachable, transport
from tests.gateway.platform import CODE, Platform

AT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
ASKED = json.dumps({"code": CODE}).encode()


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 that it signed itself, with its key."""
    assert shutil.which("openssl"), "openssl makes the certificate of this test"
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", key, "-out", made, "-days", "2", "-subj", "/CN=platform"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


def test_a_certificate_must_be_vouched_for(certificate):
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*certificate)
    platform = Platform(lambda: AT)
    with platform.serve(lambda one: serving.wrap_socket(one, server_side=True)) as url:
        with pytest.raises(Unreachable, match=r"the certificate of 127\.0\.0\.1 is not good"):
            asyncio.run(transport(url)("POST", "/api/gateway/pairings", {}, ASKED))
        trusting = ssl.create_default_context(cafile=certificate[0])
        send = transport(url, context=trusting)
        reply = asyncio.run(send("POST", "/api/gateway/pairings", {}, ASKED))
        assert (reply.status, json.loads(reply.body)["gateway"]) == (200, "linde")
        assert abs((reply.date - datetime.now(UTC)).total_seconds()) < 60
        other = transport(url.replace("127.0.0.1", "localhost"), context=trusting)
        with pytest.raises(Unreachable, match="the certificate of localhost is not good"):
            asyncio.run(other("POST", "/api/gateway/pairings", {}, ASKED))
