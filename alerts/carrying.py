"""What becomes of sources of alerts, drills and kept reports of emergencies when units merge or move."""

from collections.abc import Iterable, Mapping

from sqlmodel import Session, col, select

from alerts import alarm_rules, pending
from alerts.board_models import EmergencyLine, EmergencyReport
from alerts.drills_models import DrillPlan, DrillRun
from alerts.pending_models import PendingAlarm
from alerts.sources.models import CapAlert, CapSource
from core.errors import N_, Conflict
from registry import former_codes, moving
from registry.merging import Merger, go_over
from registry.models import Unit

RULES: Mapping[str, str] = {
    "cap_source.unit_id": "moves", "cap_alert.unit_id": "stays", "cap_alert.audience": "rewritten",
    "cap_published.unit_id": "stays", "drill_plan.unit_id": "moves", "drill_plan.audience": "rewritten",
    "drill_run.unit_id": "stays", "drill_run.audience": "rewritten", "drill_check.unit_id": "stays",
    "pending_alarm.unit_id": "stays", "pending_alarm.alarm": "stays",
    "emergency_line.unit_id": "stays", "emergency_line.path": "carried",
    "emergency_report.unit_id": "stays", "emergency_report.unit_path": "carried",
}  # fmt: skip
_GOING_ON = ("preparing", "running")
_LIVING = ("on_air", "coming", "waiting")


def carry(session: Session, merger: Merger) -> None:
    """Carry over what this floor has. Raises Conflict while an emergency for one of the two waits to be confirmed."""
    _none_waits(session, merger)
    _confirming(session, merger)
    go_over(session, merger, col(CapSource.unit_id), "cap_sources")
    plans = session.exec(select(DrillPlan).where(col(DrillPlan.ended_at).is_(None))).all()
    runs = session.exec(select(DrillRun).where(col(DrillRun.state).in_(_GOING_ON))).all()
    heeded = session.exec(select(CapAlert).where(col(CapAlert.state).in_(_LIVING))).all()
    rows: list[DrillPlan | DrillRun | CapAlert] = [*plans, *runs, *heeded]
    for row in rows:
        if not set(merger.both).isdisjoint(row.audience):
            row.audience = merger.renamed(row.audience)
            session.add(row)
    session.flush()
    go_over(session, merger, col(DrillPlan.unit_id), "drills")


def _confirming(session: Session, merger: Merger) -> None:
    """Let emergencies be confirmed as at that of the two where it is stricter."""
    former, kept = (alarm_rules.strictest(session, [unit]) for unit in (merger.source, merger.target))
    if former == kept:
        return
    both = alarm_rules.strictest(session, [merger.source, merger.target])
    if both != kept:
        merger.target.alarm_rule = both
        session.add(merger.target)
    merger.clash("setting", "alarm_rule", both, kept if both != kept else former)


def _none_waits(session: Session, merger: Merger) -> None:
    """What waits names its places by their codes: whoever confirms must know which stations these are.

    After the merger either code would mean the stations of both, at whatever unit it was asked for.
    """
    waiting = session.exec(
        select(PendingAlarm).where(
            PendingAlarm.state == pending.WAITING, col(PendingAlarm.expires_at) > merger.now
        )
    ).all()  # fmt: skip
    for alarm in waiting:
        names = [str(name).partition(":") for name in alarm.alarm.get("audience") or ()]
        meant = {_unit(session, rest) for kind, _, rest in names if kind == "unit"}
        if alarm.unit_id == merger.source.id or not meant.isdisjoint((merger.source.id, merger.target.id)):
            raise Conflict(N_("An emergency waits there to be confirmed by a second person. Decide about it first."))


def _unit(session: Session, name: str) -> str | None:
    """The id of the unit that somebody has named so."""
    found = session.get(Unit, name) or former_codes.unit(session, name)
    return found.id if found is not None else None


def repath(session: Session, paths: Iterable[tuple[str, str]]) -> None:
    """Let kept reports of emergencies be found at the place in the tree where their units are now."""
    for old, new in paths:
        moving.repath(session, old, new, col(EmergencyLine.path))
        moving.repath(session, old, new, col(EmergencyReport.unit_path))
