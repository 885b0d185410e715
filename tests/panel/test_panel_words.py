"""Nothing that people read stands outside the message catalogue: not in templates, not in Python, not in scripts."""

import ast
import re
from html.parser import HTMLParser

import pytest
from jinja2 import Environment
from test_panel_catalogue import PACKAGES, ROOT, sentences, vietnamese

VIETNAMESE = re.compile(r"[ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]{2,}")
# Names stay as they are in every language; so do units and formats.
NAMES = {
    "Loa", "Làng", "English", "Tiếng", "Việt", "Vietnamese", "MB", "kB", "GB", "LUFS", "dB", "RSS", "ICS", "HLS", "MP", "Excel", "SIM",
    "CSV", "km", "min", "QR", "vi", "en", "px", "VND", "VOV", "status", "msgType", "loa", "station", "enrol", "server", "code", "https",
}  # fmt: skip
ATTRIBUTE = re.compile(r"[\w-]+=\"[^\"]*\"?")  # of a tag whose name is computed
SHOWN_ATTRIBUTES = ("title", "placeholder", "aria-label", "alt", "aria-description", "data-confirm")
ERRORS = {
    "LoaError", "InvalidInput", "NotFound", "Conflict", "Forbidden", "TooMany", "TooLarge", "Busy", "NoSpace", "EngineFailed", "NotSignedIn",
    "flash",
}  # fmt: skip
TEMPLATES = sorted((ROOT / "web/templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "web/static").glob("*.js"))


class Shown(HTMLParser):
    """Text and attributes of a page that people see or hear."""

    def __init__(self, page):
        super().__init__()
        self.words, self._silent = [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._silent += tag in {"script", "style", "code", "pre"}
        self.words += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value]

    def handle_endtag(self, tag):
        self._silent -= tag in {"script", "style", "code", "pre"}

    def handle_data(self, data):
        if not self._silent:
            self.words.append(data)


def without_jinja(source):
    """The bare HTML of a template: what is translated, computed or a remark becomes a space."""
    kept, within, opening = [], 0, False
    for _, kind, text in Environment(autoescape=True, extensions=["jinja2.ext.i18n"]).lex(source):
        if kind == "data" and not within:
            kept.append(text)
        elif kind == "block_begin":
            opening = True
        elif opening and kind == "name":
            within += {"trans": 1, "endtrans": -1}.get(text, 0)
            opening = False
        elif kind in {"variable_end", "block_end"}:
            kept.append("\x00")  # something stands here
    return "".join(kept).replace("\x00", " ")


def unmarked(source):
    shown = (ATTRIBUTE.sub(" ", words).strip() for words in Shown(without_jinja(source)).words)
    return [words for words in shown if set(WORD.findall(words)) - NAMES]


def raw_messages(source):
    """Sentences given to errors and flashes without the mark that brings them into the catalogue."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if (
                name in ERRORS
                and isinstance(first, ast.JoinedStr | ast.Constant)
                and len(WORD.findall(ast.unparse(first))) > 1
            ):
                yield ast.unparse(first)


def literals(script):
    """String literals of a script, without remarks and patterns."""
    script = re.sub(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", "", script, flags=re.DOTALL)
    return [
        match[0][1:-1] for match in re.finditer(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`", script)
    ]


def spoken(literal):
    """Whether a literal of a script is meant for people: Vietnamese, or a sentence."""
    bare = re.sub(r"\$\{[^}]*\}", " ", literal)
    return bool(VIETNAMESE.search(bare) or re.match(r"^[A-Z][a-z']+( [a-z']+)+[.!?…:]?$", bare.strip()))


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_no_template_says_anything_outside_the_catalogue(file):
    assert unmarked(file.read_text("utf-8")) == []


def test_the_check_of_templates_sees_words_and_attributes():
    page = '<p>Xin chào</p><img alt="A dog"> {% trans %}Hello{% endtrans %} {{ name }} · Loa Làng'
    assert unmarked(page) == ["Xin chào", "A dog"]


def test_no_error_and_no_flash_is_said_outside_the_catalogue():
    found = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            if each := list(raw_messages(file.read_text("utf-8"))):
                found[str(file.relative_to(ROOT))] = each
    assert found == {}


def test_the_check_of_python_sees_an_unmarked_message():
    assert list(raw_messages('flash("That went well")\nraise InvalidInput(N_("Give a name."))')) == ["'That went well'"]


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_scripts_take_their_words_from_the_page(file):
    assert [each for each in literals(file.read_text("utf-8")) if spoken(each)] == []


def test_the_check_of_scripts_sees_a_sentence():
    script = (
        'box.textContent = "Not saved yet."; // "Not this"\nlet a = `Đã lưu ${n}`, b = "use strict", c = "main > .x";'
    )
    assert [each for each in literals(script) if spoken(each)] == ["Not saved yet.", "Đã lưu ${n}"]


def test_source_sentences_are_english():
    """But for what stands in quotation marks or brackets as an example."""
    examples = re.compile(r"“[^”]*”|\[[^\]]*\]")
    assert {
        where: text
        for text, where in sentences().items()
        if VIETNAMESE.search(examples.sub("", text.replace("Loa Làng", "")))
    } == {}


def test_no_sentence_was_left_in_english():
    same = [
        identity for identity, message in vietnamese().items()
        if isinstance(message.string, str) and message.string == identity and set(WORD.findall(identity)) - NAMES
    ]  # fmt: skip
    assert same == []


def test_whole_sentences_are_vietnamese():
    """A sentence of four words and more without a single mark is hardly Vietnamese."""
    bare = [
        message.string for message in vietnamese().values()
        if isinstance(message.string, str) and len(WORD.findall(re.sub(r"%\(\w+\)[sd]", "", message.string))) > 3
        and not VIETNAMESE.search(message.string)
    ]  # fmt: skip
    assert bare == []
