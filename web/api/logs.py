"""Script API: play reports and the audit log."""

from flask import Blueprint, Response, request

from core.audit import AuditEntry
from registry import trail, units
from scheduler import lists
from scheduler.models import PlayReport
from web.access import actor, for_scripts
from web.api.bodies import AuditAnswer, ReportAnswer
from web.api.reading import cursor, instant_argument, listed, page_size
from web.app import house

_DIGITS = 16


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/reports", view_func=list_reports, methods=["GET"], endpoint="list_reports")
    blueprint.add_url_rule("/audit", view_func=list_audit, methods=["GET"], endpoint="list_audit")


@for_scripts
def list_reports() -> Response:
    """What stations of a unit (and below) said they played, by the instant it started."""
    here, limit = house(), page_size()
    start = instant_argument("from", here.settings.zone)
    end = instant_argument("to", here.settings.zone, end=True)
    with here.database.read() as session:
        within = units.find(session, actor(), request.args["unit"]) if request.args.get("unit") else None
        rows = lists.reports(session, actor(), within, start, end, after=cursor(""), limit=limit + 1)
    items = [_report(row) for row in rows[:limit]]
    return listed(items, lists.position(items[-1].started_at, items[-1].id) if len(rows) > limit else None)


def _report(row: PlayReport) -> ReportAnswer:
    return ReportAnswer(
        id=row.id, station=row.station_id, airing=row.airing_id, item=row.item, outcome=row.outcome, reason=row.reason,
        started_at=row.started_at, ended_at=row.ended_at, seconds=row.seconds, volume=row.volume, peak_db=row.peak_db,
        heard=row.heard, heard_db=row.heard_db,
        received_at=row.received_at,
    )  # fmt: skip


@for_scripts
def list_audit() -> Response:
    """Who did what and when, in the units the caller administers, in order."""
    limit = page_size()
    after = cursor("0")
    if not (after.isdecimal() and after.isascii() and len(after) < _DIGITS):
        raise lists.bad_cursor()
    with house().database.read() as session:
        rows = trail.visible(session, actor(), after=int(after), limit=limit + 1)
    return listed([_entry(row) for row in rows[:limit]], str(rows[limit - 1].number) if len(rows) > limit else None)


def _entry(row: AuditEntry) -> AuditAnswer:
    return AuditAnswer(
        number=row.number or 0, at=row.at, actor=row.actor, action=row.action, subject=row.subject, unit=row.unit_id,
        detail=row.detail, previous=row.previous, digest=row.digest,
    )  # fmt: skip
