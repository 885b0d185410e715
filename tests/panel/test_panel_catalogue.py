"""The message catalogue: every sentence has its Vietnamese, with the same places to fill in, and none is left over."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
PACKAGES = ("web", "core", "registry", "audio", "playlists", "scheduler", "alerts")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
PLACES = re.compile(r"%\(\w+\)[a-z]|%%")


@cache
def sentences():
    """Every sentence marked for translation, with where it stands."""
    found = {}
    for package in PACKAGES:
        rows = extract_from_dir(
            str(ROOT / package), [("**.py", "python"), ("templates/**.html", "jinja2")], {"**.html": {"silent": "false"}},
            keywords=KEYWORDS,
        )  # fmt: skip
        for file, line, message, _, _ in rows:
            for each in message if isinstance(message, tuple) else (message,):
                found.setdefault(each, f"{package}/{file}:{line}")
    return found


@cache
def vietnamese():
    with (ROOT / "web/translations/vi.po").open("rb") as file:
        catalogue = read_po(file, locale="vi", abort_invalid=True)
    assert not catalogue.obsolete
    return {message.id: message for message in catalogue if message.id}


def test_there_is_something_to_translate():
    assert len(sentences()) > 400


def test_every_sentence_has_its_vietnamese():
    known = vietnamese()
    missing = {
        where: sentence for sentence, where in sentences().items()
        if sentence not in known or not known[sentence].string or known[sentence].fuzzy
    }  # fmt: skip
    assert missing == {}


def test_every_translation_fills_in_the_same_places():
    different = {
        identity: message.string for identity, message in vietnamese().items()
        if sorted(PLACES.findall(identity)) != sorted(PLACES.findall(message.string))
    }  # fmt: skip
    assert different == {}


def test_no_translation_is_left_over():
    assert [identity for identity in vietnamese() if identity not in sentences()] == []


def test_a_bare_percent_sign_would_break_a_page():
    bare = [s for s in sentences() if "%" in PLACES.sub("", s)]
    assert bare == []


@pytest.mark.parametrize(("text", "fits"), [("%(name)s và %(other)d", True), ("%(name)s", False)])
def test_the_check_of_places_sees_a_difference(text, fits):
    assert (sorted(PLACES.findall("%(other)d, %(name)s")) == sorted(PLACES.findall(text))) is fits
