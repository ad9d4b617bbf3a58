"""The platform's side of a drill that kills it, in processes of its own.

python -m tests.api.gateway.killed_platform build    a site and its gateway: the key
python -m tests.api.gateway.killed_platform look     what is stored, as JSON
"""

import json
import sys
from datetime import UTC, datetime, timedelta

NAME = "elm-cellar"
METERS = 10
T0 = datetime(2026, 3, 28, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def state_wh(meter: int, slot: int) -> int:
    """What a meter shows at the beginning of a slot."""
    return 1000 * meter + slot * (40 + meter) + slot % 3


def build() -> str:
    from quartier.apps.equipment import gateways, pairing
    from quartier.apps.equipment.models import Device, Meter, Register
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site
    from quartier.formats.uplink.pairing import PairingRequest

    now = datetime.now(UTC)
    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm", name="Elm Street")
    for number in range(METERS):
        meter = Meter.objects.create(site=site, ref=f"m{number}", name=f"M{number}")
        Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
        Device.objects.create(meter=meter, serial="s", installed_at=T0 - timedelta(days=1))
    gateway = gateways.add_gateway(site, NAME, at=now, actor="t")
    code = pairing.draw_code(gateway, at=now, actor="t")
    return pairing.pair(PairingRequest(code, "0" * 32, "0.1.0"), at=now)[1].hex()


def look() -> str:
    from quartier.apps.equipment.models import Register
    from quartier.apps.metering import store
    from quartier.apps.metering.models import Reading, Unplaced
    from quartier.core.kernel.period import slot_at

    found = {}
    first = slot_at(T0)
    for register in Register.objects.select_related("meter").order_by("pk"):
        rows = Reading.objects.filter(register_id=register.pk).order_by("read_at")
        states = [int(value) for value in rows.values_list("value", flat=True)]
        read = store.read(register.site_id, [register.pk], first, first + max(len(states) - 1, 0))
        found[register.meter.ref] = {"states": states, "energy_wh": read.energy_wh[0].tolist()}
    return json.dumps({"meters": found, "unplaced": Unplaced.objects.count()})


if __name__ == "__main__":
    from quartier.config.start import django

    django()
    sys.stdout.write({"build": build, "look": look}[sys.argv[1]]())
