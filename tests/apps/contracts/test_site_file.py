"""Loading and dumping whole sites: all or nothing, twice the same, corrections, what is kept."""

import random
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from quartier.apps.audit.models import Event
from quartier.apps.contracts import protection
from quartier.apps.contracts.mapping import sheet_of
from quartier.apps.contracts.models import Occupancy, PriceSheet
from quartier.apps.contracts.operations import move
from quartier.apps.contracts.site_file import Rejected, dump, load
from quartier.apps.contracts.site_file.dump import tree_of
from quartier.apps.equipment.models import Meter, Register
from quartier.apps.parties.models import Organisation, Party, User
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.rating.sheet import Share

pytestmark = [pytest.mark.django_db, pytest.mark.db]

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.toml"))
ROSENWEG = next(path for path in EXAMPLES if "rosenweg" in path.name).read_text(encoding="utf-8")
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
BY = {"by": "command line", "at": NOW}


def put(text):
    return load(text.encode(), **BY)


@pytest.fixture
def billed():
    """Registers what was billed: billing point ref to the end of it."""
    ends = {}

    def source(ids):
        points = BillingPoint.objects.filter(pk__in=ids, ref__in=ends)
        return {point.pk: ends[point.ref] for point in points}

    protection.register("test", source)
    yield ends
    protection.register("test", lambda _ids: {})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_twice_changes_nothing_and_a_dump_is_the_same_site_under_any_name(path):
    first = load(path.read_bytes(), **BY)
    assert first.created
    assert (first.changed, first.removed, first.kept, first.warnings) == ((), (), (), ())
    events = Event.objects.count()
    again = load(path.read_bytes(), **BY)
    assert again.summary == "0 created, 0 changed"
    text, tree = dump(first.site), tree_of(first.site)
    back = load(text.encode(), **BY)
    assert back.summary == "0 created, 0 changed"
    assert (back.kept, back.warnings) == ((), ())
    assert Event.objects.count() == events, "nothing was done, so nothing is in the trail"
    assert dump(first.site) == text
    assert tree_of(first.site) == tree

    other = text.replace(f'[site]\nref = "{first.site.ref}"', '[site]\nref = "copy"')
    copy = put(other).site
    assert dump(copy) == other
    assert tree_of(copy) != tree
    assert tree_of(copy).meters == tree.meters
    assert tree_of(copy).price_sheets == tree.price_sheets


def test_nothing_is_written_when_there_is_any_fault():
    with pytest.raises(Rejected) as rejected:
        put(ROSENWEG.replace('price = "0.2935"', 'price = "x"'))
    assert len(rejected.value.faults) == 1
    assert not Organisation.objects.exists()
    assert not Event.objects.exists()


def test_devices_and_zones_come_from_the_file_and_return_to_it():
    from quartier.apps.equipment.models import CommunicationDevice, DistributionZone

    text = next(path for path in EXAMPLES if path.stem == "lindenhof").read_text("utf-8")
    inner = """
[[distribution_zone]]
ref = "a-platz"
name = "Platz"
max_current_a = 16
phases = 1
parent = "einstellhalle"
consumption_meter = "z01"
"""
    site = put(text + inner).site
    zone = DistributionZone.objects.get(ref="einstellhalle")
    assert [meter.ref for meter in zone.dlm_meters.all()] == ["netz"]
    assert DistributionZone.objects.get(ref="a-platz").parent == zone
    assert CommunicationDevice.objects.get(ref="router").model == "RUT241"
    zone.dlm_meters.clear()
    assert put(dump(site)).summary == "0 created, 0 changed"
    assert put(text + inner).changed == ("distribution zone 'einstellhalle': dlm_meters",)
    assert put(text).kept == ("distribution zone 'a-platz'",)


def test_a_fault_of_a_rules_parameters_comes_from_the_rule():
    with pytest.raises(Rejected) as rejected:
        put(ROSENWEG.replace('"proportional"', '"proportional"\nparams = { levels = 1 }'))
    (fault,) = rejected.value.faults
    assert fault.path == "community[1].params"


