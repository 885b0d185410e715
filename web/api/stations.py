"""The station protocol, version 1. The server never calls a station; stations ask, report and wait."""

import gzip
import re
from dataclasses import replace
from typing import Any, cast

from flask import Blueprint, Response, abort, redirect, request, send_file
from pydantic import ValidationError

from core.clock import format_instant
from core.errors import N_, InvalidInput
from core.wire import (
    MAX_REPORTS_A_CALL,
    MAX_WAIT_SECONDS,
    MEDIA_TYPES,
    Enrolled,
    Enrolment,
    Heartbeat,
    NowDocument,
    PlanDocument,
    RenewedToken,
    Report,
    SettingsDocument,
)
from registry import devices, secrets, stations
from scheduler import hearing, keys, reports
from web.access import Caller, anyone, for_stations, is_pending, open_to, shown_token, station_id
from web.api.reading import answer, body, body_json
from web.app import house
from web.signed_urls import address_of

_WAIT = re.compile(r"\bwait\s*=\s*(\d{1,4})")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WORTH_PACKING = 500
_YEAR = 31_536_000


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/enrol", enrol),
        ("POST", "/token", renew_token),
        ("GET", "/plan", plan),
        ("GET", "/now", now),
        ("GET", "/media/<name>", media),
        ("POST", "/reports", report),
        ("POST", "/heartbeat", heartbeat),
        ("GET", "/time", time),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@anyone
def enrol() -> Response:
    """Use an enrolment code; answers the station's token and the keys that sign airings."""
    here, now = house(), house().clock()
    wanted = body(Enrolment)
    address = request.remote_addr or "?"
    with here.database.write() as session:
        stations.check_tries(session, address, now)
        taken = stations.enrol(session, wanted.code, wanted.device, now, address)
        if taken is None:
            stations.count_try(session, address, now)
        else:
            place = stations.place(session, taken[0].id)
    if taken is None:
        raise stations.wrong_code()
    station, token = taken
    return answer(
        Enrolled(
            station=station.id, token=token, name=station.name, unit_path=place.unit_path,
            server_keys=keys.public_keys(here.settings), confirmed=station.pending_hash is None,
        ),
        201,
    )  # fmt: skip


@for_stations
def renew_token() -> Response:
    """Another token for the station; the one it asks with holds until the new one was used once."""
    here = house()
    with here.database.write() as session:
        token = devices.renew(session, station_id(), shown_token())
    return answer(RenewedToken(token=token))


@for_stations
def plan() -> Response:
    """The station's signed airings of the days ahead and the settings it enforces itself."""
    here = house()
    here.room.catch_up()
    with here.database.read() as session:
        place = replace(stations.place(session, station_id()), pending=is_pending())
    tag = here.room.board.book.etag(place, here.settings.zone)
    if request.if_none_match.contains_weak(tag):
        return _tagged(Response(status=304), tag)
    return _tagged(_packed(plan_of(place).model_dump_json().encode()), tag)


def plan_of(place: stations.Place) -> PlanDocument:
    """The plan for a station at this place, with its settings signed."""
    here = house()
    document = here.room.board.book.document(place, here.settings.zone, here.clock())
    own = SettingsDocument(station=document.station, issued_at=document.issued_at, settings=document.settings)
    return document.model_copy(update={"signed_settings": here.signer.settle(own)})


@for_stations
def now() -> Response:
    """What must happen now; held open with `Prefer: wait=55` until it differs from `If-None-Match`."""
    here = house()
    wanted = _WAIT.search(request.headers.get("Prefer", ""))
    seconds = min(int(wanted.group(1)), MAX_WAIT_SECONDS) if wanted else 0
    held = next(iter(request.if_none_match.as_set(include_weak=True)), None)
    if is_pending():
        found = here.room.until(station_id(), lambda: _for_nobody(held), seconds)
        if found is not None and not found[0]:  # it is confirmed
            found = here.room.wait(station_id(), None, 0, secrets.digest(shown_token()))
    else:
        found = here.room.wait(station_id(), held, seconds, secrets.digest(shown_token()))
    if found is None:
        return _tagged(Response(status=304), held or "")
    tag, content = found
    return _tagged(Response(content, mimetype="application/json"), tag)


