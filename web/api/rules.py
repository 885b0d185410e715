"""Script API: what a unit rules for its timetable: day parts, limits, reserved time, the order of what meets."""

from flask import Blueprint, Response
from sqlmodel import Session

from registry import naming, units
from registry.models import Unit
from scheduler import dayparts, ordering, reservations
from scheduler.models import DayPart, Reservation, SlotOrder
from web.access import actor, for_scripts
from web.api.reading import answer, body, listed
from web.api.timetable_bodies import (
    DayPartAnswer,
    DayPartBody,
    LimitsAnswer,
    LimitsBody,
    OrderAnswer,
    OrderBody,
    ReservationAnswer,
    ReservationBody,
)
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/units/<identity>/dayparts", list_dayparts),
        ("PUT", "/units/<identity>/dayparts/<code>", put_daypart),
        ("POST", "/units/<identity>/dayparts/<code>/remove", remove_daypart),
        ("GET", "/units/<identity>/limits", show_limits),
        ("PUT", "/units/<identity>/limits", put_limits),
        ("GET", "/units/<identity>/reservations", list_reservations),
        ("POST", "/units/<identity>/reservations", create_reservation),
        ("POST", "/reservations/<identity>/withdraw", withdraw_reservation),
        ("GET", "/units/<identity>/orders", list_orders),
        ("POST", "/units/<identity>/orders", create_order),
        ("POST", "/orders/<identity>/withdraw", withdraw_order),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


def _part(session: Session, part: DayPart) -> DayPartAnswer:
    home = session.get_one(Unit, part.unit_id)
    return DayPartAnswer(code=part.code, unit=home.code, name=part.name, windows=part.windows)


@for_scripts
def list_dayparts(identity: str) -> Response:
    """The day parts that hold at a unit; `unit` says whose they are."""
    with house().database.read() as session:
        unit = units.find(session, actor(), identity)
        held = dayparts.held(session, unit)
        return listed([_part(session, held[code]) for code in sorted(held)], None)


@for_scripts
def put_daypart(identity: str, code: str) -> Response:
    """Say when a day part is; slots that refer to it follow."""
    here, wanted = house(), body(DayPartBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        part = dayparts.put(session, actor(), unit, code, wanted.name, wanted.windows, here.clock())
        return answer(_part(session, part))


@for_scripts
def remove_daypart(identity: str, code: str) -> Response:
    """Drop a unit's own day part."""
    here = house()
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        dayparts.remove(session, actor(), unit, code, here.clock())
    return answer({"code": code})


def _limits(session: Session, unit: Unit) -> LimitsAnswer:
    held = units.inherited(units.ancestors(session, unit), house().settings.zone)
    return LimitsAnswer(
        unit=unit.code, own=unit.limits or {}, limits=held.limits.written(),
        quiet_hours=[list(pair) for pair in held.quiet_hours], max_volume=held.max_volume,
    )  # fmt: skip


@for_scripts
def show_limits(identity: str) -> Response:
    """The limits of a unit: its own, and what holds there."""
    with house().database.read() as session:
        return answer(_limits(session, units.find(session, actor(), identity)))


@for_scripts
def put_limits(identity: str) -> Response:
    """Set a unit's own limits; further down they are only ever tightened."""
    here, wanted = house(), body(LimitsBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        units.limit(session, actor(), unit, wanted.limits, here.clock())
        return answer(_limits(session, unit))


def _reservation(session: Session, row: Reservation) -> ReservationAnswer:
    home = session.get_one(Unit, row.unit_id)
    return ReservationAnswer(
        id=row.id, unit=home.code, name=row.name, starts=row.starts, zone=row.zone, rrule=row.rrule, until=row.until,
        minutes=row.seconds / 60,
    )  # fmt: skip


@for_scripts
def list_reservations(identity: str) -> Response:
    """The time reserved at a unit, by itself and by the units above."""
    with house().database.read() as session:
        unit = units.find(session, actor(), identity)
        return listed([_reservation(session, row) for row in reservations.over(session, unit)], None)


@for_scripts
def create_reservation(identity: str) -> Response:
    """Keep time free at all stations of a unit for its own programmes."""
    here, wanted = house(), body(ReservationBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        row = reservations.create(
            session, actor(), unit, name=wanted.name, starts=wanted.starts, minutes=wanted.minutes,
            rrule=wanted.rrule or None, until=wanted.until or None, default_zone=here.settings.zone, now=here.clock(),
        )  # fmt: skip
        return answer(_reservation(session, row), 201)


@for_scripts
def withdraw_reservation(identity: str) -> Response:
    """Give reserved time back."""
    here = house()
    with here.database.write() as session:
        return answer(_reservation(session, reservations.withdraw(session, actor(), identity, here.clock())))


def _order(session: Session, row: SlotOrder) -> OrderAnswer:
    first, then = ordering.names_of(row)
    names = naming.by_id(session, [row.decided_by])
    return OrderAnswer(
        id=row.id, unit=session.get_one(Unit, row.unit_id).code, first=first, then=then,
        decided_by=names.get(row.decided_by, row.decided_by), decided_at=row.decided_at,
    )  # fmt: skip


@for_scripts
def list_orders(identity: str) -> Response:
    """What a unit decided on the order of programmes with priority that meet at its stations."""
    with house().database.read() as session:
        unit = units.find(session, actor(), identity)
        rows = ordering.held(session, [unit.id]).get(unit.id, [])
        return listed([_order(session, row) for row in rows], None)


@for_scripts
def create_order(identity: str) -> Response:
    """Put two programmes with priority in order where they meet; a former decision about the two ends."""
    here, wanted = house(), body(OrderBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        row = ordering.decide(session, actor(), unit, wanted.first, wanted.then, here.clock())
        return answer(_order(session, row), 201)


@for_scripts
def withdraw_order(identity: str) -> Response:
    """Take a decision back: what begins earlier goes first again."""
    here = house()
    with here.database.write() as session:
        return answer(_order(session, ordering.take_back(session, actor(), identity, here.clock())))
