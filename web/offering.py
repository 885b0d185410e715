"""Our own emergencies for other systems: an index (Atom) and single messages of CAP 1.2, at public addresses."""

import hashlib
from typing import Any
from xml.etree import ElementTree as ET

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from alerts.offering import gathering, publishing
from alerts.sources.models import CapPublished
from core.clock import format_instant
from core.errors import NotFound
from core.settings import Settings
from web.access import anyone
from web.app import house

blueprint = Blueprint("offering", __name__, url_prefix="/cap")
_ATOM = "http://www.w3.org/2005/Atom"
_CAP_TYPE = "application/cap+xml"
_FRESH_SECONDS = 15
_EMPTY_SINCE = "1970-01-01T00:00:00.000Z"


@blueprint.get("/feed.atom")
@anyone
def feed() -> AnyResponse:
    """What holds now and is offered to everybody; conditional (`ETag`)."""
    here = house()
    with here.database.read() as session:
        rows = publishing.offered(session, here.clock())
    return _answer(_index(rows, here.settings), "application/atom+xml")


@blueprint.get("/<identity>.xml")
@anyone
def message(identity: str) -> AnyResponse:
    """One message, the same for ever, also when it is over."""
    with house().database.read() as session:
        row = publishing.one(session, identity)
    if row is None:
        raise NotFound
    return _answer(row.content.encode(), _CAP_TYPE)


def _index(rows: list[CapPublished], settings: Settings) -> bytes:
    """The index: it changes exactly when what is offered changes."""
    root = ET.Element("feed", {"xmlns": _ATOM})
    _add(root, "id", _address("offering.feed", settings))
    _add(root, "title", f"Loa Làng: {gathering.sender(settings)}")
    _add(root, "updated", format_instant(max(row.sent for row in rows)) if rows else _EMPTY_SINCE)
    _link(root, "self", "application/atom+xml", _address("offering.feed", settings))
    author = ET.SubElement(root, "author")
    _add(author, "name", gathering.sender(settings))
    for row in rows:
        entry = ET.SubElement(root, "entry")
        _add(entry, "id", f"urn:cap:{row.sender}:{row.identifier}")
        _add(entry, "title", row.title or row.identifier)
        _add(entry, "updated", format_instant(row.sent))
        _link(entry, "alternate", _CAP_TYPE, _address("offering.message", settings, identity=row.id))
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def _address(endpoint: str, settings: Settings, **values: Any) -> str:
    """An address of ours as others call it: under the public address if one is set."""
    if settings.public_url:
        return settings.public_url.rstrip("/") + url_for(endpoint, **values)
    return url_for(endpoint, _external=True, **values)


def _add(parent: ET.Element, name: str, text: str) -> None:
    kept = "".join(each if each.isprintable() else " " for each in text)
    ET.SubElement(parent, name).text = kept


def _link(parent: ET.Element, relation: str, kind: str, address: str) -> None:
    ET.SubElement(parent, "link", {"rel": relation, "type": kind, "href": address})


def _answer(content: bytes, kind: str) -> AnyResponse:
    response = Response(content, content_type=f"{kind}; charset=utf-8")
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    response.cache_control.public = True
    response.cache_control.max_age = _FRESH_SECONDS
    return response.make_conditional(request)
