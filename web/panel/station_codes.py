"""Codes to take stations into service: as a picture that a telephone reads, on a page, or on sheets of labels."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import segno
from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from core.errors import N_, Conflict, Forbidden
from registry import stations
from registry.models import Station, Unit
from registry.rights import Permission
from web.access import actor, anyone, for_browsers
from web.app import house
from web.panel import forms, station_batches

MOST_LABELS = 100  # ten sheets: about what one person puts up before the codes have run out


@dataclass(frozen=True)
class Label:
    """A station with its new code, and the picture of its link."""

    station: Station
    unit: Unit
    code: str
    picture: Markup


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/enrol", view_func=enrol)
    blueprint.add_url_rule("/stations/labels", endpoint="station_labels", view_func=labels, methods=["POST"])
    blueprint.add_url_rule("/stations/<identity>/code", endpoint="station_code", view_func=code, methods=["POST"])


def server() -> str:
    """The address of this server as it is told to devices: that of the settings, else the one it was asked under."""
    return house().settings.public_url.rstrip("/") or request.url_root.rstrip("/")


def link(code: str) -> str:
    """What the picture says. The code stands behind a `#`, so that it is in no log when a telephone opens the page."""
    return f"{server()}{url_for('panel.enrol')}#{code}"


def picture(code: str) -> Markup:
    """The link as a QR code: SVG within the page, so that the code is in no file and no other request."""
    out = io.BytesIO()
    segno.make(link(code), error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, border=4, svgclass="qr", lineclass=None, omitsize=True,
        title=gettext("QR code to take the station into service"), light="#fff",
    )  # fmt: skip
    return Markup(out.getvalue().decode())  # noqa: S704 - made here of a picture


@anyone
def enrol() -> str:
    """What to do with a code, for whoever holds a telephone before it. It says nothing of any station."""
    return render_template("panel/enrol.html", server=server())


def code_page(station: Station, unit: Unit, secret: str) -> Response:
    """The one page that shows a code. It is never stored in readable form, nor in the browser's session."""
    page = render_template(
        "panel/station_code.html", station=station, unit=unit, code=secret, picture=picture(secret),
        link=link(secret), hours=house().settings.enrolment_hours, server=server(),
    )  # fmt: skip
    return Response(page, status=201, mimetype="text/html")


@for_browsers
def code(identity: str) -> Response:
    with house().database.write() as writing:
        secret = stations.renew_code(writing, actor(), identity, house().settings.enrolment_hours, house().clock())
        station, unit = stations.find(writing, actor(), identity)
    return code_page(station, unit, secret)


@for_browsers
def labels() -> Response:
    """A sheet of labels for the chosen stations that are not in service yet, each with a new code."""
    if not actor().may_somewhere(Permission.OPERATE):
        raise Forbidden(
            N_("Your role does not allow orders to stations. Ask an administrator for the role “operator”.")
        )
    made = forms.attempt(_labels)
    if not isinstance(made, forms.Problem):
        return made
    page = render_template(
        "panel/station_many.html", proposed=None, problem=made, back=url_for("panel.stations")
    )  # fmt: skip
    return Response(page, status=made.status, mimetype="text/html")


def _labels() -> Response:
    now, hours = house().clock(), house().settings.enrolment_hours
    found: list[tuple[Station, Unit, str]] = []
    with house().database.write() as writing:
        places = stations.places(writing, station_batches.chosen(writing))
        waiting = [
            place for place in places
            if place.station.token_hash is None and actor().may(Permission.OPERATE, place.unit)
        ]  # fmt: skip
        if not waiting:
            raise Conflict(N_("Labels are for stations that are not in service yet. None of these is one."))
        if len(waiting) > MOST_LABELS:
            raise Conflict(
                N_("Labels for at most %(most)s stations at once: their codes run out. Narrow the choice."),
                most=MOST_LABELS,
            )
        for place in sorted(waiting, key=lambda place: (place.unit.path, place.station.plain or "")):
            secret = stations.renew_code(writing, actor(), place.station.id, hours, now)
            found.append((place.station, place.unit, secret))
    return sheet(found, left_out=len(places) - len(found))


def sheet(found: Sequence[tuple[Station, Unit, str]], *, left_out: int = 0) -> Response:
    """Labels to print, ten on an A4 page. The codes are shown on this page alone."""
    page = render_template(
        "panel/station_labels.html",
        sheets=_sheets([Label(station, unit, secret, picture(secret)) for station, unit, secret in found]),
        count=len(found), left_out=left_out, hours=house().settings.enrolment_hours, server=server(),
    )  # fmt: skip
    return Response(page, status=201, mimetype="text/html")


def _sheets(found: Iterable[Label], size: int = 10) -> list[list[Label]]:
    every = list(found)
    return [every[start : start + size] for start in range(0, len(every), size)]
