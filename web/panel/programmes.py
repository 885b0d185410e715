"""Programmes: the list, and one programme with what would sound now and what would not."""

from flask import Blueprint, render_template, request
from sqlmodel import Session

from core.errors import NotFound
from playlists import desk, hearing, libraries, programmes, resolving
from playlists.models import ProgrammeItem
from playlists.parts import Part
from registry import units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import sounds, times
from web.panel.sounds import Sound

PAGE = 25


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/programmes", endpoint="programmes", view_func=listed)
    blueprint.add_url_rule("/programmes/<identity>", endpoint="programme", view_func=detail)


def may_compose(unit: Unit) -> bool:
    return actor().may(Permission.WRITE, unit) or actor().may(Permission.SCHEDULE, unit)


@for_browsers
def listed() -> str:
    now = house().clock()
    with house().database.read() as reading:
        rows = programmes.visible(reading, actor(), before=request.args.get("before") or "zz", limit=PAGE + 1)
        library = libraries.load(reading, [programme.id for programme, _ in rows[:PAGE]])
        return render_template(
            "panel/programmes.html",
            rows=[
                (programme, unit, len(library.items.get(programme.id, [])),
                 resolving.expected_seconds(library, programme.id, now))
                for programme, unit in rows[:PAGE]
            ],
            more=rows[PAGE - 1][0].id if len(rows) > PAGE else None,
            may_make=actor().may_somewhere(Permission.WRITE) or actor().may_somewhere(Permission.SCHEDULE),
        )  # fmt: skip


@for_browsers
def detail(identity: str) -> str:
    now = house().clock()
    with house().database.read() as reading:
        programme, unit = programmes.find(reading, actor(), identity)
        library = libraries.load(reading, [programme.id])
        items = library.items.get(programme.id, [])
        resolved = resolving.resolve(library, programme.id, now)
        return render_template(
            "panel/programme.html",
            programme=programme,
            unit=unit,
            items=_items(reading, library, items),
            resolved=resolved,
            parts=[(part, None if part.relay else _sound(reading, part)) for part in resolved.parts],
            fills=resolved.fills,
            homes={each.id: each.name for each in units.ancestors(reading, unit)},
            titles={choice: _title(library, choice) for item in items for choice in item.choices},
            left_out=[(_title(library, each), why) for each, why in resolved.left_out],
            waiting=len(resolved.waiting),
            expected=resolving.expected_seconds(library, programme.id, now),
            may_edit=may_compose(unit),
            may_schedule=actor().may(Permission.SCHEDULE, unit),
            zone=times.zone_of(reading, unit),
            now=now,
        )


def _sound(reading: Session, part: Part) -> Sound | None:
    """What is needed to hear a part; None for who may not hear it by itself."""
    try:
        return sounds.sound(reading, hearing.find(reading, actor(), part.clip_id))
    except NotFound:
        return None


def _title(library: libraries.Library, identity: str) -> str:
    version = library.latest.get(identity) or library.approved.get(identity)
    clip = library.clips.get(identity)
    return version.title if version else (clip.title if clip else identity)


def _items(
    reading: Session, library: libraries.Library, items: list[ProgrammeItem]
) -> list[tuple[ProgrammeItem, str, bool]]:
    """Each item with its title, and whether the bulletin's own page is open to the actor."""
    seen = desk.titles(reading, actor(), [item.bulletin_id for item in items if item.bulletin_id])
    return [(item, _title(library, item.bulletin_id or item.clip_id or ""), item.bulletin_id in seen) for item in items]
