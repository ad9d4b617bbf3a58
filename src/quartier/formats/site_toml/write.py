"""A site file as TOML. Comments are not kept: they are no part of what is stored."""

from dataclasses import fields
from typing import Any

from quartier.formats.site_toml.tree import Key, SiteFile, keys_of


def write(tree: SiteFile) -> str:
    """``tree`` as text; the same tree gives the same text. Keys at their default are left out."""
    lines: list[str] = []
    _table(tree, "", lines)
    return "\n".join(lines).strip() + "\n"


def _table(value: Any, prefix: str, lines: list[str]) -> None:
    keys = keys_of(type(value))
    for field, key in keys.items():
        one = getattr(value, field)
        if (key.table is None or key.is_inline) and one != key.default:
            lines.append(f"{key.name} = {_inline_list(one) if key.table else _plain(key, one)}")
    for field, key in keys.items():
        one = getattr(value, field)
        if key.table is None or key.is_inline or one == key.default:
            continue
        name = f"{prefix}{key.name}"
        if not key.is_list:
            lines += ["", f"[{name}]"]
            _table(one, f"{name}.", lines)
            continue
        for item in one:
            lines += ["", f"[[{name}]]"]
            _table(item, f"{name}.", lines)


def _plain(key: Key, value: Any) -> str:
    assert key.kind is not None, "a key has a kind or a table"
    return key.kind.write(value)


def _inline_list(items: Any) -> str:
    if not items:
        return "[]"
    return "[\n" + "".join(f"    {_inline(one)},\n" for one in items) + "]"


def _inline(value: Any) -> str:
    keys = keys_of(type(value))
    parts = []
    for one in fields(value):
        key = keys.get(one.name)
        if key is None:
            continue
        item = getattr(value, one.name)
        if item == key.default:
            continue
        parts.append(f"{key.name} = {_inline(item) if key.table else _plain(key, item)}")
    return "{ " + ", ".join(parts) + " }"
