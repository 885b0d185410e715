"""Many stations at once from a list: shown row by row before anything is made, then labels with their codes."""

import csv
import io
from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.wrappers import Response

from core.errors import N_, Forbidden, InvalidInput
from registry import station_import, station_list, units
from registry.models import Unit
from registry.rights import Permission
from registry.station_import import Line
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, station_codes, station_sheets

Answer = Response | str | tuple[str, int]
_MOST_CHARS = 400_000


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(
        "/stations/import", endpoint="station_import", view_func=stations_from_list, methods=["GET", "POST"]
    )  # fmt: skip


@for_browsers
@forms.keeps_text
def stations_from_list() -> Answer:
    """The form; what its list says, row by row; and with `step` `do` the stations."""
    if not actor().may_somewhere(Permission.OPERATE):
        raise Forbidden(N_("Your role does not allow adding stations. Ask an administrator for the role “operator”."))
    problem = None
    if request.method == "POST":
        act = _add if forms.text("step") == "do" else _preview
        done = forms.attempt(act)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    page = _page((), problem)
    return page, problem.status if problem else 200


def _page(lines: Sequence[Line], problem: forms.Problem | None, unit: Unit | None = None) -> str:
    with house().database.read() as reading:
        return render_template(
            "panel/station_import.html",
            form=request.form,
            problem=problem,
            lines=lines,
            good=sum(not line.wrong for line in lines),
            written=_written(lines),
            chosen=unit,
            branches=station_list.units_around(reading, actor(), None, Permission.OPERATE),
            most=station_import.MOST,
        )


def _preview() -> Response:
    with house().database.read() as reading:
        unit, lines = _read(reading)
    return Response(_page(lines, None, unit), mimetype="text/html")


def _add() -> Response:
    with house().database.write() as writing:
        _, lines = _read(writing)
        made = station_import.add(
            writing, actor(), lines, hours=house().settings.enrolment_hours, now=house().clock()
        )  # fmt: skip
        if not made:
            raise InvalidInput(N_("There is no row that could be added."), fields={"list": "empty"})
    if len(made) <= station_codes.MOST_LABELS:
        return station_codes.sheet(made)
    flash(
        gettext("%(count)s stations were added. Choose those you put up next and print their labels.", count=len(made)),
        "success",
    )
    return redirect(url_for("panel.stations", state="never"), 303)


def _read(session: Session) -> tuple[Unit, list[Line]]:
    unit = units.find(session, actor(), forms.text("unit"))
    return unit, station_import.read(session, actor(), unit, _rows())


def _rows() -> list[list[str]]:
    """The rows of the file that was handed in, else of the list that was typed. Raises InvalidInput."""
    handed = request.files.get("file")
    content = handed.read() if handed else b""
    if content and station_sheets.is_workbook(content):
        return station_sheets.rows(content, station_import.MOST)
    try:
        text = content.decode("utf-8-sig") if content else request.form.get("list", "")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            N_("The list can't be read. Save it as Excel (.xlsx) or CSV in UTF-8."), fields={"file": "form"}
        ) from error
    if len(text) > _MOST_CHARS:
        raise InvalidInput(
            N_("At most %(most)s stations in one list."), fields={"list": "long"}, most=station_import.MOST
        )  # fmt: skip
    return station_import.rows_of(text)


def _written(lines: Sequence[Line]) -> str:
    """The list as the next step reads it again, whatever it came from."""
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t")
    table.writerow(station_import.COLUMNS)
    for line in lines:
        if not line.wrong:
            table.writerow([line.name, line.unit.code if line.unit else "", line.latitude, line.longitude, line.serial])
    return out.getvalue()
