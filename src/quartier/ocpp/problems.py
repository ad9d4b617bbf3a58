"""What can be wrong with a message, and how each version of OCPP calls it: one table.

Sources: OCPP-J 1.6 specification, 4.2.3 "CallError", with its spelling of *Occurence*; OCPP 2.0.1
part 4 (JSON over WebSockets), 4.3 "RPC Framework Error Codes", where 2.0.1 kept that spelling [GK];
OCPP 2.1 part 4, the same table with *Occurrence* [GK].
"""

from enum import StrEnum
from types import MappingProxyType

from quartier.ocpp.versions import Version

LONGEST_DESCRIPTION = 255
"""Of the text beside a code, in all versions."""


class Problem(StrEnum):
    """Why a message is refused, in no version's words."""

    UNKNOWN_ACTION = "unknown_action"
    """No version of OCPP has such an action."""
    NOT_SUPPORTED = "not_supported"
    """The action is known, and not served here or not in this direction."""
    SYNTAX = "syntax"
    """The payload is no object, or has a field that is none."""
    OCCURRENCE = "occurrence"
    """A field is missing, or there are too many or too few of it."""
    TYPE = "type"
    """A field is of another type."""
    VALUE = "value"
    """A field has a value that it cannot have."""
    FRAME = "frame"
    """Not even a message: no array, no id, nothing that could be answered by its id."""
    MESSAGE_TYPE = "message_type"
    """A number of message type that is none."""
    SECURITY = "security"
    INTERNAL = "internal"
    """Our fault."""
    GENERIC = "generic"


_SAME = {
    Problem.UNKNOWN_ACTION: "NotImplemented",
    Problem.NOT_SUPPORTED: "NotSupported",
    Problem.TYPE: "TypeConstraintViolation",
    Problem.VALUE: "PropertyConstraintViolation",
    Problem.SECURITY: "SecurityError",
    Problem.INTERNAL: "InternalError",
    Problem.GENERIC: "GenericError",
}
CODES = MappingProxyType(
    {
        Version.V16: {
            **_SAME,
            Problem.SYNTAX: "FormationViolation",
            Problem.OCCURRENCE: "OccurenceConstraintViolation",
            Problem.FRAME: "FormationViolation",
            # 1.6 (4.1.3) has such a message ignored; this is for the log.
            Problem.MESSAGE_TYPE: "NotSupported",
        },
        Version.V201: {
            **_SAME,
            Problem.SYNTAX: "FormatViolation",
            Problem.OCCURRENCE: "OccurenceConstraintViolation",
            Problem.FRAME: "RpcFrameworkError",
            Problem.MESSAGE_TYPE: "MessageTypeNotSupported",
        },
        Version.V21: {
            **_SAME,
            Problem.SYNTAX: "FormatViolation",
            Problem.OCCURRENCE: "OccurrenceConstraintViolation",
            Problem.FRAME: "RpcFrameworkError",
            Problem.MESSAGE_TYPE: "MessageTypeNotSupported",
        },
    }
)
"""The code of each problem in each version."""


class BadPayload(ValueError):
    """The payload of an action is not as its schema has it. ``problem`` and ``str`` say why."""

    def __init__(self, problem: Problem, text: str) -> None:
        super().__init__(text[:LONGEST_DESCRIPTION])
        self.problem = problem
