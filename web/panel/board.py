"""Who heard it: the live board of an emergency, its report on paper and as a table."""

import csv
import io
import time
from collections.abc import Iterator
from datetime import timedelta

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask_babel import gettext
from sqlmodel import Session

from alerts import board, board_mark
from alerts.board_lines import STATES
from core.clock import zone as known_zone
from core.errors import NotFound
from registry.rights import Actor, Permission
from scheduler import emergencies
from web import access, events
from web.access import actor, for_browsers
from web.app import house
from web.panel import labels, times

_PACE = 8  # so many times as long as a look takes lie between two
_MOST_PACE_SECONDS = 15.0
_TELLING = timedelta(seconds=30)  # before that, stations are still being told: nobody has to be called yet
_CSV_ROWS = 500
_PRINTED_HAMLETS = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def register(blueprint: Blueprint) -> None:
    for path, name, view in (
        ("", "emergency_board", shown),
        ("/board", "emergency_board_fragment", fragment),
        ("/events", "emergency_events", told),
        ("/report", "emergency_report", report),
        ("/stations.csv", "emergency_csv", table),
    ):
        blueprint.add_url_rule(f"/emergencies/<identity>{path}", endpoint=name, view_func=view)


@for_browsers
def shown(identity: str) -> str:
    """The live board; after the end the same of what is kept."""
    with house().database.read() as reading:
        return render_template("panel/board.html", **_board(reading, identity))


@for_browsers
def fragment(identity: str) -> str:
    """The part of the board that changes."""
    with house().database.read() as reading:
        return render_template("panel/_board.html", **_board(reading, identity))


@for_browsers
def told(identity: str) -> Response:
    """News of the board as server-sent events, while the person may see it."""
    here, who = house(), actor()
    if not _sees(who, identity):
        raise NotFound
    listener = here.events.join(who.id, identity, lambda session: board_mark.mark(session, identity))

    def may_still() -> bool:
        now = access.again()
        return now is not None and now.id == who.id and _sees(now, identity)

    answer = Response(
        stream_with_context(events.told(here.events, listener, may_still)), mimetype="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )  # fmt: skip
    answer.call_on_close(lambda: here.events.leave(listener))
    return answer


def _sees(who: Actor, identity: str) -> bool:
    with house().database.read() as reading:
        try:
            board.find(reading, who, identity)
        except NotFound:
            return False
    return True


@for_browsers
def report(identity: str) -> str:
    """Everything on paper: figures, all hamlets not reached, and stations by state."""
    with house().database.read() as reading:
        return render_template("panel/board_report.html", **_board(reading, identity, printed=True))


def _board(reading: Session, identity: str, *, printed: bool = False) -> dict[str, object]:
    now = house().clock()
    state = request.args.get("state", "")
    state = state if state in STATES else ""
    page = max(request.args.get("page", 1, type=int), 1)
    hamlet_page = 1 if printed else max(request.args.get("hamlets", 1, type=int), 1)
    begun = time.perf_counter()
    found = board.board(
        reading, actor(), identity, now, silent_after=_silent_after(), shown=state, page=page,
        hamlet_page=hamlet_page, hamlets_limit=_PRINTED_HAMLETS if printed else board.HAMLETS,
    )  # fmt: skip
    took = time.perf_counter() - begun
    raised = found.raised
    zone = times.zones_of(reading, [raised.unit])[raised.unit.id]
    running = raised.state in ("preparing", "on_air")
    started = raised.issued_at or raised.emergency.raised_at
    return {
        "found": found, "raised": raised, "figures": found.figures, "shown": state, "page": page, "states": STATES,
        "pages": max(-(-found.figures.many(state) // board.PAGE), 1), "hamlet_page": hamlet_page,
        "hamlet_pages": max(-(-(found.figures.unreached + found.figures.partly) // board.HAMLETS), 1),
        "zone": zone, "now": now, "running": running, "telling": running and now < started + _TELLING,
        "may_stop": running and raised.emergency.stopped_at is None and actor().may(Permission.ALARM, raised.unit),
        "pace": round(min(max(took * _PACE, 1.0), _MOST_PACE_SECONDS), 1), "most": round(board.MOST * 100),
        "holds_until": emergencies.HOLDS,
    }  # fmt: skip


def _silent_after() -> timedelta:
    return timedelta(seconds=house().settings.silent_after_seconds)


@for_browsers
def table(identity: str) -> Response:
    """Every station as a line of a table that spreadsheets open, in the order of the tree."""
    with house().database.read() as reading:
        raised = board.find(reading, actor(), identity)
        zone = times.zones_of(reading, [raised.unit])[raised.unit.id].key
    answer = Response(stream_with_context(_rows(actor(), identity, zone)), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{raised.emergency.id}.csv"'
    return answer


def _rows(who: Actor, identity: str, zone_name: str) -> Iterator[str]:
    """The table piece by piece. The mark at its beginning tells spreadsheets that it is UTF-8."""
    here, zone = house(), known_zone(zone_name)
    yield "\ufeff" + _written(
        [
            gettext("Unit"), gettext("Station"), gettext("State"), gettext("Reason"), gettext("Has it since"),
            gettext("First sound"), gettext("Seconds after the press"), gettext("Seconds played"),
            gettext("Microphone"),
        ]
    )  # fmt: skip
    with here.database.read() as reading:
        raised = board.find(reading, who, identity)
        source = board.lines_of(reading, raised, here.clock(), _silent_after())
        after = ("", "")
        while True:
            rows = board.lines(reading, who, raised, source, limit=_CSV_ROWS, after=after)
            yield "".join(
                _written(
                    [
                        row.unit_name, row.name, labels.label("board", row.state), labels.label("reason", row.reason),
                        times.shown(row.acknowledged_at, zone, "%d/%m/%Y %H:%M:%S"),
                        times.shown(row.first_at, zone, "%d/%m/%Y %H:%M:%S"),
                        "" if row.after_s is None else f"{row.after_s:.3f}", f"{row.seconds:.1f}",
                        labels.label("heard", row.heard),
                    ]
                )
                for row in rows
            )  # fmt: skip
            if len(rows) < _CSV_ROWS:
                return
            after = (rows[-1].path, rows[-1].station_id)


def _written(cells: list[str]) -> str:
    """One line. What a spreadsheet would take for a formula is marked as text."""
    line = io.StringIO()
    csv.writer(line).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return line.getvalue()
