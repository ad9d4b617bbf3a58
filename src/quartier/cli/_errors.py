"""Exit codes, and the error that a user can mend."""

GOOD = 0
FINDINGS = 1
WRONG_USE = 2
INTERNAL = 3
INTERRUPTED = 130


class UserError(Exception):
    """Wrong use: one sentence that names the place and the remedy. Printed as one line; exit 2."""

    def __init__(self, message: str, *, exit_code: int = WRONG_USE) -> None:
        super().__init__(message)
        self.exit_code = exit_code
