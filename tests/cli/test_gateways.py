"""``quartier gateways``: versions of their program, and who is to run which."""

import argparse
import io
import re
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.apps.audit.models import Event
from quartier.apps.equipment import configuration
from quartier.apps.equipment.models import Gateway, GatewayFinding, GatewayPackage
from quartier.apps.equipment.renewing import BadPackage, add
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli.gateways import _place_of, add_arguments
from quartier.formats.uplink.configuration import decode

pytestmark = [pytest.mark.django_db, pytest.mark.db]
AT = datetime(2026, 11, 23, tzinfo=UTC)
SIGNATURE = bytes(range(64))


def archive(version, more=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(zipfile.ZipInfo("VERSION"), version)
        file.writestr(zipfile.ZipInfo("lib/x"), more)
    return out.getvalue()


def run(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args([str(word) for word in words])
    return args.run(args)


@pytest.fixture
def release(tmp_path):
    def made(version, more=b""):
        path = tmp_path / f"{version}.zip"
        path.write_bytes(archive(version, more))
        (tmp_path / f"{version}.zip.sig").write_bytes(SIGNATURE)
        assert run("add", path) == GOOD
        return path

    return made


@pytest.fixture
def site(db):
    organisation = Organisation.objects.create(ref="north", name="North")
    return Site.objects.create(organisation=organisation, ref="elm", name="Elm Street")


@pytest.fixture
def cellar(site):
    return Gateway.objects.create(site=site, name="linde-cellar", software="0.1.0")


def wanted(gateway):
    gateway.refresh_from_db()
    number, data = configuration.newest(gateway)
    return decode(data).software if number else None


def test_a_gateway_is_told_the_version_and_a_stop_takes_it_back(release, cellar, capsys):
    release("0.2.0")
    release("0.2.0")  # the same file again is no other
    assert run("update", "0.2.0", "--gateway", "linde-cellar") == GOOD
    asked = wanted(cellar)
    assert (asked.version, asked.signature, asked.attempt) == ("0.2.0", SIGNATURE.hex(), 1)
    assert asked.size == len(archive("0.2.0"))
    run("update", "0.2.0", "--site", cellar.site.ref)
    assert wanted(cellar).attempt == 2, "tried again"
    run("list")
    assert f"{cellar.site.ref}: linde-cellar: 0.1.0 -> 0.2.0, never seen" in capsys.readouterr().out
    run("stop", "--all")
    assert wanted(cellar) is None
    assert [
        one.data["version"] for one in Event.objects.filter(action="gateway.package").order_by("id")
    ] == [
        "0.2.0",
        "0.2.0",
        "",
    ]
    run("versions")
    assert re.search(r"0\.2\.0  \d+ bytes  [0-9a-f]{64}", capsys.readouterr().out)


def test_a_gateway_that_gave_a_version_up_is_said(cellar, capsys):
    about = {"severity": "error", "since": AT, "last_at": AT, "sha256": "0" * 64, "text": "x"}
    GatewayFinding.objects.create(
        gateway=cellar, origin="gateway", code="gateway.update_given_up", **about
    )
    assert run("list") == FINDINGS
    assert "gave a version up" in capsys.readouterr().out


def test_a_share_grows_and_is_always_the_same(release, site):
    names = [f"g{n:03}" for n in range(200)]
    Gateway.objects.bulk_create([Gateway(site=site, name=name) for name in names])
    release("0.2.0")
    taken = []
    for share in (1, 10, 50, 100):
        run("update", "0.2.0", "--all", "--share", share)
        taken.append(
            set(
                Gateway.objects.filter(renewal__package__isnull=False).values_list(
                    "name", flat=True
                )
            )
        )
        run("stop", "--all")
    assert taken[0] <= taken[1] <= taken[2] <= taken[3] == set(names)
    assert 5 < len(taken[1]) < 40
    assert {_place_of(one) for one in Gateway.objects.all()} <= set(range(100))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("update", "0.9.0", "--all"), "there is no version 0.9.0"),
        (("update", "0.2.0", "--gateway", "nobody"), "no gateway called nobody"),
        (("update", "0.2.0", "--site", "nowhere"), "no site with a gateway called nowhere"),
        (("update", "0.2.0", "--all", "--share", "0"), "percentage from 1 to 100"),
        (("add", "/nowhere/x.zip"), "cannot be read"),
    ],
)
def test_wrong_use_is_said_in_one_sentence(release, cellar, words, says):
    release("0.2.0")
    with pytest.raises(UserError, match=re.escape(says)):
        run(*words)
    assert wanted(cellar) is None


def test_another_file_of_the_same_version_is_refused(release, tmp_path):
    path = release("0.2.0")
    path.write_bytes(archive("0.2.0", b"other"))
    with pytest.raises(UserError, match=r"another file of version 0\.2\.0"):
        run("add", path)
    (tmp_path / "0.2.0.zip.sig").write_bytes(b"short")
    with pytest.raises(UserError, match="has 5 bytes, not 64"):
        run("add", path)
    assert GatewayPackage.objects.count() == 1


@given(st.binary(max_size=300) | st.text(max_size=30).map(archive))
def test_what_is_no_version_is_refused(data):
    try:
        package = add(data, SIGNATURE, at=AT)
    except BadPackage:
        return
    assert re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}", package.version)
    package.delete()
