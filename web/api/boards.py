"""Script API: who heard an emergency, as a whole and station by station."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, request

from alerts import board
from alerts.board import Raised
from alerts.board_lines import STATES
from core.errors import N_, InvalidInput
from web.access import actor, for_scripts
from web.api.board_bodies import BoardAnswer, BoardLine, CallAnswer, FiguresAnswer, HamletAnswer, RaisedAnswer
from web.api.reading import answer, cursor, listed, page_size
from web.app import house


def register(blueprint: Blueprint) -> None:
    for path, view in (
        ("/emergencies", list_emergencies),
        ("/emergencies/<identity>", show_emergency),
        ("/emergencies/<identity>/stations", list_emergency_stations),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=["GET"], endpoint=view.__name__)


@for_scripts
def list_emergencies() -> Response:
    """Emergencies that the caller may see, the newest first."""
    limit = page_size()
    with house().database.read() as session:
        rows = board.recent(session, actor(), after=cursor(""), limit=limit + 1)
    items = [RaisedAnswer(**_raised(row)) for row in rows[:limit]]
    return listed(items, items[-1].id if len(rows) > limit else None)


@for_scripts
def show_emergency(identity: str) -> Response:
    """How an emergency stands and who heard it, at the stations that the caller sees."""
    with house().database.read() as session:
        found = board.board(
            session, actor(), identity, house().clock(), silent_after=_silent_after(), limit=1
        )  # fmt: skip
    raised, figures = found.raised, found.figures
    return answer(
        BoardAnswer(
            **_raised(raised), text=raised.emergency.text,
            figures=FiguresAnswer(
                stations=figures.stations, told=figures.told, acknowledged=figures.acknowledged,
                sounded=figures.sounded, first_s=figures.first_s, most_s=figures.most_s, counts=figures.counts,
                hamlets=figures.units, unreached=figures.unreached, partly=figures.partly,
            ),
            hamlets=[
                HamletAnswer(
                    unit=each.unit_id, name=each.name, above=each.above, stations=each.stations, sounded=each.sounded,
                    call=CallAnswer(name=each.person.name, phone=each.person.phone, unit=each.person.unit)
                    if each.person else None,
                )
                for each in found.hamlets
            ],
            report=raised.report.written_at if raised.report else None,
            final=bool(raised.report and raised.report.final),
        )
    )  # fmt: skip


@for_scripts
def list_emergency_stations(identity: str) -> Response:
    """What became of it at each station that the caller sees, by id; with `state` those in one state."""
    here, limit, state = house(), page_size(), request.args.get("state", "")
    if state and state not in STATES:
        raise InvalidInput(
            N_("“state” is one of %(states)s."), fields={"state": "unknown"}, states=", ".join(STATES)
        )  # fmt: skip
    with here.database.read() as session:
        raised = board.find(session, actor(), identity)
        source = board.lines_of(session, raised, here.clock(), _silent_after())
        rows = board.lines(session, actor(), raised, source, shown=state, limit=limit + 1, after_id=cursor(""))
    items = [
        BoardLine(
            station=row.station_id, name=row.name, unit=row.unit_id, state=row.state, reason=row.reason,
            acknowledged_at=row.acknowledged_at, first_at=row.first_at, after_s=row.after_s, seconds=row.seconds,
            heard=row.heard,
        )
        for row in rows[:limit]
    ]  # fmt: skip
    return listed(items, items[-1].station if len(rows) > limit else None)


def _raised(raised: Raised) -> dict[str, Any]:
    ids = [airing.id for airing in raised.airings]
    return {
        "id": raised.emergency.id, "airing": ids[0] if ids else "", "airings": ids, "state": raised.state,
        "title": raised.title, "unit": raised.unit.id, "raised_by": raised.by,
        "raised_at": raised.emergency.raised_at, "issued_at": raised.issued_at, "ended_at": raised.ended_at,
    }  # fmt: skip


def _silent_after() -> timedelta:
    return timedelta(seconds=house().settings.silent_after_seconds)
