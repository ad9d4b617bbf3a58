"""SDAT-CH messages made for tests, in every spelling that was seen (rules.md b.1, W16)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

POINT = "CH1012345012300000000000000000001"
TOTAL, COMMUNITY, RESIDUAL = "8716867000030", "2404050010123", "2404050010124"


def z(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Block:
    """One MeteringData. ``values`` are (volume, condition) or plain volumes, None leaves out."""

    starts_at: datetime
    values: Sequence[object]
    point: str = POINT
    direction: str = "Consumption"
    product: str = TOTAL
    spelling: str = "ebIXCode"
    resolution: tuple[str, str] | None = ("15", "MIN")
    unit: str = "KWH"
    ends_at: datetime | None = None

    def xml(self, p: str) -> str:
        end = self.ends_at or self.starts_at + timedelta(minutes=15) * len(self.values)
        res = ""
        if self.resolution:
            length, unit = self.resolution
            res = (
                f"<{p}Resolution><{p}Resolution>{length}</{p}Resolution>"
                f"<{p}Unit>{unit}</{p}Unit></{p}Resolution>"
            )
        code = self.product
        if self.spelling:
            code = f"<{p}{self.spelling}>{code}</{p}{self.spelling}>"
        rows = []
        for sequence, value in enumerate(self.values, 1):
            if value is None:
                continue
            volume, condition = value if isinstance(value, tuple) else (value, None)
            mark = f"<{p}Condition>{condition}</{p}Condition>" if condition else ""
            rows.append(observation(p, sequence, volume, mark))
        return (
            f"<{p}MeteringData><{p}DocumentID>D</{p}DocumentID>"
            f"<{p}Interval><{p}StartDateTime>{z(self.starts_at)}</{p}StartDateTime>"
            f"<{p}EndDateTime>{z(end)}</{p}EndDateTime></{p}Interval>{res}"
            f"<{p}{self.direction}MeteringPoint><{p}VSENationalID>{self.point}</{p}VSENationalID>"
            f"</{p}{self.direction}MeteringPoint>"
            f"<{p}Product><{p}ID>{code}</{p}ID>"
            f"<{p}MeasureUnit>{self.unit}</{p}MeasureUnit></{p}Product>"
            + "".join(rows)
            + f"</{p}MeteringData>"
        )


def observation(p: str, sequence: object, volume: object, mark: str = "") -> str:
    return (
        f"<{p}Observation><{p}Position><{p}Sequence>{sequence}</{p}Sequence></{p}Position>"
        f"<{p}Volume>{volume}</{p}Volume>{mark}</{p}Observation>"
    )


@dataclass(frozen=True)
class Letter:
    """One message."""

    blocks: Sequence[Block]
    created_at: datetime | None = datetime(2026, 2, 1, tzinfo=UTC)
    status: int | None = 9
    reason: str = "E88"
    version: str = "16"
    namespace: str = "http://www.strom.ch"
    prefix: str = "rsm"
    kind: str = "ValidatedMeteredData"
    document_type: str = "E66"

    def but(self, **changes: object) -> "Letter":
        return replace(self, **changes)  # type: ignore[arg-type]

    def xml(self) -> bytes:
        p = f"{self.prefix}:" if self.prefix else ""
        xmlns = f"xmlns:{self.prefix}" if self.prefix else "xmlns"
        created = f"<{p}Creation>{z(self.created_at)}</{p}Creation>" if self.created_at else ""
        status = f"<{p}Status>{self.status}</{p}Status>" if self.status is not None else ""
        spelling = "VSENationalCode" if self.reason.startswith("C") else "ebIXCode"
        root = f"{p}{self.kind}_{self.version}"
        header = f"{p}{self.kind}_HeaderInformation"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><{root} {xmlns}="{self.namespace}"><{header}>'
            f"<{p}InstanceDocument><{p}DocumentID>M</{p}DocumentID>"
            f"<{p}DocumentType><{p}ebIXCode>{self.document_type}</{p}ebIXCode></{p}DocumentType>"
            f"{created}{status}</{p}InstanceDocument><{p}BusinessScopeProcess>"
            f"<{p}BusinessReasonType><{p}{spelling}>{self.reason}</{p}{spelling}>"
            f"</{p}BusinessReasonType></{p}BusinessScopeProcess></{header}>"
            + "".join(block.xml(p) for block in self.blocks)
            + f"</{root}>"
        ).encode()
