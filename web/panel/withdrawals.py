"""What was withdrawn, and which stations know: counts, the list of stations, kept up to date by itself."""

from flask import Blueprint, render_template, request
from sqlmodel import Session

from scheduler import withdrawals
from web.access import actor, for_browsers
from web.app import house
from web.panel import times

PAGE = 20


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/recalled", endpoint="withdrawals", view_func=listed)
    blueprint.add_url_rule("/recalled/fragment", endpoint="withdrawals_fragment", view_func=listed_fragment)
    blueprint.add_url_rule("/recalled/<identity>", endpoint="withdrawal", view_func=detail)
    blueprint.add_url_rule("/recalled/<identity>/fragment", endpoint="withdrawal_fragment", view_func=fragment)


@for_browsers
def listed() -> str:
    with house().database.read() as reading:
        return render_template("panel/withdrawals.html", **_listed(reading))


@for_browsers
def listed_fragment() -> str:
    with house().database.read() as reading:
        return render_template("panel/_withdrawals.html", **_listed(reading))


def _listed(reading: Session) -> dict[str, object]:
    now = house().clock()
    after = request.args.get("after", "")
    rows = withdrawals.recent(reading, actor(), now, after=after, limit=PAGE + 1)
    return {
        "rows": rows[:PAGE], "more": rows[PAGE - 1].airing.id if len(rows) > PAGE else None, "after": after,
        "zones": times.zones_of(reading, (each.unit for each in rows)), "now": now, "checked_at": now,
    }  # fmt: skip


@for_browsers
def detail(identity: str) -> str:
    with house().database.read() as reading:
        return render_template("panel/withdrawal.html", **_detail(reading, identity))


@for_browsers
def fragment(identity: str) -> str:
    with house().database.read() as reading:
        return render_template("panel/_withdrawal.html", **_detail(reading, identity))


def _detail(reading: Session, identity: str) -> dict[str, object]:
    now = house().clock()
    found = withdrawals.one(reading, actor(), identity)
    shown = request.args.get("show", "all")
    shown = shown if shown in withdrawals.SHOWN else "all"
    page = max(request.args.get("page", 1, type=int), 1)
    lines = withdrawals.lines(reading, actor(), found.airing, shown=shown, page=page, limit=withdrawals.PAGE)
    many = {"all": found.stations, "missing": found.missing, "known": found.known}
    return {
        "found": found, "lines": lines, "shown": shown, "page": page, "many": many,
        "pages": -(-many[shown] // withdrawals.PAGE), "zone": times.zone_of(reading, found.unit), "now": now,
        "checked_at": now,
    }  # fmt: skip
