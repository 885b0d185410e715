"""Script API: units, stations, groups."""

from datetime import datetime, timedelta

from flask import Blueprint, Response
from sqlmodel import Session, col, select

from core.clock import format_instant
from core.errors import N_, InvalidInput
from registry import groups, stations, traffic, units
from registry.models import Station, StationState, Unit
from registry.rights import Actor, Permission
from scheduler import commands
from web.access import actor, for_scripts
from web.api.bodies import GroupAnswer, GroupBody, UnitAnswer, UnitBody
from web.api.reading import answer, body, body_json, cursor, listed, page_size, understood
from web.api.station_bodies import (
    CommandBody,
    MonthAnswer,
    PendingAnswer,
    StationAnswer,
    StationBody,
    StationCreated,
    StationEdit,
)
from web.api.stations import plan_of
from web.app import house

MAX_STATIONS_A_CALL = 1_000


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/units", create_unit),
        ("GET", "/units", list_units),
        ("POST", "/stations", create_stations),
        ("GET", "/stations", list_stations),
        ("GET", "/stations/<identity>", show_station),
        ("PUT", "/stations/<identity>", edit_station),
        ("GET", "/stations/<identity>/plan", station_plan),
        ("POST", "/stations/<identity>/code", renew_code),
        ("POST", "/stations/<identity>/revoke", revoke_station),
        ("POST", "/stations/<identity>/commands", command_station),
        ("POST", "/groups", create_group),
        ("GET", "/groups", list_groups),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def create_unit() -> Response:
    """Add a unit below another (or, for who administers the whole tree, at the top)."""
    here, wanted = house(), body(UnitBody)
    with here.database.write() as session:
        unit = units.create(
            session,
            actor(),
            name=wanted.name,
            code=wanted.code,
            parent=wanted.parent,
            zone=wanted.zone,
            now=here.clock(),
        )
        return answer(_unit(unit), 201)


def _unit(unit: Unit) -> UnitAnswer:
    return UnitAnswer(id=unit.id, code=unit.code, name=unit.name, parent=unit.parent_id, zone=unit.zone)


@for_scripts
def list_units() -> Response:
    """The units the caller sees, parents before children."""
    limit, after = page_size(), cursor("")
    with house().database.read() as session:
        last = units.find(session, actor(), after).path if after else ""
        rows = session.exec(
            select(Unit)
            .where(actor().within(Permission.SEE, col(Unit.path)), col(Unit.path) > last)
            .order_by(col(Unit.path))
            .limit(limit + 1)
        ).all()
    more = rows[limit - 1].id if len(rows) > limit else None
    return listed([_unit(unit) for unit in rows[:limit]], more)


@for_scripts
def create_stations() -> Response:
    """Add a station, or a list of up to 1,000; each comes with its enrolment code. All are made, or none."""
    here, now = house(), house().clock()
    data = body_json()
    several = isinstance(data, list)
    rows = data if several else [data]
    if not 1 <= len(rows) <= MAX_STATIONS_A_CALL:
        raise InvalidInput(N_("Send between 1 and %(limit)s stations."), limit=MAX_STATIONS_A_CALL)
    wanted = [understood(StationBody, row) for row in rows]
    with here.database.write() as session:
        homes = {name: units.find(session, actor(), name) for name in dict.fromkeys(each.unit for each in wanted)}
        made = [
            _create_station(session, actor(), each, homes[each.unit], here.settings.enrolment_hours, now)
            for each in wanted
        ]
    if several:
        return answer({"items": [each.model_dump(mode="json") for each in made], "cursor": None}, 201)
    return answer(made[0], 201)


def _create_station(
    session: Session, who: Actor, wanted: StationBody, unit: Unit, hours: int, now: datetime
) -> StationCreated:
    station, code = stations.create(
        session, who, name=wanted.name, unit=unit, latitude=wanted.latitude, longitude=wanted.longitude,
        languages=wanted.languages, confirm=wanted.confirm, hours=hours, now=now,
    )  # fmt: skip
    return StationCreated(
        id=station.id, name=station.name, unit=unit.code, enrolment_code=code,
        enrolment_expires_at=station.enrolment_expires_at,
    )  # fmt: skip


