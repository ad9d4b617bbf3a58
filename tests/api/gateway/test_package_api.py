"""A gateway fetches the version that it is to run, in parts, and no other."""

from datetime import UTC, datetime

import pytest

from quartier.apps.equipment.renewing import add, assign
from quartier.formats.uplink.configuration import decode
from quartier.formats.uplink.software import PART_BYTES
from tests.api.gateway.test_gateway_api import CONFIGURATION, cellar  # noqa: F401
from tests.cli.test_gateways import SIGNATURE, archive

pytestmark = [pytest.mark.django_db, pytest.mark.db]
AT = datetime(2026, 11, 23, tzinfo=UTC)
PACKAGE = "/api/gateway/package"


def test_a_version_comes_in_parts_and_whole(cellar):  # noqa: F811
    data = archive("0.2.0", bytes(range(256)) * 6000)
    assert len(data) > 2 * PART_BYTES
    assign(add(data, SIGNATURE, at=AT), [cellar.gateway], at=AT, actor="t")
    told = cellar.believe(cellar.ask("GET", f"{CONFIGURATION}?have=0"))
    software = decode(told.content).software
    got = b""
    while len(got) < software.size:
        path = f"{PACKAGE}?sha256={software.sha256}&from={len(got)}"
        got += cellar.believe(cellar.ask("GET", path)).content
    assert got == data
    past = cellar.ask("GET", f"{PACKAGE}?sha256={software.sha256}&from={len(data)}")
    assert cellar.believe(past).content == b""


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 404),
        ("?sha256=x", 404),
        ("?from=-1", 400),
        ("?from=1e3", 400),
        ("?from=99999999999", 400),
    ],
)
def test_what_it_is_not_to_run_it_does_not_get(cellar, query, status):  # noqa: F811
    package = add(archive("0.2.0"), SIGNATURE, at=AT)
    answer = cellar.ask("GET", f"{PACKAGE}{query}")
    assert cellar.believe(answer).status_code == status
    other = cellar.ask("GET", f"{PACKAGE}?sha256={package.sha256}")
    assert cellar.believe(other).status_code == 404, "nobody has given it this version"
    assert cellar.ask("GET", PACKAGE, key=b"k" * 32).status_code == 401
    assert cellar.ask("POST", PACKAGE).status_code == 405
