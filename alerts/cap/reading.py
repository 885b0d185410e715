"""From bytes to messages: what the schema and section 3 of the standard (OASIS CAP 1.2) ask for.

Refused is what leaves open who speaks, when, whether it is real, for whom, or how bad it is. What is only written
otherwise is read and remarked on.
"""

from collections.abc import Callable
from datetime import timezone
from typing import TypeVar

from alerts.cap import geometry, languages, terms
from alerts.cap.fields import Fields
from alerts.cap.limits import LIMITS, Limits
from alerts.cap.message import Area, Info, Message, Pair, Resource
from alerts.cap.references import references, words
from alerts.cap.remarks import NotCap, Remark, Remarks
from alerts.cap.tree import Document, Found, Node, read
from core.errors import N_

_Shape = TypeVar("_Shape")
_MOST_ADDRESSES = 1_000
_MOST_NAME_CHARS = 1_000


def messages(document: bytes, limits: Limits = LIMITS) -> list[Message | NotCap]:
    """What each alert of a document says, in order, or why that one can't be used.

    Raises NotCap when the document as a whole can't be read or holds no alert. Pure: the same bytes give the same.
    """
    return understood(read(document, limits), limits)


def understood(document: Document, limits: Limits = LIMITS) -> list[Message | NotCap]:
    """The same from a document that was read already."""
    found: list[Message | NotCap] = []
    for alert in document.alerts:
        try:
            found.append(_message(alert, document.envelope_status, document.remarks, limits))
        except NotCap as error:
            found.append(error)
    return found


def _message(found: Found, envelope_status: str, before: tuple[Remark, ...], limits: Limits) -> Message:
    remarks = Remarks()
    for remark in before:
        remarks.add(remark.code, remark.message, **remark.params)
    fields = Fields(found.node, terms.ALERT_ORDER, remarks)
    identifier, sender = (_name(fields, each) for each in ("identifier", "sender"))
    fields.required("sent")
    sent = fields.time("sent", None)
    if sent is None:
        raise AssertionError  # `required` saw it
    scope = _scope(fields)
    if found.version == "1.1" and any(e in ("Avoid", "AllClear") for e in _response_types(found.node)):
        remarks.add("newer_word", N_("The message says it is CAP 1.1 and uses words of 1.2."))
    return Message(
        version=found.version, identifier=identifier, sender=sender, sent=sent[0],
        status=fields.word("status", terms.STATUS), msg_type=fields.word("msgType", terms.MSG_TYPE), scope=scope,
        source=fields.text("source"), restriction=fields.text("restriction"),
        addresses=words(fields.text("addresses"))[:_MOST_ADDRESSES], codes=tuple(fields.every("code")),
        note=fields.text("note"), incidents=words(fields.text("incidents"))[:_MOST_ADDRESSES],
        references=references(text, limits.references, remarks) if (text := fields.text("references")) else (),
        infos=tuple(_info(node, sent[1], remarks, limits) for node in fields.nodes("info")),
        signatures=found.signatures, envelope_status=envelope_status, remarks=remarks.all(),
    )  # fmt: skip


def _response_types(alert: Node) -> list[str]:
    infos = [node for node in alert.children() if node.name == "info"]
    return [node.text().strip() for info in infos for node in info.children() if node.name == "responseType"]


def _name(fields: Fields, name: str) -> str:
    """`identifier` or `sender`. Spaces and commas in them are forbidden, but stand in real messages."""
    text = " ".join(fields.required(name).split())
    if len(text) > _MOST_NAME_CHARS:
        raise NotCap(N_("The text of <%(name)s> is too long."), code="too_long", name=name)
    if any(each in text for each in " ,<&"):
        fields.note("name", N_("<%(field)s> has spaces, commas or other characters that the standard forbids."), name)
    return text


def _scope(fields: Fields) -> str:
    scope = fields.word("scope", terms.SCOPE)
    if scope == "Private" and not fields.text("addresses"):
        fields.note("no_addresses", N_("A private message without <%(field)s>."), "addresses")
    if scope == "Restricted" and not fields.text("restriction"):
        fields.note("no_restriction", N_("A restricted message without <%(field)s>."), "restriction")
    return scope


