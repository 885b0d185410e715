"""Our own emergencies as messages of CAP 1.2 (OASIS): elements in the order of the schema, words of its lists. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from alerts.cap.message import Key, Point

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
GEOCODE = "unit"
"""The name of the geocode whose values are codes of our units."""

_CATEGORIES = {
    "flood": "Met", "dam_release": "Infra", "storm": "Met", "fire": "Fire", "epidemic": "Health",
    "missing_child": "Rescue", "security": "Security",
}  # fmt: skip
_EVENTS = {
    "vi": {
        "flood": "Lũ, ngập lụt", "dam_release": "Xả lũ hồ chứa", "storm": "Bão, giông, lốc", "fire": "Cháy",
        "epidemic": "Dịch bệnh", "missing_child": "Trẻ em mất tích", "security": "An ninh trật tự",
        "all_clear": "Hết nguy hiểm", "other": "Thông báo khẩn cấp",
    },
    "en": {
        "flood": "Flood", "dam_release": "Dam release", "storm": "Storm", "fire": "Fire", "epidemic": "Epidemic",
        "missing_child": "Missing child", "security": "Security", "all_clear": "All clear", "other": "Emergency",
    },
}  # fmt: skip
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Words:
    """What is said in one language; a recording without its words has no `description`."""

    language: str
    headline: str
    description: str = ""


@dataclass(frozen=True)
class Area:
    """A place: its name, codes of our units, circles of `radius_km` around points, and outlines (closed rings)."""

    description: str
    codes: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    radius_km: float = 1.0
    outlines: tuple[tuple[Point, ...], ...] = ()


@dataclass(frozen=True)
class Offer:
    """A message to be. `msg_type`: Alert | Update | Cancel; a Cancel says nothing but what it cancels."""

    key: Key
    msg_type: str
    zone: ZoneInfo
    expires: datetime
    drill: bool = False
    about: str = "other"
    severity: str = "unknown"
    sender_name: str = ""
    web: str = ""
    references: tuple[Key, ...] = ()
    words: tuple[Words, ...] = ()
    areas: tuple[Area, ...] = ()


def written(offer: Offer) -> bytes:
    """The message as an XML document in UTF-8."""
    root = ET.Element("alert", {"xmlns": NAMESPACE})
    _add(root, "identifier", offer.key.identifier)
    _add(root, "sender", offer.key.sender)
    _add(root, "sent", moment(offer.key.sent, offer.zone))
    _add(root, "status", "Exercise" if offer.drill else "Actual")
    _add(root, "msgType", offer.msg_type)
    _add(root, "source", "Loa Làng")
    _add(root, "scope", "Public")
    if offer.drill:
        _add(root, "note", "Diễn tập, không có thật. Exercise, not real.")
    if offer.references:
        triples = (f"{each.sender},{each.identifier},{moment(each.sent, offer.zone)}" for each in offer.references)
        _add(root, "references", " ".join(triples))
    for words in offer.words:
        _info(root, offer, words)
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def _info(root: ET.Element, offer: Offer, words: Words) -> None:
    info = ET.SubElement(root, "info")
    over = offer.about == "all_clear"
    events = _EVENTS["vi" if words.language.split("-")[0] == "vi" else "en"]
    _add(info, "language", words.language)
    _add(info, "category", _CATEGORIES.get(offer.about, "Safety"))
    _add(info, "event", events.get(offer.about, events["other"]))
    if over:
        _add(info, "responseType", "AllClear")
    _add(info, "urgency", "Past" if over else "Immediate")
    _add(info, "severity", offer.severity.capitalize())
    _add(info, "certainty", "Observed")
    _add(info, "effective", moment(offer.key.sent, offer.zone))
    _add(info, "expires", moment(offer.expires, offer.zone))
    _add(info, "senderName", offer.sender_name)
    _add(info, "headline", words.headline)
    _add(info, "description", words.description)
    _add(info, "web", offer.web)
    for area in offer.areas:
        _area(info, area)


def _area(info: ET.Element, area: Area) -> None:
    element = ET.SubElement(info, "area")
    _add(element, "areaDesc", area.description)
    for outline in area.outlines:
        _add(element, "polygon", " ".join(map(_pair, outline)))
    for point in area.points:
        _add(element, "circle", f"{_pair(point)} {area.radius_km:g}")
    for code in area.codes:
        geocode = ET.SubElement(element, "geocode")
        _add(geocode, "valueName", GEOCODE)
        _add(geocode, "value", code)


def _pair(point: Point) -> str:
    return f"{point[0]:.5f},{point[1]:.5f}"


def _add(parent: ET.Element, name: str, text: str) -> None:
    """An element with text; none at all for an empty text. What XML can't hold becomes a space."""
    kept = _UNWRITABLE.sub(" ", text).strip()
    if kept:
        ET.SubElement(parent, name).text = kept


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """An instant to the second as CAP writes it: with a numeric offset, and UTC as -00:00 (section 3.2)."""
    local = instant.astimezone(zone)
    offset = local.utcoffset() or timedelta(0)
    text = local.replace(microsecond=0, tzinfo=None).isoformat()
    minutes = round(offset.total_seconds() / 60)
    if not minutes:
        return f"{text}-00:00"
    return f"{text}{'+' if minutes > 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def outline(points: Sequence[Point], margin: float = 0.01) -> tuple[Point, ...]:
    """A ring around all of `points` (at least one), with `margin` degrees (about a kilometre) to spare."""
    import shapely

    shape = shapely.MultiPoint([(longitude, latitude) for latitude, longitude in points]).convex_hull
    ring = shape.buffer(margin, quad_segs=2).exterior.coords
    return tuple((min(max(float(y), -90.0), 90.0), float(x)) for x, y in ring)
