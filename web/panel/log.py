"""The play log: what was planned against what was played, per airing and station."""

from flask import Blueprint, render_template, request

from core.errors import InvalidInput
from registry import unit_choices, units
from scheduler import log, readiness
from web.access import actor, for_browsers
from web.app import house
from web.panel import left_out, times

PAGE = 20


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/log", endpoint="log", view_func=listed)
    blueprint.add_url_rule("/log/<identity>", endpoint="log_entry", view_func=detail)


@for_browsers
def listed() -> str:
    now, zone = house().clock(), times.home_zone()
    with house().database.read() as reading:
        picked = unit_choices.picked(reading, actor(), request.args.get("unit", ""))
        unit = units.find(reading, actor(), picked.id) if picked else None
        seen = unit_choices.offered(reading, actor(), chosen=unit.id if unit else "")
        if unit is not None:
            zone = times.zone_of(reading, unit)
        try:
            start, end = times.day_of(request.args.get("day", ""), zone, now)
        except InvalidInput:
            start, end = times.day_of("", zone, now)
        rows = log.entries(
            reading, actor(), start=start, end=end, unit=unit, after=request.args.get("after", ""), limit=PAGE + 1
        )
        return render_template(
            "panel/log.html",
            rows=rows[:PAGE],
            more=rows[PAGE - 1].airing.id if len(rows) > PAGE else None,
            units=seen,
            unit=unit,
            day=times.for_input(start, zone)[:10],
            zones=times.zones_of(reading, (each.unit for each in rows)),
        )


@for_browsers
def detail(identity: str) -> str:
    with house().database.read() as reading:
        entry = log.entry(reading, actor(), identity)
        asked = (house().room.board.plans, house().clock(), house().settings.silent_after_seconds)
        ready = readiness.of(reading, actor(), [entry.airing], *asked).get(entry.airing.id)
        lacking = readiness.unready(reading, actor(), entry.airing, *asked) if ready else []
        return render_template(
            "panel/log_entry.html",
            entry=entry,
            zone=times.zone_of(reading, entry.unit),
            ready=ready,
            unready=lacking,
            missing=left_out.titles(reading, actor(), entry.airing),
        )
