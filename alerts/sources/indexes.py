"""Indexes of alerts: Atom, RSS 2.0 and 1.0. Which messages they name, and where each is to be had. Pure.

Read with expat as messages are: no document type, bounded depth, elements and text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin
from xml.parsers import expat

from alerts.cap.encodings import as_utf8
from alerts.cap.limits import LIMITS
from alerts.cap.remarks import NotCap, Remarks
from core.errors import N_

MOST_ENTRIES = 5_000
MOST_LINKS = 3
"""Addresses of one entry that are tried, the likeliest first."""

_MOST_CHARS = 2_000
_DEPTH = 40
_ELEMENTS = 200_000
_PARTING = "\n"
_ENTRIES = frozenset({"entry", "item"})
_ROOTS = frozenset({"feed", "rss", "RDF", "alerts"})
_NAMES = frozenset({"id", "guid", "identifier"})
_MARKS = frozenset({"updated", "pubDate", "date", "modified", "published", "sent"})
_LINKS = frozenset({"link", "guid", "id", "enclosure", "cap", "origLink", "content"})
_XML_BASE = f"http://www.w3.org/XML/1998/namespace{_PARTING}base"
_CAP_TYPES = ("application/cap+xml", "application/common-alerting-protocol+xml", "application/emergency+xml")
_XML_TYPES = ("application/xml", "text/xml")
_OTHER_RELATIONS = frozenset({"self", "edit", "license", "next", "previous", "icon", "hub", "via"})
_NO_MESSAGE = ("image/", "audio/", "video/", "application/pdf", "application/json", "application/zip", "text/css")


@dataclass(frozen=True, slots=True)
class Entry:
    """`name` tells it from others, `mark` changes when it does. `links`: where it may be had, the likeliest first."""

    name: str
    mark: str
    links: tuple[str, ...]


@dataclass(slots=True)
class _Item:
    names: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    links: list[tuple[int, str]] = field(default_factory=list)  # rank, address


def entries(document: bytes, address: str) -> list[Entry]:
    """The entries of an index that was found at `address`, in their order; those without an address are left out.

    Raises NotCap for what is no index, or is too large.
    """
    reader = _Reader(address)
    try:
        reader.parser.Parse(as_utf8(document, LIMITS, Remarks()), True)
    except expat.ExpatError as error:
        raise NotCap(
            N_("The file is not well-formed XML (line %(line)s: %(why)s)."), code="not_xml", line=error.lineno,
            why=expat.ErrorString(error.code),
        ) from None  # fmt: skip
    finally:
        reader.release()
    return list(reader.found())


class _Reader:
    """The callbacks of one reading."""

    def __init__(self, address: str) -> None:
        self._bases = [address]
        self._items: list[_Item] = []
        self._depth = self._elements = 0
        self._within = 0  # the depth of the entry that is open; 0 outside
        self._text: list[str] = []
        self._room = 0
        parser = expat.ParserCreate("utf-8", _PARTING)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        self.parser: Any = parser

    def release(self) -> None:
        for name in ("StartDoctypeDecl", "EntityDecl", "StartElement", "EndElement", "CharacterData"):
            setattr(self.parser, f"{name}Handler", None)

    def found(self) -> Iterator[Entry]:
        for item in self._items:
            links = [link for _, link in sorted(item.links, key=lambda each: each[0])]
            links = list(dict.fromkeys(links))[:MOST_LINKS]
            if links:
                yield Entry(next(iter(item.names), links[0]), " ".join(item.marks), tuple(links))

    def _doctype(self, *_: Any) -> None:
        raise NotCap(N_("The document declares a document type (DTD); that is refused."), code="doctype")

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        if self._depth > _DEPTH or self._elements > _ELEMENTS:
            raise NotCap(N_("The document has too many parts."), code="too_many")
        name = full.rpartition(_PARTING)[2]
        if self._depth == 1 and name not in _ROOTS:
            raise NotCap(
                N_("There is no CAP message in the file; it begins with <%(name)s>."), code="not_cap", name=name[:40]
            )
        self._bases.append(self._joined(attributes[_XML_BASE]) if _XML_BASE in attributes else self._bases[-1])
        if name in _ENTRIES and not self._within:
            if len(self._items) >= MOST_ENTRIES:
                raise NotCap(N_("The document has too many parts."), code="too_many")
            self._within = self._depth
            self._items.append(_Item())
        elif self._within:
            self._link(name, attributes)
        self._text, self._room = [], _MOST_CHARS

    def _link(self, name: str, attributes: dict[str, str]) -> None:
        """An address in an attribute: Atom's link, RSS's enclosure, Atom's content from elsewhere."""
        if name not in _LINKS:
            return
        kind = attributes.get("type", "").partition(";")[0].strip().lower()
        relation = attributes.get("rel", "alternate").lower()
        for attribute in ("href", "url", "src"):
            self._offer(attributes.get(attribute, ""), _rank(name, kind, relation))

    def _end(self, full: str) -> None:
        name, text = full.rpartition(_PARTING)[2], "".join(self._text).strip()
        if self._within and self._depth == self._within + 1 and text:
            item = self._items[-1]
            if name in _NAMES:
                item.names.append(text)
            if name in _MARKS:
                item.marks.append(text)
            if name == "link" or (name in _LINKS and "://" in text[:12]):
                self._offer(text, _rank(name, "", "alternate"))
        if self._depth == self._within:
            self._within = 0
        self._depth -= 1
        self._bases.pop()
        self._text = []

    def _characters(self, data: str) -> None:
        if self._within and self._room > 0:
            self._text.append(data[: self._room])
            self._room -= len(data)

    def _offer(self, address: str, rank: int) -> None:
        joined = self._joined(address.strip()) if address.strip() else ""
        if rank >= 0 and joined.startswith(("http://", "https://")):
            self._items[-1].links.append((rank + _by_look(joined), joined))

    def _joined(self, address: str) -> str:
        try:
            return urljoin(self._bases[-1], address)[:_MOST_CHARS]
        except ValueError:
            return ""


def _rank(name: str, kind: str, relation: str) -> int:
    """How likely there is a CAP message behind it: 0 is sure, less than 0 is out of the question."""
    if kind in _CAP_TYPES or name == "cap":
        return 0
    if relation in _OTHER_RELATIONS or kind.startswith(_NO_MESSAGE):
        return -1
    if kind in _XML_TYPES:
        return 10
    if kind in ("text/html", "application/xhtml+xml"):
        return 60
    return {"enclosure": 20, "link": 30, "origLink": 35, "content": 40, "id": 50, "guid": 50}.get(name, 50)


def _by_look(address: str) -> int:
    """Addresses of HTML pages and of pictures come last, those that name CAP first."""
    path = address.lower().partition("?")[0]
    if path.endswith((".cap", ".cap.xml", "/cap")):
        return -9
    if path.endswith(".xml"):
        return -5
    return 25 if path.endswith((".html", ".htm", ".php", ".aspx", "/")) else 0
