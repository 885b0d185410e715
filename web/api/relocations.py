"""Script API: moving, merging and re-coding units and stations, and finding them by the codes they had."""

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, Response
from sqlmodel import Session

from alerts import relocating
from alerts.relocating import Shift
from core.clock import format_instant
from registry import former_codes, moving, units
from registry.merging import Merger
from registry.models import Unit
from scheduler import backup
from web.access import actor, for_scripts
from web.api.reading import answer, body
from web.api.relocation_bodies import (
    FormerAnswer,
    MergeAnswer,
    MergeBody,
    RecodeBody,
    ShiftAnswer,
    StationCodeAnswer,
    StationMoveBody,
    UnitDetail,
    UnitMoveBody,
)
from web.app import house

_T = TypeVar("_T")


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/units/<identity>", show_unit),
        ("POST", "/units/<identity>/move", move_unit),
        ("POST", "/units/<identity>/merge", merge_unit),
        ("POST", "/units/<identity>/code", recode_unit),
        ("POST", "/stations/<identity>/move", move_station),
        ("POST", "/stations/<identity>/recode", recode_station),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


def _detail(session: Session, unit: Unit) -> UnitDetail:
    former = former_codes.history(session, unit.id)
    return UnitDetail(
        id=unit.id, code=unit.code, name=unit.name, parent=unit.parent_id, zone=unit.zone, merged_into=unit.merged_into,
        former=[
            FormerAnswer(
                code=each.code, name=each.name, since=format_instant(each.since), until=format_instant(each.until)
            )
            for each in former if each.freed_at is None
        ],
    )  # fmt: skip


def _done(act: Callable[[Session], _T], *, dry: bool) -> _T:
    if dry:
        return relocating.rehearse(house().database, act)
    with house().database.write() as session:
        return act(session)


@for_scripts
def show_unit(identity: str) -> Response:
    """One unit, by its id or by a code it has or had, with the codes that lead to it."""
    with house().database.read() as session:
        return answer(_detail(session, units.find(session, actor(), identity)))


@for_scripts
def move_unit(identity: str) -> Response:
    """Put a unit, with all below it, under another one."""
    here, wanted = house(), body(UnitMoveBody)

    def act(session: Session) -> Shift:
        unit = units.find(session, actor(), identity)
        moving.may_take(session, actor(), unit)
        parent = units.find(session, actor(), wanted.parent) if wanted.parent else None
        return relocating.move_unit(session, actor(), unit, parent, here.settings.zone, here.clock())

    return answer(_shift(_done(act, dry=wanted.dry_run), dry=wanted.dry_run))


@for_scripts
def move_station(identity: str) -> Response:
    """Put a station into another unit."""
    here, wanted = house(), body(StationMoveBody)

    def act(session: Session) -> Shift:
        unit = units.find(session, actor(), wanted.unit)
        return relocating.move_station(session, actor(), identity, unit, here.settings.zone, here.clock())

    return answer(_shift(_done(act, dry=wanted.dry_run), dry=wanted.dry_run))


def _shift(shift: Shift, *, dry: bool) -> ShiftAnswer:
    return ShiftAnswer(
        done=not dry, stations=len(shift.moved.places),
        settings={name: [before, after] for name, before, after in shift.settings},
        groups_left=list(shift.moved.group_names), slots_lost=[slot.id for slot in shift.losing],
        slots_gained=[slot.id for slot in shift.gaining], slots_naming=[slot.id for slot in shift.naming],
        emergencies=shift.emergencies,
    )  # fmt: skip


@for_scripts
def merge_unit(identity: str) -> Response:
    """Merge a unit into another one, for good; a copy of the database is made first."""
    here, wanted = house(), body(MergeBody)
    copy = None

    def act(session: Session) -> Merger:
        return relocating.merge(
            session, actor(), identity, wanted.into, here.clock(), name=wanted.name or "", code=wanted.code or "",
            backup=copy.name if copy else "",
        )  # fmt: skip

    merger = relocating.rehearse(here.database, act)
    if not wanted.dry_run:
        with here.database.read() as session:
            relocating.named(units.find(session, actor(), identity), wanted.confirm)
        copy = backup.back_up(here.settings, here.clock())
        merger = _done(act, dry=False)
    return answer(
        MergeAnswer(
            done=not wanted.dry_run, into=merger.target.id, counts=merger.counts,
            clashes=[
                {"kind": each.kind, "what": each.what, "kept": each.kept, "left": each.left, "both": each.both}
                for each in merger.clashes
            ],
            clashes_in_all=merger.clashes_in_all, group=merger.group.id if merger.group else None,
            backup=copy.name if copy else None,
        )
    )  # fmt: skip


@for_scripts
def recode_unit(identity: str) -> Response:
    """Give a unit another code, and with it another name; the former code goes on leading to it."""
    wanted = body(RecodeBody)
    with house().database.write() as session:
        unit = units.find(session, actor(), identity)
        moving.recode_unit(
            session, actor(), unit, wanted.code, house().clock(), name=wanted.name or "", reason=wanted.reason
        )
        return answer(_detail(session, unit))


@for_scripts
def recode_station(identity: str) -> Response:
    """Give a station a code of its own, or another one; a former code goes on leading to it."""
    wanted = body(RecodeBody)
    with house().database.write() as session:
        station = moving.recode_station(
            session, actor(), identity, wanted.code, house().clock(), reason=wanted.reason
        )  # fmt: skip
        return answer(StationCodeAnswer(id=station.id, code=station.code or ""))
