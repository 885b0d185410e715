"""Colours: all by name, each with its dark one, and what is written in them can be read (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from itertools import product
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "web" / "static"
SHEETS = sorted(STATIC.glob("*.css"))
OWN = [each for each in SHEETS if each.name not in {"colours.css", "public.css"}]
LITERAL = re.compile(
    r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|rgba|hsl|hsla|oklch|lab)\(|:\s*(?:white|black|red|green|blue|gr[ae]y)\b"
)
TEXT, SIGN = 4.5, 3.0

# What stands on what without both being said in one rule: text on the page, on cards, in fields, on tinted grounds.
READ = {
    **dict.fromkeys(product(("ink", "soft", "leaf", "leaf-dark", "bad", "good", "wait"), ("paper", "card")), TEXT),
    **dict.fromkeys(product(("ink", "soft"), ("field", "leaf-soft", "plain-soft", "good-soft", "wait-soft", "bad-soft")), TEXT),
    ("leaf-dark", "leaf-soft"): TEXT, ("leaf", "leaf-soft"): TEXT, ("plain", "card"): TEXT,
    ("on-leaf", "leaf-dark"): TEXT, ("on-good", "good-dark"): TEXT, ("on-alarm", "alarm-dark"): TEXT,
    ("on-sun", "sun-strong"): TEXT, ("ink", "line"): TEXT, ("on-bad", "bad"): TEXT,
    # Edges of fields, the mark of the keyboard, bars and drawings: three to one is enough to see them.
    **dict.fromkeys(product(("edge", "focus", "leaf", "wave", "faint"), ("card", "paper")), SIGN),
    ("edge", "field"): SIGN, ("sun", "top"): SIGN, ("leaf", "track"): SIGN, ("bad", "track"): SIGN, ("good", "track"): SIGN,
}  # fmt: skip


def plain(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def values(block):
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{3,8})\s*[;}]", block))


def blocks(sheet):
    """The blocks of names in a sheet: for light, for dark, and (in the panel) for who asks for dark."""
    found = re.findall(r":root[^{]*{([^}]*--paper:[^}]*)}", plain((STATIC / sheet).read_text("utf-8")))
    return [values(block) for block in found]


LIGHT, DARK, ASKED = blocks("colours.css")
PUBLIC_LIGHT, PUBLIC_DARK = blocks("public.css")


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(each * 2 for each in digits) if len(digits) in {3, 4} else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def said_together(sheet):
    """Pairs of names that one rule gives to text and ground."""
    for body in re.findall(r"{([^{}]*)}", plain(sheet.read_text("utf-8"))):
        ground = re.search(
            r"(?<![\w-])background(?:-color)?:\s*var\(--([\w-]+)\)|--bs-btn-bg:\s*var\(--([\w-]+)\)", body
        )
        text = re.search(r"(?<![\w-])color:\s*var\(--([\w-]+)\)|--bs-btn-color:\s*var\(--([\w-]+)\)", body)
        if ground and text:
            yield (text[1] or text[2], ground[1] or ground[2])


def test_the_reckoning_of_contrast_knows_the_examples():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777", "#fff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#0b5d57", "#0b5d57") == 1


def test_dark_by_the_device_and_dark_by_the_switch_are_the_same_and_lack_no_name():
    assert DARK == ASKED
    assert set(LIGHT) == set(DARK)
    assert set(PUBLIC_LIGHT) >= set(PUBLIC_DARK)
    assert len(LIGHT) > 30


@pytest.mark.parametrize("names", [LIGHT, DARK], ids=["light", "dark"])
def test_everything_can_be_read_in_both(names):
    together = {pair: TEXT for sheet in OWN for pair in said_together(sheet) if set(pair) <= set(names)}
    assert len(together) > 15
    poor = {
        pair: round(contrast(names[pair[0]], names[pair[1]]), 2)
        for pair, least in {**together, **READ}.items()
        if contrast(names[pair[0]], names[pair[1]]) < least
    }
    assert poor == {}


@pytest.mark.parametrize("names", [PUBLIC_LIGHT, {**PUBLIC_LIGHT, **PUBLIC_DARK}], ids=["light", "dark"])
def test_the_public_page_can_be_read_in_both(names):
    pairs = dict.fromkeys(product(("ink", "soft", "link", "bad"), ("paper", "card")), TEXT)
    pairs |= {("ink", "bad-soft"): TEXT, ("bad", "bad-soft"): TEXT, ("on-leaf", "leaf"): TEXT}
    pairs |= dict.fromkeys(product(("edge", "focus"), ("paper", "card")), SIGN)
    assert {
        pair: contrast(names[pair[0]], names[pair[1]])
        for pair, least in pairs.items()
        if contrast(names[pair[0]], names[pair[1]]) < least
    } == {}


@pytest.mark.parametrize("sheet", OWN, ids=lambda sheet: sheet.name)
def test_no_rule_has_a_colour_of_its_own(sheet):
    found = []
    for selector, body in re.findall(r"([^{}]*){([^{}]*)}", plain(sheet.read_text("utf-8"))):
        found += [f"{selector.strip()} {each}" for each in LITERAL.findall(f";{body}")]
    assert found == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_name_that_is_used_is_there(sheet):
    scripts = "".join(each.read_text("utf-8") for each in STATIC.glob("*.js"))
    text = sheet.read_text("utf-8")
    known = set(
        re.findall(
            r"--([\w-]+)\s*:",
            text + (STATIC / "colours.css").read_text("utf-8") if sheet.name != "public.css" else text,
        )
    )
    known |= set(re.findall(r"--([\w-]+)", scripts))
    assert set(re.findall(r"var\(--([\w-]+)\s*\)", text)) - known == set()
