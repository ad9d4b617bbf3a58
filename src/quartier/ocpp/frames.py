"""The frames of OCPP-J: calls, answers and errors, as text of a WebSocket.

OCPP-J 1.6, 4.2; OCPP 2.0.1 part 4, 4.2. A frame is an array whose first number says what it is.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from quartier.ocpp.problems import CODES, LONGEST_DESCRIPTION, Problem
from quartier.ocpp.versions import Version

MOST_BYTES = 256 * 1024
"""Larger frames close the connection with 1009; stations send up to 64 KiB (certificates)."""
LONGEST_ID = 36
"""Of a message id, in all versions."""
NO_ID = "-1"
"""Answers a frame that has no id of its own (OCPP 2.0.1 part 4, 4.2.3)."""
_LONGEST_ACTION = 64
_CALL, _RESULT, _ERROR = 2, 3, 4
_RESULT_ERROR, _SEND = 5, 6


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody asks for ``action``."""

    message_id: str
    action: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to the call with ``message_id``."""

    message_id: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Error:
    """The call with ``message_id`` is refused; ``code`` in the words of the version."""

    message_id: str
    code: str
    text: str = ""
    details: dict[str, Any] = field(default_factory=dict)


Frame = Call | Result | Error


class BadFrame(ValueError):
    """The text is no frame. ``message_id`` is :data:`NO_ID` where it had none; ``is_ignored``:
    nobody is answered."""

    def __init__(
        self, problem: Problem, text: str, message_id: str = NO_ID, *, is_ignored: bool = False
    ) -> None:
        super().__init__(text)
        self.problem = problem
        self.message_id = message_id
        self.is_ignored = is_ignored


def decode(text: str | bytes, version: Version) -> Frame:
    """The frame in ``text``; raises :class:`BadFrame`."""
    try:
        content = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise BadFrame(Problem.FRAME, f"the frame is not JSON ({problem})") from None
    if not isinstance(content, list) or not content:
        raise BadFrame(Problem.FRAME, "the frame is no array")
    kind = content[0]
    if type(kind) is not int:
        raise BadFrame(Problem.FRAME, "the frame begins with no number of message type")
    message_id = _message_id(content)
    if kind == _CALL:
        return _call(content, message_id)
    # What answers nothing is answered by nobody: two sides would go on for ever.
    if kind == _RESULT:
        if len(content) != 3:
            raise BadFrame(Problem.FRAME, "the answer has not 3 parts", is_ignored=True)
        return Result(message_id, content[2])
    if kind == _ERROR:
        return _error(content, message_id)
    if version is Version.V21 and kind in (_RESULT_ERROR, _SEND):
        text = "CALLRESULTERROR and SEND are not served yet"
        raise BadFrame(Problem.MESSAGE_TYPE, text, message_id, is_ignored=True)
    # OCPP-J 1.6, 4.1.3: such a message is ignored.
    raise BadFrame(
        Problem.MESSAGE_TYPE,
        f"{kind} is no message type",
        message_id,
        is_ignored=version is Version.V16,
    )


def encode(frame: Frame) -> str:
    """The text of ``frame``."""
    content: list[Any]
    match frame:
        case Call(message_id, action, payload):
            content = [_CALL, message_id, action, payload]
        case Result(message_id, payload):
            content = [_RESULT, message_id, payload]
        case Error(message_id, code, text, details):
            content = [_ERROR, message_id, code, text[:LONGEST_DESCRIPTION], details]
    return msgspec.json.encode(content).decode()


def refusal(version: Version, message_id: str, problem: Problem, text: str) -> Error:
    """The error that tells ``problem`` in the words of ``version``."""
    return Error(message_id, CODES[version][problem], text)


def _message_id(content: list[Any]) -> str:
    found = content[1] if len(content) > 1 else None
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST_ID:
        is_answer = content[0] in (_RESULT, _ERROR)
        text = f"the frame has no message id of 1 to {LONGEST_ID} characters"
        raise BadFrame(Problem.FRAME, text, is_ignored=is_answer)
    return found


def _call(content: list[Any], message_id: str) -> Call:
    if len(content) != 4:
        raise BadFrame(Problem.FRAME, "a call has 4 parts", message_id)
    action = content[2]
    if not isinstance(action, str) or not 0 < len(action) <= _LONGEST_ACTION:
        raise BadFrame(Problem.FRAME, "the call names no action", message_id)
    return Call(message_id, action, content[3])


def _error(content: list[Any], message_id: str) -> Error:
    """Lenient: what a station says is wrong counts more than how it says it."""
    code = content[2] if len(content) > 2 and isinstance(content[2], str) else "GenericError"
    text = content[3] if len(content) > 3 and isinstance(content[3], str) else ""
    details = content[4] if len(content) > 4 and isinstance(content[4], dict) else {}
    return Error(message_id, code[:_LONGEST_ACTION], text[:LONGEST_DESCRIPTION], details)
