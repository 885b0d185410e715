"""`loa drill`: hold a drill now, see when they come, read what was found."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.drills_models import DrillRun
    from core.database import Database
    from core.settings import Settings

_LOOK_SECONDS = 2.0
_PATIENCE_SECONDS = 3_600.0


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this module's command."""
    drill = subparsers.add_parser("drill", help="hold a drill now, list them, print the report of one")
    drill.add_argument("--home", type=Path, help="folder of the installation")
    what = drill.add_subparsers(dest="what", required=True, metavar="WHAT")
    what.add_parser("list", help="drills on a schedule, and those that were held").set_defaults(run=_list)
    start = what.add_parser("start", help="hold one now; the worker begins it within seconds")
    start.add_argument("unit", metavar="UNIT", help="id or code of the unit whose drill it is")
    start.add_argument("--by", required=True, metavar="USER", help="sign-in name of who answers for it")
    start.add_argument("--spoken", action="store_true", help="with words, which everybody hears (default: silent)")
    start.add_argument("--for", dest="audience", action="append", default=[], metavar="NAME",
                       help="unit:CODE, group:ID or station:ID (default: the unit); may be repeated")  # fmt: skip
    start.add_argument("--wait", action="store_true", help="wait for the report and print it")
    start.set_defaults(run=_start)
    report = what.add_parser("report", help="what was found, JSON: the drill, then a line a station")
    report.add_argument("drill", metavar="ID", nargs="?", help="id of a drill that was held (default: the last one)")
    report.set_defaults(run=_report)


def _opened(options: argparse.Namespace) -> "tuple[Settings, Database]":
    from core.settings import load
    from loa.installation import opened

    settings = load(options.home)
    return settings, opened(settings)


def _list(options: argparse.Namespace) -> int:
    from alerts import drills
    from core.clock import format_instant
    from registry.rights import system_actor

    _, database = _opened(options)
    with database.read() as session:
        for plan, unit, who in drills.plans(session, system_actor()):
            comes = format_instant(plan.next_at) if plan.next_at else "never again"
            print(f"{plan.id}  {plan.kind:6}  {comes}  {unit.code}  {who.username if who else '?'}  {plan.name}")
        for run, unit in drills.runs(session, system_actor(), limit=20):
            print(f"{run.id}  {run.kind:6}  {format_instant(run.planned_at)}  {unit.code}  {run.state}  {run.why}")
    return 0


def _start(options: argparse.Namespace) -> int:
    from alerts import drills
    from core.clock import utc_now
    from registry import people, units
    from registry.rights import actor_for

    settings, database = _opened(options)
    with database.write() as session:
        actor = actor_for(session, people.by_username(session, options.by))
        unit = units.find(session, actor, options.unit)
        content = drills.Content("spoken" if options.spoken else "silent", options.audience or [f"unit:{unit.id}"])
        run_id = drills.order(session, actor, unit, content, utc_now(), default_zone=settings.zone).id
    print(run_id, flush=True)
    if options.wait:
        _print(database, _waited_for(database, run_id))
    return 0


def _waited_for(database: "Database", run_id: str) -> str:
    import time

    from alerts.drills_models import DrillRun
    from core.errors import N_, LoaError

    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        with database.read() as session:
            if session.get_one(DrillRun, run_id).reported_at is not None:
                return run_id
        time.sleep(_LOOK_SECONDS)
    raise LoaError(N_("The drill has no report after an hour. Does the worker run?"))


def _report(options: argparse.Namespace) -> int:
    from sqlmodel import col, select

    from alerts.drills_models import DrillRun
    from core.errors import NotFound

    _, database = _opened(options)
    with database.read() as session:
        newest = select(DrillRun.id).order_by(col(DrillRun.id).desc()).limit(1)
        chosen = options.drill or session.exec(newest).first()
        if chosen is None or session.get(DrillRun, chosen) is None:
            raise NotFound
    _print(database, chosen)
    return 0


def _print(database: "Database", run_id: str) -> None:
    import json

    from alerts import drills_report
    from alerts.drills_models import DrillRun

    with database.read() as session:
        run = session.get_one(DrillRun, run_id)
        against = drills_report.compared(session, run)
        head = _head(run)
        if against is not None:
            head["before"] = {
                "id": against.before.id, "figures": against.before.figures,
                "worse": [row.name for row in against.worse], "mended": [row.name for row in against.mended],
            }  # fmt: skip
        print(json.dumps(head, ensure_ascii=False))
        for row in drills_report.found_in(session, run_id):
            print(json.dumps(row.model_dump(exclude={"run_id"}), ensure_ascii=False))


def _head(run: "DrillRun") -> dict[str, object]:
    from core.clock import format_instant

    return {
        "id": run.id, "kind": run.kind, "name": run.name, "state": run.state, "why": run.why,
        "planned_at": format_instant(run.planned_at), "figures": run.figures,
    }  # fmt: skip