def test_a_vacancy_is_filled_with_the_owner():
    site = put(ROSENWEG).site
    chain = Occupancy.objects.filter(billing_point__ref="2og").order_by("starts_date")
    assert [(row.starts_date, row.party.ref, row.is_vacant, row.status) for row in chain] == [
        (date(2025, 1, 1), "gerber", True, "owner"),
        (date(2025, 5, 1), "fontana", False, "tenant"),
    ]
    assert site.starts_date == date(2025, 1, 1)


def test_a_wrong_move_in_date_is_corrected_in_the_file():
    put(ROSENWEG)
    outcome = put(ROSENWEG.replace("from = 2025-05-01", "from = 2025-05-15"))
    assert outcome.created == ("occupancy of '2og' from 2025-05-15",)
    assert outcome.removed == ("occupancy of '2og' from 2025-05-01",)
    outcome = put(ROSENWEG)
    assert outcome.created == ("occupancy of '2og' from 2025-05-01",)
    chain = Occupancy.objects.filter(billing_point__ref="2og").values_list("starts_date", flat=True)
    assert sorted(chain) == [date(2025, 1, 1), date(2025, 5, 1)], "no rest of the old date"


def test_a_move_registered_since_is_kept_and_named():
    put(ROSENWEG)
    move(
        BillingPoint.objects.get(ref="1og"),
        date(2025, 8, 1),
        Party.objects.get(ref="fontana"),
        **BY,
    )
    outcome = put(ROSENWEG)
    assert outcome.summary == "0 created, 0 changed"
    assert outcome.kept == ("occupancy of '1og' from 2025-08-01 (newer than the file)",)


def test_what_is_missing_in_the_file_is_kept_and_named():
    put(ROSENWEG)
    start = ROSENWEG.index('[[meter]]\nref = "z-2og"')
    end = ROSENWEG.index("[[plant]]")
    outcome = put(ROSENWEG[:start] + ROSENWEG[end:])
    assert outcome.kept == ("meter 'z-2og'",)
    assert Meter.objects.filter(ref="z-2og").exists()


def test_a_change_is_named_with_its_fields():
    put(ROSENWEG)
    text = ROSENWEG.replace("area_m2 = 88", "area_m2 = 89").replace("payment", "payment")
    text = text.replace('number_prefix = "RW"', 'number_prefix = "RX"')
    outcome = put(text)
    assert outcome.changed == ("billing point '1og': area_m2", "the issuer: number_prefix")
    assert Event.objects.filter(action="site.load").count() == 2


def test_the_site_may_begin_earlier():
    put(ROSENWEG)
    outcome = put(ROSENWEG.replace("from = 2025-01-01\ncanton", "from = 2024-10-01\ncanton"))
    assert outcome.changed[-1] == "site 'rosenweg': starts_date"
    assert Site.objects.get().starts_date == date(2024, 10, 1)
    first = Occupancy.objects.filter(billing_point__ref="eg").order_by("starts_date").first()
    assert (first.starts_date, first.is_vacant) == (date(2024, 10, 1), True)


def test_what_was_billed_is_protected(billed):
    put(ROSENWEG)
    billed.update({"2og": date(2025, 7, 1), "1og": date(2025, 7, 1)})
    text = ROSENWEG.replace("from = 2025-05-01", "from = 2025-05-15")
    text = text.replace('price = "0.2935"', 'price = "0.2934"')
    text = text.replace('rule = "proportional"', 'rule = "equal"')
    with pytest.raises(Rejected) as rejected:
        put(text)
    lines = "\n".join(fault.in_file("f") for fault in rejected.value.faults)
    for words in ("billing_point[3].occupancies[1]", "community[1]", "price_sheet[1]"):
        assert words in lines
    assert "until 2025-07-01" in lines
    later = ROSENWEG.replace(
        '{ from = 2025-05-01, party = "fontana" }',
        '{ from = 2025-05-01, party = "fontana" }, { from = 2025-07-01, party = "aebi" }',
    )
    assert put(later).created == ("occupancy of '2og' from 2025-07-01",)


