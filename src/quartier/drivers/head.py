"""What every family has, whatever protocol it speaks: who made it, which models, who says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from quartier.drivers.fields import Table

FORMAT = 1
MEDIA = ("electricity", "heat", "cold", "hot_water", "cold_water", "gas", "pulse", "any")
PUBLIC_SOURCES = 2


class Status(StrEnum):
    """Whether the register map is known from the maker, or only from others."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    """Nothing is billed from it until an installer has compared it with the display."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who says what stands in the file: the maker's ``manual`` with revision and pages, a
    ``standard`` by which devices say themselves what they send, a ``public`` source with its
    revision, or the ``installer``, who fills in the settings. ``key`` names it inside the file."""

    key: str
    kind: str
    title: str
    revision: str
    pages: str


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the family; ``phases`` that it measures (0: it is no electricity meter)."""

    name: str
    phases: int


@dataclass(frozen=True, slots=True)
class Head:
    """The part of ``driver.toml`` that does not depend on the protocol."""

    key: str
    family: str
    manufacturer: str
    medium: str
    protocol: str
    status: Status
    notes: str
    models: tuple[Model, ...]
    sources: tuple[Source, ...]

    def model(self, name: str) -> Model | None:
        """The model of that name, case apart."""
        return next((one for one in self.models if one.name.lower() == name.lower()), None)

    def is_unverified(self, given: Mapping[str, str]) -> bool:
        """Whether nothing may be billed before a comparison with the display: no manual and no
        standard says where the registers are, or an installer said so in the settings ``given``."""
        is_chosen = any(given.values()) and any(one.kind == "installer" for one in self.sources)
        return self.status is not Status.VERIFIED or is_chosen

    def agree(self, keys: tuple[str, ...]) -> bool:
        """Whether these sources are enough for what they say: two, or one that is not public."""
        named = [source for source in self.sources if source.key in keys]
        return len(named) >= PUBLIC_SOURCES or any(source.kind != "public" for source in named)


def read_head(key: str, table: Table, protocols: tuple[str, ...]) -> Head:
    """The head of the file; its faults are in ``table.faults``."""
    table.whole("format", FORMAT, FORMAT)
    head = Head(
        key,
        table.text("family"),
        table.text("manufacturer"),
        table.choice("medium", MEDIA),
        table.choice("protocol", protocols),
        Status(table.choice("status", [one.value for one in Status])),
        table.text("notes", ""),
        tuple(_model(one) for one in table.tables("model", required=True)),
        tuple(_source(name, one) for name, one in table.named_tables("source")),
    )
    names = [model.name.lower() for model in head.models]
    for index, name in enumerate(names):
        if name in names[:index]:
            table.faults.add(("model", index), f"the model {name!r} is there twice.", "Remove one.")
    kinds = [source.kind for source in head.sources]
    if head.status is Status.VERIFIED and not {"manual", "standard"} & set(kinds):
        table.fault(
            "status", "verified needs a manual or a standard as a source.", "Write unverified."
        )
    if "installer" in kinds and not table.has("setting"):
        table.fault("source", "an installer can say nothing without [[setting]].", "Add one.")
    if set(kinds) <= {"public"} and len(kinds) < PUBLIC_SOURCES:
        table.fault(
            "", "needs a manual, or two public sources that are independent.", "Add [source.NAME]."
        )
    return head


def _model(table: Table) -> Model:
    model = Model(table.text("name"), table.whole("phases", 0, 3, 0))
    table.done()
    return model


def _source(key: str, table: Table) -> Source:
    kind = table.choice("kind", ("manual", "standard", "public", "installer"))
    source = Source(
        key,
        kind,
        table.text("title"),
        table.text("revision", "" if kind == "installer" else None),
        table.text("pages", None if kind == "manual" else ""),
    )
    table.done()
    return source
