"""The messages of the remote connection: what is written is read, what is hostile is refused."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink import remote
from quartier.formats.uplink.remote import Answer, Command, Kind, State
from quartier.formats.uplink.strict import BadMessage

CELLS = st.text(max_size=remote.MOST_TEXT).filter(str.isprintable)
ROWS = st.lists(
    st.lists(CELLS, min_size=1, max_size=remote.MOST_COLUMNS).map(tuple), max_size=5
).map(tuple)
NUMBERS = st.integers(1, (1 << 63) - 1)
NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=20)
COMMANDS = st.builds(
    Command,
    NUMBERS,
    st.sampled_from(list(Kind)).map(str) | NAMES,
    st.dictionaries(NAMES, st.text(max_size=63).filter(str.isprintable), max_size=5),
)
ANSWERS = st.builds(Answer, NUMBERS, st.sampled_from([State.RUNNING, State.DONE]), ROWS) | (
    st.builds(Answer, NUMBERS, st.just(State.REFUSED), ROWS, CELLS.filter(bool))
)


@given(COMMANDS)
def test_a_command_is_read_as_it_was_written(command):
    assert remote.decode_command(remote.encode_command(command)) == command


@given(ANSWERS)
def test_an_answer_is_read_as_it_was_written(answer):
    assert remote.decode_answer(remote.encode_answer(answer)) == answer


@given(st.binary(max_size=300) | ANSWERS.map(remote.encode_answer), st.data())
def test_bytes_that_are_no_message_are_refused_by_name(data, draw):
    """A message in which a byte is wrong is read as another one, or refused; nothing else."""
    at = draw.draw(st.integers(0, len(data)))
    broken = data[:at] + draw.draw(st.binary(max_size=3)) + data[at + 1 :]
    for decode, kind in ((remote.decode_command, Command), (remote.decode_answer, Answer)):
        try:
            assert isinstance(decode(broken), kind)
        except BadMessage:
            continue


def answered(**changes):
    content = {"version": 1, "id": 7, "state": "done", "rows": [["clock", "12:00"]]} | changes
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (answered(id=0), "id is not a whole number from 1"),
        (answered(id=True), "id is not a whole number from 1"),
        (answered(id=1.0), "1.0 is not a whole number"),
        (answered(state="lost"), "state is none of running, done, refused"),
        (answered(state="refused"), "text belongs to what is refused"),
        (answered(text="why"), "text belongs to what is refused"),
        (answered(rows="many"), "rows is not a list of at most 100"),
        (answered(rows=[["a"]] * 101), "rows is not a list of at most 100"),
        (answered(rows=[["a"], []]), "row 2 is not a list of 1 to 6 texts"),
        (answered(rows=[["a"] * 7]), "row 1 is not a list of 1 to 6 texts"),
        (answered(rows=[["a\nb"]]), "row 1 is not of texts of at most 300 characters"),
        (answered(rows=[["a" * 301]]), "row 1 is not of texts of at most 300 characters"),
        (answered(rows=[[5]]), "row 1 is not of texts of at most 300 characters"),
        (answered(more=1), "it has a field 'more' that is not known"),
        (answered(version=2), "version 2 is not known"),
        (b"[" * 100_000, "it is not JSON"),
        (b" " * (remote.MOST_BYTES + 1), "bytes are more than"),
    ],
)
def test_a_hostile_answer_is_refused_in_a_sentence(data, says):
    with pytest.raises(BadMessage, match=says):
        remote.decode_answer(data)


def test_the_largest_answer_fits():
    row = ("\U0001f600" * remote.MOST_TEXT,) * remote.MOST_COLUMNS
    whole = Answer(1, State.RUNNING, (row,) * remote.MOST_ROWS)
    assert remote.decode_answer(remote.encode_answer(whole)) == whole


@given(st.text(max_size=2 * remote.MOST_TEXT))
def test_any_text_becomes_a_cell(text):
    answer = Answer(1, State.DONE, ((remote.cell(text),),))
    assert remote.decode_answer(remote.encode_answer(answer)) == answer


@given(st.integers(0, 350))
def test_pieces_hold_all_rows_in_their_order(count):
    rows = [(str(number),) for number in range(count)]
    made = list(remote.pieces(rows))
    assert [row for piece in made for row in piece] == rows
    assert made
    assert all(len(piece) <= remote.MOST_ROWS for piece in made)


def test_each_kind_has_its_arguments_and_its_patience():
    assert set(remote.ARGUMENTS) == set(remote.PATIENCE_S) == set(Kind)
