"""Drills: when they come and who answers for them, holding one now, and what was found."""

import csv
import io
from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from alerts import drills, drills_report, drills_words
from alerts.drills_models import KINDS, SILENT, SPOKEN, DrillCheck, DrillRun
from core.errors import N_, Forbidden, InvalidInput
from registry import unit_choices, units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, labels, targets, times

Answer = Response | str | tuple[str, int]
NTHS = ("1", "2", "3", "4", "-1")
DAYS = ("SA", "SU", "MO", "TU", "WE", "TH", "FR")
_RUNS = 12
_COLUMNS = (
    N_("Station"), N_("Unit"), N_("State"), N_("What was found"), N_("Answered after (s)"), N_("Sounded after (s)"),
    N_("Loudest (dB)"), N_("Microphone"),
)  # fmt: skip
_ONLY = N_("Only those who may raise an alarm or look after stations see this page.")


def register(blueprint: Blueprint) -> None:
    for path, endpoint, view, methods in (
        ("/drills", "drills", board, ["GET", "POST"]),
        ("/drills/now", "drill_now", now, ["POST"]),
        ("/drills/<identity>/renew", "drill_renew", renew, ["POST"]),
        ("/drills/<identity>/end", "drill_end", end, ["POST"]),
        ("/drills/held/<identity>", "drill_run", report, ["GET"]),
        ("/drills/held/<identity>.csv", "drill_run_csv", table, ["GET"]),
    ):
        blueprint.add_url_rule(path, endpoint=endpoint, view_func=view, methods=methods)


def _may_see() -> None:
    if not (actor().may_somewhere(Permission.ALARM) or actor().may_somewhere(Permission.OPERATE)):
        raise Forbidden(_ONLY)


@for_browsers
@forms.keeps_text
def board() -> Answer:
    """What is on a schedule, what was held, and a form for one more."""
    _may_see()
    problem = None
    if request.method == "POST":
        done = forms.attempt(_set_up)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    needed = Permission.ALARM if actor().may_somewhere(Permission.ALARM) else Permission.OPERATE
    kinds = KINDS if needed == Permission.ALARM else (SILENT,)
    with house().database.read() as reading:
        plans, runs = drills.plans(reading, actor()), drills.runs(reading, actor(), limit=_RUNS)
        own = unit_choices.offered(reading, actor(), needed, forms.text("unit"))
        page = render_template(
            "panel/drills.html",
            form=MultiDict(request.form or {"nth": "1", "day": "SA", "time": "09:00", "kind": kinds[0]}),
            problem=problem,
            plans=[(plan, unit, who, _may(plan.kind, unit), plan.renew_by < house().clock() + drills.ASKED_BEFORE)
                   for plan, unit, who in plans],
            runs=[(run, unit, drills_report.figures_of(run)) for run, unit in runs],
            zones=times.zones_of(reading, [unit for _, unit, _ in plans] + [unit for _, unit in runs]),
            units=own,
            tree=targets.tree(reading, actor(), needed),
            kinds=kinds,
            nths=NTHS,
            days=DAYS,
            signals=drills.SIGNALS,
            said=drills_words.spoken(own[0].name) if own and SPOKEN in kinds else "",
        )  # fmt: skip
    return page, problem.status if problem else 200


def _may(kind: str, unit: Unit) -> bool:
    return actor().may(drills.right_for(actor(), kind, unit), unit)


def _set_up() -> Response:
    if not request.form.get("sure"):
        raise InvalidInput(
            N_("Tick that you answer for this drill: your name stands under it."), fields={"sure": "empty"}
        )
    nth, day, time = forms.text("nth"), forms.text("day"), forms.text("time")
    if nth not in NTHS or day not in DAYS:
        raise InvalidInput(N_("Choose the day of the month."), fields={"nth": "unknown"})
    here = house()
    with here.database.write() as writing:
        unit = units.find(writing, actor(), forms.text("unit"))
        today = here.clock().astimezone(times.zone_of(writing, unit)).strftime("%Y-%m-%d")
        drills.set_up(
            writing, actor(), unit, _content(), starts=f"{today}T{time[:8]}", rrule=f"FREQ=MONTHLY;BYDAY={nth}{day}",
            default_zone=here.settings.zone, now=here.clock(),
        )  # fmt: skip
    flash(gettext("The drill is on the schedule. You answer for it for a year."), "success")
    return redirect(url_for("panel.drills"), 303)