def station_answer(
    station: Station,
    unit: Unit,
    state: StationState | None,
    now: datetime,
    silent_s: int,
    data: list[MonthAnswer] | None = None,
) -> StationAnswer:
    heard = state.heard_at if state else None
    return StationAnswer(
        id=station.id, name=station.name, unit=unit.code, latitude=station.latitude, longitude=station.longitude,
        languages=station.languages, volume=station.volume, enrolled=station.token_hash is not None,
        online=heard is not None and now - heard < timedelta(seconds=silent_s), heard_at=heard,
        playing=state.playing if state else None, ready_until=state.ready_until if state else None,
        software=state.software if state else None, free_bytes=state.free_bytes if state else None,
        clock_offset_ms=state.clock_offset_ms if state else None,
        temperature_c=state.temperature_c if state else None,
        confirm=station.confirm, pending=_pending(station),
        faults=state.faults if state else None, standing=state.standing if state else None, data=data,
    )  # fmt: skip


def _pending(station: Station) -> PendingAnswer | None:
    if station.pending_at is None:
        return None
    device = station.pending_device or {}
    told = {name: str(device.get(name, "")) for name in ("serial", "model", "software", "address")}
    return PendingAnswer(since=station.pending_at, **told)


@for_scripts
def list_stations() -> Response:
    """The stations the caller sees, with what each last said of itself."""
    here, limit = house(), page_size()
    with here.database.read() as session:
        rows = stations.visible(session, actor(), after=cursor(""), limit=limit + 1)
    silent = here.settings.silent_after_seconds
    items = [station_answer(station, unit, state, here.clock(), silent) for station, unit, state in rows[:limit]]
    return listed(items, items[-1].id if len(rows) > limit else None)


@for_scripts
def show_station(identity: str) -> Response:
    """One station."""
    here = house()
    with here.database.read() as session:
        station, unit = stations.find(session, actor(), identity)
        state = session.get(StationState, station.id)
        data = [
            MonthAnswer(month=each.month, received_bytes=each.received, sent_bytes=each.sent)
            for each in traffic.of(session, station.id)
        ]
    return answer(station_answer(station, unit, state, here.clock(), here.settings.silent_after_seconds, data))


@for_scripts
def edit_station(identity: str) -> Response:
    """Change a station's name, place or languages; what is left out stays."""
    here, wanted = house(), body(StationEdit)
    with here.database.write() as session:
        station, unit = stations.find(session, actor(), identity)
        given = {"name": station.name, "latitude": station.latitude, "longitude": station.longitude,
                 "languages": station.languages} | wanted.model_dump(exclude_unset=True, exclude_none=True)  # fmt: skip
        stations.edit(session, actor(), identity, now=here.clock(), **given)
        state = session.get(StationState, station.id)
        return answer(station_answer(station, unit, state, here.clock(), here.settings.silent_after_seconds))


@for_scripts
def station_plan(identity: str) -> Response:
    """The plan this station gets, as `GET /plan` answers it."""
    here = house()
    here.room.catch_up()
    with here.database.read() as session:
        station, _ = stations.find(session, actor(), identity)
        place = stations.place(session, station.id)
    return answer(plan_of(place))


@for_scripts
def renew_code(identity: str) -> Response:
    """A fresh enrolment code."""
    here = house()
    with here.database.write() as session:
        code = stations.renew_code(session, actor(), identity, here.settings.enrolment_hours, here.clock())
        station, _ = stations.find(session, actor(), identity)
        expires = station.enrolment_expires_at
    return answer({"enrolment_code": code, "enrolment_expires_at": format_instant(expires) if expires else None}, 201)


@for_scripts
def revoke_station(identity: str) -> Response:
    """Take a station's token away."""
    here = house()
    with here.database.write() as session:
        stations.revoke(session, actor(), identity, here.clock())
    return answer({"id": identity, "enrolled": False})


@for_scripts
def command_station(identity: str) -> Response:
    """Order a station: volume, stop, restart, test_tone or sync."""
    here, wanted = house(), body(CommandBody)
    with here.database.write() as session:
        command = commands.give(session, actor(), identity, wanted.do, wanted.value, here.clock())
        return answer({"id": command.id, "do": command.do, "value": command.value}, 201)


@for_scripts
def create_group() -> Response:
    """Make a group of stations."""
    here, wanted = house(), body(GroupBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        group = groups.create(session, actor(), name=wanted.name, unit=unit, members=wanted.stations, now=here.clock())
        return answer(GroupAnswer(id=group.id, code=group.code, name=group.name, unit=unit.code), 201)


@for_scripts
def list_groups() -> Response:
    """The groups the caller sees."""
    with house().database.read() as session:
        rows = groups.visible(session, actor())
    return listed([GroupAnswer(id=g.id, code=g.code, name=g.name, unit=u.code) for g, u in rows], None)
