"""The badges that were held to the readers last, so that an installer can register them."""

from collections.abc import Iterable
from html import escape

from quartier.gateway.local.texts import text
from quartier.gateway.readers.ports import Presented

_HEADS = ("number", "keys", "reader", "held_at")


def table(presented: Iterable[Presented], language: str) -> str:
    """HTML: the newest first, each number in the notation in which it is registered."""
    title = f"<h2>{escape(text('badges', language))}</h2>"
    rows = "".join(_row(one, language) for one in presented)
    if not rows:
        return f"{title}<p>{escape(text('no_badges', language))}</p>"
    heads = "".join(f'<th scope="col">{escape(text(one, language))}</th>' for one in _HEADS)
    return f"{title}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(one: Presented, language: str) -> str:
    uid = one.uid
    note = "part_alone" if uid is None else "random" if uid.is_random else ""
    said = f'<div class="warning">{escape(text(note, language))}</div>' if note else ""
    at = f"{one.at:%Y-%m-%d %H:%M:%SZ}" if one.at else "-"
    return (
        f'<tr><th scope="row">{escape(one.number)}{said}</th><td>{escape(one.keys) or "-"}</td>'
        f"<td>{escape(one.reader)}</td><td>{at}</td></tr>"
    )
