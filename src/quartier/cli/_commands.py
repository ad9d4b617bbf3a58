"""The commands of this folder, and what is known of each without importing it."""

import ast
import importlib
import pkgutil
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from types import ModuleType

from quartier.cli._errors import UserError

PACKAGE = "quartier.cli"


@dataclass(frozen=True)
class Command:
    """One module of this folder. Its source is read, not run, until ``load``."""

    name: str

    @property
    def module(self) -> str:
        return f"{PACKAGE}.{self.name.replace('-', '_')}"

    @cached_property
    def _tree(self) -> ast.Module:
        spec = find_spec(self.module)
        assert spec is not None
        source = spec.loader.get_source(self.module)  # type: ignore[union-attr]
        return ast.parse(source or "")

    @property
    def summary(self) -> str:
        """The first line of the module's docstring, as a phrase."""
        first = (ast.get_docstring(self._tree) or "").partition("\n")[0]
        return first.rstrip(".").replace("%", "%%")

    @property
    def description(self) -> str:
        """The module's whole docstring."""
        return (ast.get_docstring(self._tree) or "").replace("``", "")

    @property
    def needs_django(self) -> bool:
        """Whether the module says ``NEEDS_DJANGO = True``."""
        return any(
            isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == "NEEDS_DJANGO" for t in node.targets)
            and isinstance(node.value, ast.Constant)
            and node.value.value is True
            for node in self._tree.body
        )

    def load(self) -> ModuleType:
        """Import the module, after setting Django up if it asks for that."""
        if self.needs_django:
            _start_django()
        return importlib.import_module(self.module)


def _start_django() -> None:
    """Django with tables that are up to date; what stands in the way is said in one line."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db.utils import OperationalError

    from quartier.config.env import BadEnvironment
    from quartier.config.start import OldProgram, django

    try:
        django()
    except (BadEnvironment, ImproperlyConfigured, OldProgram) as error:
        raise UserError(str(error)) from error
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"the database cannot be reached: {reason}. Check DATABASE_URL and QUARTIER_HOME"
        ) from error


def commands() -> dict[str, Command]:
    """Every command of this folder by its name, in alphabetical order."""
    package = importlib.import_module(PACKAGE)
    names = sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("_")
    )
    return {name: Command(name) for name in names}
