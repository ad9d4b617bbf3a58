"""The ``quartier`` command: one file a subcommand, found in this folder without a central list.

How to add a command
--------------------
Put ``cli/<name>.py`` (or a package ``cli/<name>/``) here; ``_`` in the file's name is ``-`` in
the command's. Names that begin with ``_`` are not commands. The module has:

- a docstring; its first line is the summary in ``quartier --help``, all of it the text of
  ``quartier <name> --help``;
- ``add_arguments(parser)``, which declares the arguments, and
- ``run(args) -> int``, which does the work and returns the exit code;
- ``NEEDS_DJANGO = True`` (optional), if the module imports models: Django is then set up before
  the module is imported, and its imports stand at the top as usual. A command that does without
  Django must leave this out and import nothing from ``quartier.apps``.

A command with commands of its own (``site load``, ``import sdat``) adds subparsers inside
``add_arguments`` and names the function of each with ``set_defaults``; it needs no ``run``::

    def add_arguments(parser):
        actions = parser.add_subparsers(metavar="ACTION", required=True)
        load = actions.add_parser("load", help="read a whole site from a TOML file")
        load.add_argument("file", type=Path)
        load.set_defaults(run=run_load)

``import`` is a Python keyword but a fine file name: modules are imported by their name as text.

Only the module of the command that was asked for is imported; the summaries of the others are
read from their source. So ``quartier allocate`` runs where Django is not installed.

Exit codes and errors
---------------------
``run`` returns ``GOOD`` (0) or ``FINDINGS`` (1: it worked, but there is something to look at).
For wrong use it raises :class:`UserError` with one sentence that names the place and the remedy:
one line on stderr, exit 2. Anything else that escapes is a fault of the program: its traceback
goes to a log below ``QUARTIER_HOME``, one line names the log, exit 3. Ctrl-C exits 130, and a
reader that closes the pipe is no error. :mod:`quartier.cli._progress` has the progress bar and
:mod:`quartier.cli._output` the file that is never half written.
"""

from collections.abc import Sequence

from quartier.cli._errors import FINDINGS, GOOD, INTERNAL, WRONG_USE, UserError

__all__ = ["FINDINGS", "GOOD", "INTERNAL", "WRONG_USE", "UserError", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` (default: the process's own) and return its exit code."""
    from quartier.cli._run import run_command

    return run_command(argv)
