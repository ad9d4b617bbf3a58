"""The defused, streaming parser of SDAT-CH messages.

It resolves no entity, reads no DTD, opens no connection, and refuses a document type declaration
altogether. Observations are dropped as they are read, so memory stays near the size of the file.
"""

import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from quartier.core.kernel.findings import Finding, warning
from quartier.formats.sdat.blocks import Raw, finished_blocks
from quartier.formats.sdat.message import CANCEL, ORIGINAL, REPLACE, Message, SdatError

NAMESPACE = "http://www.strom.ch"
SIZE_LIMIT = 64 * 1024 * 1024
"""Larger files are refused (rules.md b.1, import policy)."""

_ROOT = re.compile(r"(ValidatedMeteredData|AggregatedMeteredData)(?:_(\d)p?(\d))?")
_TYPES = {"ValidatedMeteredData": "E66", "AggregatedMeteredData": "E31"}
_PROVEN = {"E66": {"1.2", "1.3", "1.4", "1.5", "1.6"}, "E31": set[str]()}
_POINTS = {"ConsumptionMeteringPoint": "import", "ProductionMeteringPoint": "export"}
_FLOWS = {"E17": "import", "E18": "export"}


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


_OBSERVATION, _METERING_DATA = _tag("Observation"), _tag("MeteringData")
_POSITION, _SEQUENCE = _tag("Position"), _tag("Sequence")
_VOLUME, _CONDITION = _tag("Volume"), _tag("Condition")
_IN_OBSERVATION = {_POSITION, _SEQUENCE, _VOLUME, _CONDITION}

STREAMED_SIZE = 8 * 1024 * 1024
"""A smaller file is read at one stroke, which is faster."""
OTHER_ELEMENTS_LIMIT = 1_000_000
_DEFUSED: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}

Observation = tuple[str | None, str | None, str | None]
"""Sequence, volume and condition as they stand in the file."""


def _xpath(path: str) -> etree.XPath:
    return etree.XPath(path, namespaces={"r": NAMESPACE}, smart_strings=False)


_IRREGULAR = _xpath(
    "boolean(r:Observation[count(r:Position/r:Sequence/text()) != 1 or count(r:Volume/text()) != 1"
    " or count(r:Condition) > 1 or (r:Condition and count(r:Condition/text()) != 1)])"
)
_SEQUENCES = _xpath("r:Observation/r:Position/r:Sequence/text()")
_VOLUMES = _xpath("r:Observation/r:Volume/text()")
_CONDITIONS = _xpath("r:Observation/r:Condition/text()")
_CONDITIONED = _xpath("r:Observation[r:Condition]/r:Position/r:Sequence/text()")


def looks_like_sdat(data: bytes) -> bool:
    """Whether the beginning of ``data`` names an SDAT-CH message."""
    head = data[:4096]
    return b"MeteredData" in head and b"strom.ch" in head


def read_message(data: bytes) -> Message:
    """The message in ``data``.

    Raises :class:`SdatError` where nothing of the file may be used: it is too large, not well
    formed, declares a document type, is not of this namespace, has a unit other than KWH, a
    resolution other than 15 minutes, a sequence twice in one block, or no value at all. What
    concerns single values is in the message's findings instead.
    """
    if len(data) > SIZE_LIMIT:
        raise SdatError(f"the file is larger than {SIZE_LIMIT // 2**20} MiB")
    if not data.strip():
        raise SdatError("the file is empty")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise SdatError("the file declares a document type or entities; SDAT-CH has none")
    reader = _Reader()
    try:
        return _message(reader.run(data), reader)
    except SdatError:
        raise
    except etree.XMLSyntaxError as error:
        raise SdatError(f"the file is not well-formed XML: {error.msg}") from None
    except (LookupError, UnicodeError) as error:
        raise SdatError(f"the file's encoding cannot be read: {error}") from None
    except ValueError as error:  # lxml lets names through that are none, e.g. "rsm:"
        raise SdatError(f"the file is not well-formed XML: {error}") from None


