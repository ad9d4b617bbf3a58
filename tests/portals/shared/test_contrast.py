"""All pairs of design tokens pass WCAG 2.1 AA in light and dark (design.md, Language).

Text on its ground needs 4.5 to 1 (success criterion 1.4.3), a shape of a chart 3 to 1 against
what lies beside it (1.4.11).
"""

import re
from pathlib import Path

import pytest

import quartier.portals.shared as shared

CSS = Path(shared.__file__).parent / "static/quartier/css/tokens.css"
MEANINGS = ("solar", "grid", "battery", "heat", "cold", "hot", "ev")
STATES = ("success", "warning", "danger")
GROUNDS = ("ground", "surface", "raised", "hover")
PAIR = re.compile(r"--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)")
TOKENS = {name: (light, dark) for name, light, dark in PAIR.findall(CSS.read_text())}


def luminance(color: str) -> float:
    def linear(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(color[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def text_pairs():
    for ground in GROUNDS:
        yield "ink", ground
        yield "ink-soft", ground
    yield "on-inverse", "inverse"
    for name in (*MEANINGS, *STATES):
        for ground in (*GROUNDS, f"{name}-soft"):
            yield f"{name}-text", ground


def shape_pairs():
    for name in (*(f"{one}-fill" for one in MEANINGS), "line-strong", "danger-fill"):
        for ground in ("surface", "ground"):
            yield name, ground


def test_the_measure_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), list(text_pairs()))
def test_text_can_be_read(text, ground, theme):
    assert contrast(TOKENS[text][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), list(shape_pairs()))
def test_shapes_can_be_seen(shape, ground, theme):
    assert contrast(TOKENS[shape][theme], TOKENS[ground][theme]) >= 3


def test_every_color_is_a_token():
    """No stylesheet but the tokens names a color of its own."""
    for path in CSS.parent.glob("*.css"):
        if path.name == "tokens.css":
            continue
        found = re.findall(r"#[0-9a-fA-F]{3,8}\b", path.read_text())
        assert set(found) <= {"#fff"}, f"{path.name}: {found}"  # paper, when printed
