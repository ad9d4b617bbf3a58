"""One badge in all the notations of readers (rules.md e.4)."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quartier.protocols.rfid.uid import BadUid, Notation, Uid, matching, uid_of

BADGE = Uid("04A1B2C3")
LONG = Uid("1F2D3A4F5506C7")


@pytest.mark.parametrize(
    ("text", "notation"),
    [
        ("04A1B2C3", Notation.HEX),
        ("04:a1:b2:c3", Notation.HEX),
        ("0x04a1b2c3", Notation.HEX),
        ("4A1B2C3", Notation.HEX),
        ("C3B2A104", Notation.HEX_REVERSED),
        ("c3 b2 a1 04", Notation.HEX_REVERSED),
        ("77705923", Notation.DECIMAL),
        ("0077705923", Notation.DECIMAL),
        ("3283263748", Notation.DECIMAL_REVERSED),
    ],
)
def test_a_badge_is_known_in_every_notation(text, notation):
    assert matching(text, [LONG, BADGE]) == [(BADGE, notation)]


def test_cascade_tags_are_no_bytes_of_the_number():
    assert uid_of("88 04 A1 B2 C3 D4 E5 F6").hex == "04A1B2C3D4E5F6"
    assert uid_of("88 01 02 03 88 04 05 06 07 08 09 0A").hex == "0102030405060708090A"
    with pytest.raises(BadUid, match="7 bytes"):
        uid_of("8804A1B2")


def test_a_random_number_is_no_badge():
    assert uid_of("08A1B2C3").is_random
    assert not BADGE.is_random
    assert BADGE.may_repeat
    assert not LONG.may_repeat


def test_two_badges_that_read_alike_are_both_told():
    """The digits of one are the decimal of the other."""
    other = Uid("77705923")
    assert [badge for badge, _ in matching("77705923", [BADGE, other])] == [BADGE, other]


@pytest.mark.parametrize("text", ["", "04A1B2", "04A1B2C", "xyz", "04A1B2C3D4", "0" * 65, "４４"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(BadUid):
        uid_of(text)


UIDS = st.sampled_from([4, 7, 10]).flatmap(
    lambda size: st.binary(min_size=size, max_size=size).map(lambda data: Uid(data.hex().upper()))
)


@given(UIDS, st.sampled_from(Notation))
def test_what_a_reader_gives_is_found(badge, notation):
    text = badge.notations[notation]
    assert badge in [found for found, _ in matching(text, [badge])]


@given(UIDS)
def test_the_normal_form_stays_itself(badge):
    assume(len(badge.hex) != 8 or not badge.hex.startswith("88"))
    assert uid_of(badge.hex) == badge
    assert uid_of(badge.hex.lower()) == badge
    assert Uid(badge.reversed_hex).reversed_hex == badge.hex


@given(st.text(max_size=70))
def test_any_text_is_a_number_or_refused(text):
    try:
        found = matching(text, [BADGE, LONG])
    except BadUid:
        return
    bare = "".join(one for one in text.upper() if one.isalnum())
    for badge, notation in found:
        assert badge.notations[notation].lstrip("0") in bare