@dataclass
class _Reader:
    """Walks the file once and keeps what each MeteringData says."""

    raws: list[Raw] = field(default_factory=list)
    kind: str = ""
    version: str = ""
    root_name: str = ""

    def run(self, data: bytes) -> etree._Element:
        self._open(data)
        if len(data) > STREAMED_SIZE:
            root = self._stream(data)
        else:
            root = etree.fromstring(data, etree.XMLParser(**_DEFUSED))
            for element in root.iterchildren(_METERING_DATA):
                self.raws.append(self._raw(element, observations_of(element)))
        document: Any = root.getroottree().docinfo  # its stub lacks the document type
        if document.doctype:
            raise SdatError("the file declares a document type; SDAT-CH has none")
        return root

    def _stream(self, data: bytes) -> etree._Element:
        """The same for a large file: observations leave the tree as they are read, and what is
        no observation is counted, since it costs memory."""
        events = etree.iterparse(io.BytesIO(data), events=("end",), **_DEFUSED)
        pending: list[Observation] = []
        others = 0
        for _, element in events:
            tag = element.tag
            if tag == _OBSERVATION:
                pending.append(_observation(element))
                element.clear()
                before = element.getprevious()
                if before is not None and before.tag == _OBSERVATION:
                    element.getparent().remove(before)
            elif tag == _METERING_DATA:
                self.raws.append(self._raw(element, pending))
                pending = []
                element.clear()
            elif tag not in _IN_OBSERVATION:
                others += 1
                if others > OTHER_ELEMENTS_LIMIT:
                    raise SdatError("the file has too many elements that are not observations")
        root: etree._Element = events.root
        return root

    def _open(self, data: bytes) -> None:
        """Looks at the root element alone, before anything else is read."""
        parser = etree.XMLPullParser(events=("start",), **_DEFUSED)
        root: etree._Element | None = None
        for start in range(0, len(data), 4096):
            parser.feed(data[start : start + 4096])
            root = next((element for _, element in parser.read_events()), None)  # type: ignore[assignment]
            if root is not None:
                break
        if root is None:
            parser.close()
            raise SdatError("the file is not XML")
        name = etree.QName(root)
        self.root_name = name.localname
        match = _ROOT.fullmatch(name.localname)
        if name.namespace != NAMESPACE:
            there = f"is {name.namespace!r}" if name.namespace else "is missing"
            raise SdatError(
                f"the namespace of <{name.localname}> {there}; SDAT-CH has {NAMESPACE!r}"
            )
        if match is None:
            raise SdatError(
                f"<{name.localname}> is neither ValidatedMeteredData nor AggregatedMeteredData"
            )
        self.kind = _TYPES[match[1]]
        self.version = f"{match[2]}.{match[3]}" if match[2] else ""

    def _raw(self, element: etree._Element, observations: list[Observation]) -> Raw:
        number = len(self.raws) + 1
        document_id = _text(element, "DocumentID")
        where = f"block {number}" + (f" ({document_id})" if document_id else "")
        direction, point = self._direction(element, where)
        product = _first_text(
            element, "Product/ID/ebIXCode", "Product/ID/VSENationalCode", "Product/ID"
        )
        starts_at = _instant(_text(element, "Interval/StartDateTime"), f"{where}: its start")
        ends_at = _instant(_text(element, "Interval/EndDateTime"), f"{where}: its end")
        return Raw(
            where=where,
            document_id=document_id,
            point=point,
            direction=direction,
            product=product,
            unit=_text(element, "Product/MeasureUnit"),
            resolution=_text(element, "Resolution/Resolution"),
            resolution_unit=_text(element, "Resolution/Unit"),
            community_id=_text(element, "Community/CommunityID"),
            starts_at=starts_at,
            ends_at=ends_at,
            observations=observations,
        )

    def _direction(self, element: etree._Element, where: str) -> tuple[str, str]:
        """The direction from the element's name, never from a sign, and the point's id."""
        if self.kind == "E31":
            flow = _first_text(
                element,
                "AggregationCriteria/FlowCharacteristic/ebIXCode",
                "AggregationCriteria/FlowCharacteristic",
            )
            if flow not in _FLOWS:
                raise SdatError(f"{where}: its flow {flow!r} is neither E17 nor E18")
            return _FLOWS[flow], ""
        found = [name for name in _POINTS if element.find(_tag(name)) is not None]
        if len(found) != 1:
            raise SdatError(
                f"{where}: it needs either a ConsumptionMeteringPoint or a "
                f"ProductionMeteringPoint, and has {len(found)} of them"
            )
        point = _first_text(element, f"{found[0]}/VSENationalID", found[0])
        if not point:
            raise SdatError(f"{where}: its metering point has no id")
        return _POINTS[found[0]], point


def _texts(path: etree.XPath, element: etree._Element) -> list[str]:
    found: Any = path(element)
    return [*found]