def test_a_billed_price_sheet_may_be_ended_after_what_was_billed(billed):
    put(ROSENWEG)
    billed["eg"] = date(2025, 7, 1)
    ended = ROSENWEG.replace(
        'to = 2026-01-01\nreference = "standard-2025"',
        'to = 2025-07-01\nreference = "standard-2025"',
    )
    assert put(ended).changed == ("price sheet '2025': content, ends_date, sha256",)
    too_early = ended.replace("to = 2025-07-01", "to = 2025-06-01")
    with pytest.raises(Rejected, match="1 faults"):
        put(too_early)


def test_registers_follow_the_mode_of_the_meter():
    put(ROSENWEG)
    found = {
        (row.meter.ref, row.direction): row.obis for row in Register.objects.select_related("meter")
    }
    assert found[("netz", "import")] == "1-1:1.8.0"
    assert found[("netz", "export")] == "1-1:2.8.0"
    assert found[("pv", "export")] == "1-1:2.8.0"
    assert ("pv", "import") not in found
    assert found[("z-eg", "import")] == "1-1:1.8.0"


def test_a_stored_sheet_is_the_sheet_of_the_file():
    put(ROSENWEG)
    sheet = sheet_of(PriceSheet.objects.get())
    solar, grid = sheet.components
    assert isinstance(solar.price, Share)
    assert (solar.price.percent, solar.is_internal) == (80, True)
    assert (str(grid.price), grid.is_internal) == ("0.2935", False)
    assert sheet.reference is not None
    assert str(sheet.reference.prices[0].price_per_kwh) == "0.2935"


def test_a_contact_becomes_a_user_without_password():
    put(ROSENWEG)
    user = User.objects.get(email="chiara.fontana@example.ch")
    assert not user.has_usable_password()
    assert [party.ref for party in user.parties.all()] == ["fontana"]


def test_a_user_of_another_organisation_is_a_fault():
    other = Organisation.objects.create(ref="other", name="Other")
    User.objects.create_user("chiara.fontana@example.ch", other)
    with pytest.raises(Rejected) as rejected:
        put(ROSENWEG)
    (fault,) = rejected.value.faults
    assert "belongs to another organisation" in fault.message
    assert not Site.objects.exists()


def test_two_organisations_may_have_a_site_of_one_name():
    put(ROSENWEG)
    text = ROSENWEG.replace('ref = "sonnenhaus"', 'ref = "other"').replace("example.ch", "two.ch")
    put(text)
    assert Site.objects.count() == 2


def test_mutilated_files_are_rejected_or_loaded_never_a_crash():
    rng = random.Random(20250101)
    lines = ROSENWEG.split("\n")
    outcomes = set()
    for _ in range(40):
        mutated = list(lines)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(mutated))
            action = rng.choice(["drop", "twice", "swap", "cut", "value"])
            if action == "drop":
                del mutated[at]
            elif action == "twice":
                mutated.insert(at, mutated[at])
            elif action == "swap":
                other = rng.randrange(len(mutated))
                mutated[at], mutated[other] = mutated[other], mutated[at]
            elif action == "cut":
                mutated[at] = mutated[at][: rng.randrange(len(mutated[at]) + 1)]
            elif "=" in mutated[at]:
                value = rng.choice(["1", "true", '"x"', "2025-01-01", "[]", "{}", '""', "-1.5"])
                mutated[at] = f"{mutated[at].split('=')[0]}= {value}"
        with suppress(Rejected):
            put("\n".join(mutated))
            outcomes.add("loaded")
            continue
        outcomes.add("rejected")
    assert outcomes == {"loaded", "rejected"}
