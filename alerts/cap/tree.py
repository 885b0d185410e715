"""Reads the CAP alerts out of an XML document, safely: no entity is declared, nothing outside is opened.

Expat calls back for what it meets; a document type, an entity, too much depth or too many elements end the reading at
once, so neither time nor memory grows with what follows. Only elements of CAP's own namespaces are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from alerts.cap.encodings import as_utf8
from alerts.cap.limits import LIMITS, Limits
from alerts.cap.remarks import NotCap, Remark, Remarks
from core.errors import N_

NAMESPACES = {"urn:oasis:names:tc:emergency:cap:1.2": "1.2", "urn:oasis:names:tc:emergency:cap:1.1": "1.1"}
_OLD = ("http://www.incident.com/cap/1.0", "urn:oasis:names:tc:emergency:cap:1.0")
_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
_ATOM = "http://www.w3.org/2005/Atom"
_SOAP = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
_EDXL = "urn:oasis:names:tc:emergency:EDXL:DE:"
_INDEXES = ("feed", "rss", "RDF")
_LONG = {"polygon": "polygon_chars", "derefUri": "embedded_chars"}
_COUNTED = {"area": "areas", "info": "infos", "polygon": "shapes", "circle": "shapes"}
_MOST_STATUS_CHARS = 200
_PARTING = "\n"  # can stand in the name of a namespace only by intent; Expat refuses it there


@dataclass(slots=True)
class Node:
    """An element of a CAP alert: its name, and its text and elements in their order."""

    name: str
    line: int
    parts: list["Node | str"] = field(default_factory=list)

    def children(self) -> Iterator["Node"]:
        return (part for part in self.parts if isinstance(part, Node))

    def text(self) -> str:
        """All text in it and below it; elements within (HTML that should have been escaped) part words."""
        if len(self.parts) == 1 and isinstance(self.parts[0], str):
            return self.parts[0]
        return "".join(part if isinstance(part, str) else f" {part.text()} " for part in self.parts)


@dataclass(slots=True)
class Found:
    """One alert of a document. `signatures` counts the XML signatures directly in it."""

    node: Node
    version: str
    signatures: int = 0


@dataclass(slots=True)
class Document:
    """`envelope_status` is what an EDXL-DE envelope around the alerts says of its distribution, such as “Exercise”."""

    alerts: list[Found]
    remarks: tuple[Remark, ...]
    envelope_status: str = ""


def read(document: bytes, limits: Limits = LIMITS) -> Document:
    """The alerts of a document, at least one, in their order.

    They may stand alone, in entries of an Atom or RSS feed, in SOAP or in an EDXL-DE envelope. Raises NotCap.
    """
    remarks = Remarks()
    text = as_utf8(document, limits, remarks)
    reader = _Reader(limits)
    try:
        reader.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise NotCap(
            N_("The file is not well-formed XML (line %(line)s: %(why)s)."), code="not_xml",
            line=error.lineno, why=expat.ErrorString(error.code),
        ) from None  # fmt: skip
    finally:
        reader.release()
    if not reader.alerts:
        raise _nothing(reader)
    return Document(reader.alerts, remarks.all(), reader.envelope_status.strip())


def _nothing(reader: "_Reader") -> NotCap:
    name = reader.root[1][:40]
    if reader.old:
        return NotCap(N_("CAP 1.0 is not read any more; only 1.1 and 1.2 are."), code="version")
    if name == "alert":
        return NotCap(
            N_("The alert does not stand in the namespace of CAP 1.1 or 1.2 but in “%(name)s”."), code="namespace",
            name=reader.root[0][:80],
        )  # fmt: skip
    if name in _INDEXES:
        return NotCap(N_("This is an index of messages; there is no whole CAP message in it."), code="index")
    return NotCap(N_("There is no CAP message in the file; it begins with <%(name)s>."), code="not_cap", name=name)


class _Reader:
    """The callbacks of one reading."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.alerts: list[Found] = []
        self.root = ("", "")
        self.old = False
        self.envelope_status = ""
        self._path: list[tuple[str, str]] = []  # what is open outside alerts
        self._open: list[Node] = []  # what is open within one
        self._foreign = 0  # how deep within elements of others, inside an alert
        self._elements = 0
        self._space = ""
        self._counts: dict[str, int] = {}
        self._room = self._drawn = 0
        parser = expat.ParserCreate("utf-8", _PARTING)
        parser.buffer_text = True
        parser.buffer_size = 65_536
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        self.parser: Any = parser

    def release(self) -> None:
        """Part parser and callbacks, which hold each other."""
        for name in ("StartDoctypeDecl", "EntityDecl", "StartElement", "EndElement", "CharacterData"):
            setattr(self.parser, f"{name}Handler", None)

    def _doctype(self, *_: Any) -> None:
        raise NotCap(N_("The document declares a document type (DTD); that is refused."), code="doctype")

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        depth = len(self._path) + len(self._open) + self._foreign
        if depth >= self.limits.depth:
            raise NotCap(N_("The document is nested too deeply."), code="too_deep")
        if self._elements > self.limits.elements or len(attributes) > self.limits.attributes:
            raise NotCap(N_("The document has too many parts."), code="too_many")
        space, _, name = full.rpartition(_PARTING)
        if not self._path and not self._open:
            self.root = (space, name)
        if not self._open:
            self._outside(space, name)
        elif self._foreign or space != self._space:
            self._other(space, name)
        else:
            self._inside(name)

    def _outside(self, space: str, name: str) -> None:
        if name != "alert" or space not in NAMESPACES:
            self.old = self.old or (name == "alert" and space in _OLD)
            self._path.append((space, name))
            return
        if not _is_envelope(self._path):
            raise NotCap(
                N_("The alert stands in <%(name)s>, which is no envelope that is known here."), code="envelope",
                name=self._path[0][1][:40],
            )  # fmt: skip
        if len(self.alerts) >= self.limits.alerts:
            raise NotCap(N_("The document has too many parts."), code="too_many")
        node = Node(name, self.parser.CurrentLineNumber)
        self._space, self._counts = space, {}
        self._room = self.limits.text_chars
        self._open.append(node)
        self.alerts.append(Found(node, NAMESPACES[space]))

    def _other(self, space: str, name: str) -> None:
        """An element of another namespace within an alert: passed over with all that is in it."""
        if name == "alert" and space in NAMESPACES:
            raise NotCap(N_("There is an alert inside an alert."), code="nested")
        if name == "Signature" and space == _SIGNATURE and len(self._open) == 1 and not self._foreign:
            self.alerts[-1].signatures += 1
        self._foreign += 1

    def _inside(self, name: str) -> None:
        if name == "alert":
            raise NotCap(N_("There is an alert inside an alert."), code="nested")
        if name in _COUNTED:
            kind = _COUNTED[name]
            self._counts[kind] = self._counts.get(kind, 0) + 1
            if self._counts[kind] > getattr(self.limits, kind):
                raise NotCap(N_("The document has too many parts."), code="too_many")
        node = Node(name, self.parser.CurrentLineNumber)
        self._open[-1].parts.append(node)
        self._open.append(node)
        self._room = getattr(self.limits, _LONG.get(name, "text_chars"))

    def _end(self, _full: str) -> None:
        if self._foreign:
            self._foreign -= 1
        elif self._open:
            self._open.pop()
        else:
            self._path.pop()

    def _characters(self, data: str) -> None:
        if self._open and not self._foreign:
            node = self._open[-1]
            if node.parts and isinstance(node.parts[-1], Node) and data.isspace():
                return
            self._room -= len(data)
            if self._room < 0:
                raise NotCap(N_("The text of <%(name)s> is too long."), code="too_long", name=node.name[:40])
            if node.name == "polygon":
                self._drawn += len(data)
                if self._drawn > self.limits.drawn_chars:
                    raise NotCap(N_("The document has too many parts."), code="too_many")
            node.parts.append(data)
        elif self._in_status():
            self.envelope_status += data[: _MOST_STATUS_CHARS - len(self.envelope_status)]

    def _in_status(self) -> bool:
        return any(name == "distributionStatus" and space.startswith(_EDXL) for space, name in self._path[-3:])


def _is_envelope(path: list[tuple[str, str]]) -> bool:
    """Whether an alert may stand there: alone, in a list of alerts, a feed's entry, SOAP's body, or EDXL-DE."""
    if not path:
        return True
    space, name = path[0]
    names = [each for _, each in path]
    return (
        (name == "alerts" and len(path) == 1)
        or (space == _ATOM and name in ("feed", "entry"))
        or name == "rss"
        or (space in _SOAP and name == "Envelope" and len(names) > 1 and names[1] == "Body")
        or (space.startswith(_EDXL) and name == "EDXLDistribution")
    )
