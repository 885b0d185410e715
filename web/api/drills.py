"""Script API: drills, when they come and what they found."""

from dataclasses import asdict

from flask import Blueprint, Response, request

from alerts import drills, drills_report
from alerts.drills_models import DrillCheck, DrillPlan, DrillRun
from alerts.drills_report import Compared
from core.errors import N_, InvalidInput
from registry import units
from registry.models import Person, Unit
from web.access import actor, for_scripts
from web.api.drill_bodies import (
    DrillAnswer,
    DrillBefore,
    DrillBody,
    DrillCheckAnswer,
    DrillContent,
    DrillFigures,
    DrillRunAnswer,
)
from web.api.reading import answer, body, cursor, listed, page_size
from web.app import house

VERDICTS = ("ok", "repair", "quiet")


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/drills", list_drills),
        ("POST", "/drills", create_drill),
        ("POST", "/drills/<identity>/renew", renew_drill),
        ("POST", "/drills/<identity>/end", end_drill),
        ("GET", "/drill-runs", list_drill_runs),
        ("POST", "/drill-runs", create_drill_run),
        ("GET", "/drill-runs/<identity>", show_drill_run),
        ("GET", "/drill-runs/<identity>/stations", list_drill_checks),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def list_drills() -> Response:
    """The drills on a schedule that the caller sees, the next one first."""
    with house().database.read() as session:
        rows = drills.plans(session, actor())
    return listed([_plan(*each) for each in rows], None)


@for_scripts
def create_drill() -> Response:
    """Put a drill on a schedule; the caller answers for it by name."""
    here, wanted = house(), body(DrillBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        plan = drills.set_up(
            session, actor(), unit, _content(wanted), starts=wanted.starts, rrule=wanted.rrule,
            default_zone=here.settings.zone, now=here.clock(),
        )  # fmt: skip
        made = _plan(plan, unit, session.get(Person, plan.answered_by))
    return answer(made, 201)


@for_scripts
def renew_drill(identity: str) -> Response:
    """Answer for a drill for another year."""
    here = house()
    with here.database.write() as session:
        plan = drills.renew(session, actor(), identity, here.clock())
        made = _plan(plan, session.get_one(Unit, plan.unit_id), session.get(Person, plan.answered_by))
    return answer(made)


@for_scripts
def end_drill(identity: str) -> Response:
    """End a drill for good."""
    here = house()
    with here.database.write() as session:
        plan = drills.end(session, actor(), identity, here.clock())
        made = _plan(plan, session.get_one(Unit, plan.unit_id), session.get(Person, plan.answered_by))
    return answer(made)


@for_scripts
def list_drill_runs() -> Response:
    """Drills that were held, the newest first."""
    size = page_size()
    with house().database.read() as session:
        rows = drills.runs(session, actor(), limit=size + 1, before=cursor(""))
    return listed([_run(*each) for each in rows[:size]], rows[size - 1][0].id if len(rows) > size else None)


@for_scripts
def create_drill_run() -> Response:
    """Drill at once: the worker begins it within seconds."""
    here, wanted = house(), body(DrillContent)
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        run = drills.order(session, actor(), unit, _content(wanted), here.clock(), default_zone=here.settings.zone)
        made = _run(run, unit)
    return answer(made, 201)


@for_scripts
def show_drill_run(identity: str) -> Response:
    """A drill: how it went, and against the one before."""
    with house().database.read() as session:
        run, unit = drills.find_run(session, actor(), identity)
        against = drills_report.compared(session, run)
        made = _run(run, unit, against)
    return answer(made)


@for_scripts
def list_drill_checks(identity: str) -> Response:
    """What a drill found at each station, once its report is drawn up."""
    size, verdict = page_size(), request.args.get("verdict", "")
    if verdict and verdict not in VERDICTS:
        raise InvalidInput(N_("“verdict” is ok, repair or quiet."), fields={"verdict": "unknown"})
    with house().database.read() as session:
        run, _ = drills.find_run(session, actor(), identity)
        rows = drills_report.found_after(session, run.id, cursor(""), verdict=verdict or None, limit=size + 1)
    return listed([_check(each) for each in rows[:size]], rows[size - 1].station_id if len(rows) > size else None)


def _content(wanted: DrillContent) -> drills.Content:
    return drills.Content(
        kind=wanted.kind, audience=wanted.audience, name=wanted.name, note=wanted.note,
        said=tuple((each.language, each.clip) for each in wanted.said), signal=wanted.signal, volume=wanted.volume,
    )  # fmt: skip


def _plan(plan: DrillPlan, unit: Unit, who: Person | None) -> DrillAnswer:
    return DrillAnswer(
        id=plan.id, unit=unit.code, kind="silent" if plan.kind == "silent" else "spoken", name=plan.name,
        audience=plan.audience, note=plan.note, starts=plan.starts, zone=plan.zone, rrule=plan.rrule,
        next_at=plan.next_at, answered_by=who.name if who else plan.answered_by, renew_by=plan.renew_by,
        ended_at=plan.ended_at,
    )  # fmt: skip


def _run(run: DrillRun, unit: Unit, against: Compared | None = None) -> DrillRunAnswer:
    before = None
    if against is not None:
        before = DrillBefore(
            id=against.before.id, planned_at=against.before.planned_at, figures=DrillFigures(**asdict(against.figures)),
            worse=[row.name for row in against.worse], mended=[row.name for row in against.mended],
        )  # fmt: skip
    figures = DrillFigures(**asdict(drills_report.figures_of(run))) if run.figures else None
    return DrillRunAnswer.model_validate(
        {
            "id": run.id, "drill": run.plan_id, "unit": unit.code, "kind": run.kind, "name": run.name,
            "state": run.state, "why": run.why, "planned_at": run.planned_at, "begun_at": run.begun_at,
            "closes_at": run.closes_at, "reported_at": run.reported_at, "emergency": run.emergency_id,
            "figures": figures, "before": before,
        }
    )  # fmt: skip


def _check(row: DrillCheck) -> DrillCheckAnswer:
    return DrillCheckAnswer.model_validate(
        row.model_dump(exclude={"run_id", "station_id", "unit_id", "unit_name"})
        | {"station": row.station_id, "unit": row.unit_name, "outcome": row.outcome or None}
    )
