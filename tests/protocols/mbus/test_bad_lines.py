"""Whatever a line does to the answers: the right values, or an error by name; never others."""

from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.mbus.addresses import Secondary
from quartier.protocols.mbus.bus import Bus
from quartier.protocols.mbus.errors import MBusError
from quartier.protocols.mbus.exchange import Timing
from quartier.protocols.wire.link import TcpLink
from tests.protocols.clock import run
from tests.protocols.mbus.captures import CAPTURES
from tests.protocols.mbus.slaves import Converter, Device, closed

WATER = CAPTURES["oms_frame2"].frame
HEAT = CAPTURES["svm_f22_telegram1"].frame
HEAT_2 = closed(HEAT[4:19] + bytes.fromhex("44 06 D2 04 00 00 0F AA"))

DELAYS = st.sampled_from([0.0, 0.0, 0.3, 0.65, 0.75, 1.1, 1.4])
HARMS = st.lists(
    st.tuples(
        st.sampled_from(["as it is", "lost", "cut", "changed", "behind noise", "in two"]),
        DELAYS,
        st.integers(0, 200),
    ),
    max_size=25,
)


def harmed(kind, delay, place, sent):
    """What comes over a line that does ``kind`` to ``sent``."""
    place %= len(sent)
    if kind == "lost":
        return []
    if kind == "cut":
        return [(delay, sent[:place])] if place else []
    if kind == "changed":
        return [(delay, sent[:place] + bytes([sent[place] ^ 0x24]) + sent[place + 1 :])]
    if kind == "behind noise":
        return [(delay, b"\x00\xff\x68\x03" + sent)]
    if kind == "in two":
        return [(delay, sent[:place]), (delay + 0.15, sent[place:])]
    return [(delay, sent)]


@given(HARMS)
def test_the_values_are_right_or_there_are_none(harms):
    left = list(harms)

    def shape(sent):
        return harmed(*left.pop(), sent) if left else [(0, sent)]

    async def read():
        devices = Device(5, [WATER]), Device(6, [HEAT, HEAT_2])
        async with Converter(*devices, shape=shape) as converter:
            bus = Bus(TcpLink("127.0.0.1", converter.port), Timing(tries=2))
            for _ in range(2):
                for work, first in (
                    (bus.read(5), 2850427),
                    (bus.read(6), 28014000),
                    (bus.read_secondary(Secondary("92752244")), 2850427),
                    (bus.read_secondary(Secondary("01006089")), 28014000),
                ):
                    await said(work, first)
            bus.close()

    async def said(work, first):
        try:
            answer = await work
        except MBusError:
            return
        codes = {finding.code for finding in answer.findings}
        got = [telegram.records[0].value for telegram in answer.telegrams]
        if first == 2850427 or codes & {"mbus.repeated", "mbus.incomplete"}:
            assert got == [first]
        else:
            assert got == [first, 1234000]

    run(read())
