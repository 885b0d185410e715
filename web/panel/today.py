"""The first page: what sounds, what comes, and what waits for the person who looks."""

from datetime import datetime, timedelta

from flask import Blueprint, render_template
from sqlmodel import Session

from playlists import desk
from registry import health
from registry.rights import Permission
from scheduler import log
from web.access import actor, for_browsers
from web.app import house
from web.panel import times


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/", view_func=today)
    blueprint.add_url_rule("/on-air", view_func=on_air)
    blueprint.add_url_rule("/on-air/fragment", view_func=on_air_fragment)


@for_browsers
def today() -> str:
    now = house().clock()
    with house().database.read() as reading:
        _, end = times.day_of("", times.home_zone(), now)
        waiting = desk.to_approve(reading, actor()) if actor().may_somewhere(Permission.APPROVE) else []
        return render_template(
            "panel/today.html",
            now=now,
            waiting=waiting,
            unfinished=desk.unfinished(reading, actor()),
            troubled=health.troubled(reading, actor(), now, house().settings.silent_after_seconds),
            **_air(reading, max(end, now + timedelta(hours=2))),
        )


@for_browsers
def on_air() -> str:
    with house().database.read() as reading:
        return render_template("panel/on_air.html", **_air(reading, house().clock() + timedelta(hours=24)))


@for_browsers
def on_air_fragment() -> str:
    with house().database.read() as reading:
        return render_template("panel/_on_air.html", **_air(reading, house().clock() + timedelta(hours=24)))


def _air(reading: Session, until: datetime) -> dict[str, object]:
    now = house().clock()
    sounding = log.on_air(reading, actor(), now)
    coming = log.coming(reading, actor(), now, until, limit=20)
    zones = times.zones_of(reading, [*(each.unit for each in sounding), *(unit for _, unit in coming)])
    return {"sounding": sounding, "coming": coming, "zones": zones, "checked_at": now}