def _info(node: Node, zone: timezone, remarks: Remarks, limits: Limits) -> Info:
    fields = Fields(node, terms.INFO_ORDER, remarks)
    categories = fields.every_word("category", terms.CATEGORY)
    if not categories:
        fields.required("category")
    times = {name: fields.time(name, zone) for name in ("effective", "onset", "expires")}
    headline, description = fields.text("headline"), fields.text("description")
    given, language = _language(fields, f"{headline} {description}")
    return Info(
        language=language, language_given=given, event=_event(fields, headline or description), categories=categories,
        response_types=fields.every_word("responseType", terms.RESPONSE_TYPE),
        urgency=fields.word("urgency", terms.URGENCY), severity=fields.word("severity", terms.SEVERITY),
        certainty=_certainty(fields), audience=fields.text("audience"), event_codes=_pairs(fields, "eventCode"),
        sender_name=fields.text("senderName"), headline=headline, description=description,
        instruction=fields.text("instruction"), web=fields.text("web"), contact=fields.text("contact"),
        parameters=_pairs(fields, "parameter"),
        resources=tuple(_resource(each, remarks) for each in fields.nodes("resource")),
        areas=tuple(_area(each, remarks, limits) for each in fields.nodes("area")),
        **{name: read[0] if read else None for name, read in times.items()},
    )  # fmt: skip


def _event(fields: Fields, otherwise: str) -> str:
    """Required; where it is there but empty, headline or description must say what happens."""
    nodes = fields.nodes("event")
    if len(nodes) == 1 and otherwise and not nodes[0].text().strip():
        return fields.text("event")
    return fields.required("event")


def _certainty(fields: Fields) -> str:
    if fields.required("certainty") == terms.VERY_LIKELY:
        fields.note("very_likely", N_("“Very Likely” of CAP 1.0 in <%(field)s> is read as “Likely”."), "certainty")
        return "Likely"
    return fields.word("certainty", terms.CERTAINTY)


def _language(fields: Fields, text: str) -> tuple[str | None, str]:
    """What is written, and what it is taken for."""
    given = fields.text("language") or None
    if given is None:
        if languages.looks_vietnamese(text):
            fields.note("no_language", N_("A block without <%(field)s> reads as Vietnamese."), "language")
            return None, languages.VIETNAMESE
        return None, languages.DEFAULT
    if not languages.is_tag(given):
        fields.note("language", N_("<%(field)s> is not a language tag as the standard asks for."), "language")
    if languages.base(given) == "en" and languages.looks_vietnamese(text):
        fields.note("other_language", N_("<%(field)s> says English, but the text reads as Vietnamese."), "language")
        return given, languages.VIETNAMESE
    return given, given


def _pairs(fields: Fields, name: str) -> tuple[Pair, ...]:
    """Pairs of name and value; one that lacks either is noted and left out."""
    found = []
    for node in fields.nodes(name):
        inner = tuple(node.children())
        if tuple(each.name for each in inner) == terms.PAIR_ORDER:  # nearly all are, and there are thousands
            value_name, value = (each.text().strip() for each in inner)
        else:
            pair = Fields(node, terms.PAIR_ORDER, fields.remarks)
            value_name, value = pair.text("valueName"), pair.text("value")
        if value_name and value:
            found.append(Pair(value_name, value))
        else:
            fields.note("pair", N_("A <%(field)s> lacks its name or its value and is passed over."), name)
    return tuple(found)


def _resource(node: Node, remarks: Remarks) -> Resource:
    fields = Fields(node, terms.RESOURCE_ORDER, remarks)
    if not fields.nodes("resourceDesc") or not fields.nodes("mimeType"):
        fields.note("resource", N_("A <%(field)s> lacks its description or its type."), "resource")
    size = fields.number("size", float)
    embedded = sum(len(part) for each in fields.nodes("derefUri") for part in each.parts if isinstance(part, str))
    return Resource(
        fields.text("resourceDesc"), fields.text("mimeType"), int(size) if size is not None and size >= 0 else None,
        fields.text("uri"), fields.text("digest"), embedded,
    )  # fmt: skip


def _area(node: Node, remarks: Remarks, limits: Limits) -> Area:
    fields = Fields(node, terms.AREA_ORDER, remarks)
    if not fields.nodes("areaDesc"):
        fields.required("areaDesc")
    polygons, bad_polygons = _shapes(fields, "polygon", lambda text: geometry.polygon(text, limits.points, remarks))
    circles, bad_circles = _shapes(fields, "circle", lambda text: geometry.circle(text, remarks))
    altitude, ceiling = fields.number("altitude", float), fields.number("ceiling", float)
    if ceiling is not None and altitude is None:
        fields.note("ceiling", N_("A <%(field)s> stands there without an altitude."), "ceiling")
    return Area(
        " ".join(fields.text("areaDesc").split()), polygons, circles, _pairs(fields, "geocode"), altitude, ceiling,
        bad_polygons + bad_circles,
    )  # fmt: skip


def _shapes(fields: Fields, name: str, read_one: Callable[[str], _Shape | None]) -> tuple[tuple[_Shape, ...], int]:
    """All shapes of that name that can be read, and how many can't. An empty element says nothing and isn't counted."""
    shapes = [read_one(text) for text in fields.every(name)]
    good = tuple(shape for shape in shapes if shape is not None)
    return good, len(shapes) - len(good)