def _content() -> drills.Content:
    return drills.Content(
        kind=forms.text("kind"), audience=request.form.getlist("for"), name=forms.text("name"),
        note=request.form.get("note", ""), signal=forms.text("signal") or "chime",
    )  # fmt: skip


@for_browsers
def now() -> Response:
    """Hold a silent drill of a unit at once."""
    here = house()

    def act() -> None:
        with here.database.write() as writing:
            unit = units.find(writing, actor(), forms.text("at"))
            content = drills.Content(kind=SILENT, audience=[f"unit:{unit.id}"])
            drills.order(writing, actor(), unit, content, here.clock(), default_zone=here.settings.zone)

    return _acted(act, N_("The silent drill begins within seconds. Its report is there after some twenty minutes."))


@for_browsers
def renew(identity: str) -> Response:
    """Answer for a drill for another year."""

    def act() -> None:
        with house().database.write() as writing:
            drills.renew(writing, actor(), identity, house().clock())

    return _acted(act, N_("You answer for this drill for another year."))


@for_browsers
def end(identity: str) -> Response:
    """End a drill for good."""

    def act() -> None:
        with house().database.write() as writing:
            drills.end(writing, actor(), identity, house().clock())

    return _acted(act, N_("The drill was ended. What was found so far stays."))


def _acted(act: Callable[[], object], done: str) -> Response:
    return forms.acted(act, done, url_for("panel.drills"))


@for_browsers
def report(identity: str) -> str:
    """How a drill went: the figures, what to mend, and every station."""
    with house().database.read() as reading:
        run, unit = drills.find_run(reading, actor(), identity)
        rows, figures = _rows(reading, run)
        return render_template(
            "panel/drill.html",
            run=run,
            unit=unit,
            figures=figures,
            mend=[row for row in rows if row.verdict == "repair"],
            rest=[row for row in rows if row.verdict != "repair"],
            against=drills_report.compared(reading, run) if run.state == "reported" else None,
            zone=times.zone_of(reading, unit),
            open=run.state in {"preparing", "running"},
            silent=run.kind == SILENT,
        )


def _rows(reading: Session, run: DrillRun) -> tuple[list[DrillCheck], drills_report.Figures]:
    """What was kept; of a drill that goes on, what is known by now."""
    if run.state != "running":
        return drills_report.found_in(reading, run.id), drills_report.figures_of(run)
    airings = drills_report.airings_of(reading, run)
    rows, out_of_service = drills_report.checks(reading, run, airings, house().settings, house().clock())
    return rows, drills_report.summed(rows, out_of_service)


@for_browsers
def table(identity: str) -> Response:
    """The stations of a drill for a spreadsheet."""
    with house().database.read() as reading:
        run, _ = drills.find_run(reading, actor(), identity)
        rows, _ = _rows(reading, run)
    made = io.StringIO()
    out = csv.writer(made)
    out.writerow(gettext(each) for each in _COLUMNS)
    for row in rows:
        words = " ".join(labels.label("finding", each) for each in row.findings)
        cells = [
            row.name,
            row.unit_name,
            labels.label("verdict", row.verdict),
            words,
            row.told_s,
            row.sounded_s,
            row.peak_db,
        ]
        out.writerow([_harmless(cell) for cell in [*cells, labels.label("heard", row.heard)]])
    name = f"attachment; filename={run.id}.csv"
    return Response("\ufeff" + made.getvalue(), mimetype="text/csv", headers={"Content-Disposition": name})


def _harmless(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell
