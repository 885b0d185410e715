"""The paragraphs in the XML of a document, read by Expat in one pass: Word's body or OpenDocument's content.

Nothing outside is opened and no entity is known: a document type ends the reading. Depth and elements are bounded, so
time and memory are in the size of the part, which the caller bounds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from core.errors import N_

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main "
_MC = "http://schemas.openxmlformats.org/markup-compatibility/2006 "
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 "
_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "
_MOST_DEPTH = 200
_MOST_ELEMENTS = 1_000_000
_MOST_LINES = 20_000
# Fonts of the time before Unicode, whose letters are other letters: their text would be nonsense.
_OLD_FONTS = (".vn", "vni-", "vni ")
_NO = ("0", "false", "off", "none")


class Broken(Exception):
    """The part can't be read; `sentence` says why and what to do (a key of the message catalogue)."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Line:
    """A paragraph, or a row of a table. `style` is its style's English name, `table` the number of its table or 0."""

    text: str
    style: str = ""
    table: int = 0


_ROLES: dict[str, str] = {}
for _name, _role in (
    ("p", "paragraph"), ("t", "letters"), ("tab", "blank"), ("br", "break"), ("cr", "break"),
    ("noBreakHyphen", "hyphen"), ("tbl", "table"), ("tr", "row"), ("tc", "cell"), ("pStyle", "style"),
    ("del", "left out"), ("moveFrom", "left out"), ("txbxContent", "left out"), ("vanish", "hidden"), ("r", "run"),
    ("rFonts", "font"),
):  # fmt: skip
    _ROLES[_W + _name] = _ROLES[_STRICT + _name] = _role
_ROLES |= {
    _MC + "Fallback": "left out",
    _TEXT + "p": "paragraph", _TEXT + "h": "paragraph", _TEXT + "tab": "blank", _TEXT + "s": "blank",
    _TEXT + "line-break": "break", _TEXT + "tracked-changes": "left out", _TEXT + "note": "left out",
    _OFFICE + "annotation": "left out", _TABLE + "table": "table", _TABLE + "table-row": "row",
    _TABLE + "table-cell": "cell",
}  # fmt: skip


def lines_of(part: bytes, styles: dict[str, str]) -> list[Line]:
    """The lines of `word/document.xml` or `content.xml`. `styles`: English names by id. Raises Broken."""
    reader = _Reader(styles)
    _parse(part, reader.start, reader.end, reader.letters)
    if reader.old_fonts > reader.fonts / 2:
        raise Broken(
            N_("This document is written in an old font (TCVN3 or VNI). Convert it to Unicode first, as with UniKey.")
        )
    return [line for line in reader.lines if line.text]


def style_names(part: bytes) -> dict[str, str]:
    """The English names of a Word document's styles by their ids, which are in the language of whoever made them."""
    names: dict[str, str] = {}
    current = [""]

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local == "style":
            current[0] = _attribute(attributes, "styleId")
        elif local == "name" and current[0]:
            names.setdefault(current[0], _attribute(attributes, "val"))

    _parse(part, start, lambda _name: None, lambda _data: None)
    return names


def _attribute(attributes: dict[str, str], local: str) -> str:
    return next((value for name, value in attributes.items() if name.rpartition(" ")[2] == local), "")


def _parse(
    part: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    letters: Callable[[str], None],
) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = letters
    parser.StartDoctypeDeclHandler = _refused
    parser.EntityDeclHandler = _refused
    try:
        parser.Parse(part, True)
    except expat.ExpatError:
        raise Broken(N_("This file is damaged. Open it in Word and save it again, or paste its text.")) from None


def _refused(*_: object) -> None:
    raise Broken(N_("This file is damaged. Open it in Word and save it again, or paste its text."))


@dataclass
class _Table:
    number: int
    cells: list[str] = field(default_factory=list)


class _Reader:
    """Gathers lines while the parser walks; each handler is told of one thing it met."""

    def __init__(self, styles: dict[str, str]) -> None:
        self.lines: list[Line] = []
        self.fonts = self.old_fonts = 0
        self._styles = styles
        self._depth = self._elements = self._left_out = self._tables_seen = 0
        self._paragraphs: list[list[str]] = []
        self._tables: list[_Table] = []
        self._style, self._hidden, self._open_text = "", False, False
        self._all_text = False  # OpenDocument's text stands directly in the paragraph

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > _MOST_DEPTH or self._elements > _MOST_ELEMENTS or len(self.lines) > _MOST_LINES:
            raise Broken(N_("This document is too long to be taken over. Paste the part that is to be read."))
        role = _ROLES.get(name, "")
        if role == "left out" or self._left_out:
            self._left_out += 1
        elif role == "paragraph":
            self._paragraphs.append([])
            self._all_text = name.startswith(_TEXT)
            level = _attribute(attributes, "outline-level")
            self._style = f"heading {level}" if level else self._odt_style(attributes) if self._all_text else ""
        elif role == "table":
            self._tables_seen += 1
            self._tables.append(_Table(self._tables_seen))
        elif role == "cell" and self._tables:
            self._tables[-1].cells.append("")
        else:
            self._within(role, attributes)

    def _odt_style(self, attributes: dict[str, str]) -> str:
        return "title" if _attribute(attributes, "style-name") == "Title" else ""

    def _within(self, role: str, attributes: dict[str, str]) -> None:
        """What stands within a paragraph."""
        if role == "run":
            self._hidden = False
        elif role == "hidden":
            self._hidden = _attribute(attributes, "val").lower() not in _NO
        elif role == "letters":
            self._open_text = True
        elif role == "style":
            identity = _attribute(attributes, "val")
            self._style = self._styles.get(identity, identity)
        elif role == "font":
            self.fonts += 1
            self.old_fonts += _attribute(attributes, "ascii").lower().startswith(_OLD_FONTS)
        elif role in ("blank", "break", "hyphen") and self._paragraphs:
            self._paragraphs[-1].append({"blank": " ", "break": "\n", "hyphen": "-"}[role])

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._left_out:
            self._left_out -= 1
            return
        role = _ROLES.get(name, "")
        if role == "letters":
            self._open_text = False
        elif role == "paragraph" and self._paragraphs:
            self._finish("".join(self._paragraphs.pop()))
        elif role == "row" and self._tables:
            table = self._tables[-1]
            row = ", ".join(cell for cell in table.cells if cell)
            table.cells = []
            self._put(row, table.number)
        elif role == "table" and self._tables:
            self._tables.pop()

    def _finish(self, text: str) -> None:
        pieces = [" ".join(piece.split()) for piece in text.split("\n")]
        if self._tables and self._tables[-1].cells:
            cells = self._tables[-1].cells
            cells[-1] = " ".join(each for each in (cells[-1], *pieces) if each)
            return
        for piece in pieces:
            self.lines.append(Line(piece, self._style))

    def _put(self, row: str, number: int) -> None:
        """A row: a line of its own, or part of the cell that its table stands in."""
        if len(self._tables) > 1 and self._tables[-2].cells:
            outer = self._tables[-2].cells
            outer[-1] = " ".join(each for each in (outer[-1], row) if each)
        else:
            self.lines.append(Line(row, "", number))

    def letters(self, data: str) -> None:
        if self._paragraphs and not self._left_out and not self._hidden and (self._open_text or self._all_text):
            self._paragraphs[-1].append(data)
