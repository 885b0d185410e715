"""What people can set, run or call is documented, one by one."""

import re
from pathlib import Path

import pytest
from flask import Flask

from core.settings import Settings
from loa.__main__ import parser

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def test_every_setting_is_documented():
    text = page("settings.md")
    missing = [name for name in Settings.model_fields if f"`{name}`" not in text]
    assert missing == []


def _commands() -> dict[str, list[str]]:
    """Every command with its options, sub-commands as `station run`."""
    found: dict[str, list[str]] = {}

    def walk(prefix: str, of: object) -> None:
        options = [o for action in of._actions for o in action.option_strings if o.startswith("--") and o != "--help"]
        below = [action for action in of._actions if hasattr(action, "choices") and isinstance(action.choices, dict)]
        if prefix and not below:
            found[prefix] = options
        for action in below:
            for name, child in action.choices.items():
                walk(f"{prefix} {name}".strip(), child)

    walk("", parser())
    return found


def test_every_command_and_option_is_documented():
    text = page("commands.md")
    missing = [f"loa {name}" for name in _commands() if f"loa {name}" not in text]
    missing += [
        f"loa {name} {option}" for name, options in _commands().items() for option in options if option not in text
    ]
    assert missing == []


def test_every_call_of_the_interface_is_documented(app: Flask):
    text = page("api.md")
    missing = []
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("api."):
            continue
        path = rule.rule.removeprefix("/api/v1")
        pattern = re.sub(r"<\w+>", r"[^/`\\s]+", path.replace(".", r"\."))
        missing += [
            f"{method} {path}"
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            if not re.search(rf"{method}`?\s*\|?\s*`?(?:/api/v1)?{pattern}(?![\w/])", text)
        ]
    assert missing == []


@pytest.mark.parametrize("name", ["settings.md", "commands.md", "api.md"])
def test_no_page_names_what_is_gone(name: str, app: Flask):
    text = page(name)
    if name == "settings.md":
        rows = re.findall(r"^\|\s*`(\w+)`", text, re.MULTILINE)
        assert set(rows) <= set(Settings.model_fields)
    elif name == "commands.md":
        headings = re.findall(r"^#+\s+`loa ([a-z]+(?: [a-z]+)?)", text, re.MULTILINE)
        known = {*_commands(), *(each.split()[0] for each in _commands())}
        assert {each for each in headings if each not in known and each.split()[0] not in known} == set()
    else:
        assert "/api/v1" in text