def _for_nobody(held: str | None) -> tuple[str, bytes] | None:
    """What a device sees that waits to be confirmed, unless it holds that already; an empty tag once it is confirmed.

    Raises NotSignedIn when it was sent away.
    """
    here = house()
    with here.database.read() as session:
        if devices.known(session, shown_token()).kind != "pending":
            return "", b""
        place = replace(stations.place(session, station_id()), pending=True)
    document = NowDocument(seq=here.room.board.seq, plan=here.room.board.book.etag(place, here.settings.zone))
    tag = secrets.digest(f"pending {document.plan}")[:32]
    return None if tag == held else (tag, document.model_dump_json().encode())


@open_to(Caller.STATION, Caller.SCRIPT)
def media(name: str) -> Response:
    """Audio by its SHA-256, with `Range`; the name is the content, so it never changes."""
    sha256, _, codec = name.rpartition(".")
    if codec not in MEDIA_TYPES or not _SHA256.fullmatch(sha256):
        abort(404)
    path = house().store.path(sha256, codec)  # type: ignore[arg-type]
    if not path.is_file():
        abort(404)
    settings = house().settings
    if settings.media_url:
        away = redirect(address_of(settings, f"{sha256[:2]}/{sha256}.{codec}", house().clock()))
        away.headers["Cache-Control"] = "no-store"
        return cast(Response, away)
    if settings.media_accel_path:  # the proxy in front sends the file itself
        told = Response(mimetype=MEDIA_TYPES[codec])
        told.headers["X-Accel-Redirect"] = f"{settings.media_accel_path}{sha256[:2]}/{sha256}.{codec}"
        told.headers["Cache-Control"] = f"private, max-age={_YEAR}, immutable"
        return told
    response = send_file(path, mimetype=MEDIA_TYPES[codec], conditional=True, etag=sha256, max_age=_YEAR)
    response.headers["Cache-Control"] = f"private, max-age={_YEAR}, immutable"
    return response


@for_stations
def report() -> Response:
    """Play reports, at most 500. Each stands for itself: `accepted` are kept, `refused` never will be."""
    here = house()
    data = body_json()
    rows: Any = data.get("reports") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise InvalidInput(N_("Send {“reports”: […]}."), fields={"reports": "missing"})
    if len(rows) > MAX_REPORTS_A_CALL:
        raise InvalidInput(
            N_("At most %(limit)s reports fit into one call."), fields={"reports": "count"}, limit=MAX_REPORTS_A_CALL
        )
    readable, refused = [], []
    for row in rows:
        try:
            readable.append(Report.model_validate(row))
        except ValidationError as error:
            identity = str(row.get("id", ""))[:80] if isinstance(row, dict) else ""
            where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
            refused.append({"id": identity, "code": "malformed", "field": where[:80]})
    with here.database.write() as session:
        place = replace(stations.place(session, station_id()), pending=is_pending())
        verdict = reports.accept(session, place, readable, here.clock())
    refused += [{"id": identity, "code": code} for identity, code in verdict.refused]
    return answer({"accepted": verdict.accepted, "refused": refused})


@for_stations
def heartbeat() -> Response:
    """What the station says of itself, and what it has taken note of."""
    here, now = house(), house().clock()
    beat = body(Heartbeat)
    if is_pending():
        return Response(status=204)  # its place on the page is known, and the device in service speaks for the station
    with here.database.write() as session:
        hearing.take(session, [(station_id(), beat)], now)  # as the front does with many at once
    return Response(status=204)


@for_stations
def time() -> Response:
    """Two of the four stamps of a clock comparison: when the question came in and when the answer left."""
    received = house().clock()
    return answer({"received_at": format_instant(received), "sent_at": format_instant(house().clock())})


def _packed(content: bytes) -> Response:
    response = Response(content, mimetype="application/json")
    if len(content) > _WORTH_PACKING and request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(content, compresslevel=6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _tagged(response: Response, tag: str) -> Response:
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