def observations_of(element: etree._Element) -> list[Observation]:
    """The observations of one MeteringData.

    The texts are collected by libxml2, five times faster than in Python; that is unambiguous
    where every observation has one sequence and one volume, and otherwise not used.
    """
    sequences, volumes = _texts(_SEQUENCES, element), _texts(_VOLUMES, element)
    if _IRREGULAR(element) or len(set(sequences)) != len(sequences):
        return [_observation(child) for child in element.iterchildren(_OBSERVATION)]
    conditions, conditioned = _texts(_CONDITIONS, element), _texts(_CONDITIONED, element)
    by_sequence = dict(zip(conditioned, conditions, strict=True))
    return [
        (sequence, volume, by_sequence.get(sequence))
        for sequence, volume in zip(sequences, volumes, strict=True)
    ]


def _observation(element: etree._Element) -> Observation:
    sequence = volume = condition = None
    for child in element:
        tag = child.tag
        if tag == _VOLUME:
            volume = child.text
        elif tag == _POSITION:
            sequence = child.findtext(_SEQUENCE)
        elif tag == _CONDITION:
            condition = child.text if len(child) == 0 else child[0].text
    return sequence, volume, condition


def _path(path: str) -> str:
    return "/".join(_tag(name) for name in path.split("/"))


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(_path(path)) or "").strip()


def _first_text(element: etree._Element, *paths: str) -> str:
    return next((text for text in (_text(element, path) for path in paths) if text), "")


def _instant(text: str, what: str) -> datetime:
    """An xs:dateTime with an offset, in UTC."""
    if not text:
        raise SdatError(f"{what} is missing")
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise SdatError(f"{what} {text!r} has no time zone; SDAT-CH times are UTC")
        return instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if isinstance(error, SdatError):
            raise
        raise SdatError(f"{what} {text!r} is not a time") from None


def _message(root: etree._Element, reader: _Reader) -> Message:
    findings: list[Finding] = []
    header = next(
        (child for child in root if etree.QName(child).localname.endswith("_HeaderInformation")),
        None,
    )
    if header is None:
        raise SdatError("the file has no header (…_HeaderInformation)")
    document_type = _first_text(
        header, "InstanceDocument/DocumentType/ebIXCode", "InstanceDocument/DocumentType"
    )
    if document_type and document_type != reader.kind:
        raise SdatError(f"<{reader.root_name}> says it is a {document_type}, not {reader.kind}")
    if not reader.raws:
        raise SdatError("the file has no MeteringData: there is nothing to read in it")
    reason = _first_text(
        header,
        "BusinessScopeProcess/BusinessReasonType/ebIXCode",
        "BusinessScopeProcess/BusinessReasonType/VSENationalCode",
        "BusinessScopeProcess/BusinessReasonType",
    )
    if reader.version not in _PROVEN[reader.kind]:
        words = "E31 is" if reader.kind == "E31" else f"version {reader.version or '?'} is"
        findings.append(
            warning("sdat.unproven", f"{words} read as far as it is known, unproven by real files")
        )
    status = _status(header, findings)
    blocks, aggregates, noticed = finished_blocks(
        reader.raws, reason, is_e31=reader.kind == "E31", needs_values=status != CANCEL
    )
    return Message(
        version=reader.version,
        document_type=reader.kind,
        document_id=_text(header, "InstanceDocument/DocumentID"),
        created_at=_creation(header, findings),
        status=status,
        reason=reason,
        sender=_text(header, "Sender/ID/EICID"),
        receiver=_text(header, "Receiver/ID/EICID"),
        receiver_role=_text(header, "Receiver/Role"),
        blocks=blocks,
        aggregates=aggregates,
        findings=(*findings, *noticed),
    )


def _creation(header: etree._Element, findings: list[Finding]) -> datetime | None:
    text = _text(header, "InstanceDocument/Creation")
    if text:
        return _instant(text, "its Creation")
    findings.append(
        warning("sdat.no_creation", "the file has no Creation: it counts as the oldest version")
    )
    return None


def _status(header: etree._Element, findings: list[Finding]) -> int:
    text = _first_text(header, "InstanceDocument/Status/ebIXCode", "InstanceDocument/Status")
    if not text:
        findings.append(warning("sdat.no_status", "the file has no Status: it counts as original"))
        return ORIGINAL
    if text not in {str(CANCEL), str(REPLACE), str(ORIGINAL)}:
        raise SdatError(f"its Status {text!r} is none of 9 (original), 5 (replace), 1 (cancel)")
    return int(text)
