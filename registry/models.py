"""Tables of units, people, stations and groups."""

from datetime import datetime

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class Unit(SQLModel, table=True):
    """A node of the administrative tree. `path` lists the ids from the root down: `/un_a/un_b/`.

    `zone`, `quiet_hours`, `max_volume` and `codec` are inherited from the unit above where they are None.
    """

    __tablename__ = "unit"

    id: str = Field(primary_key=True, max_length=40)
    code: str = Field(unique=True, max_length=60)
    name: str = Field(max_length=200)
    parent_id: str | None = Field(default=None, foreign_key="unit.id", index=True, max_length=40)
    path: str = Field(index=True, max_length=2_000)
    zone: str | None = Field(default=None, max_length=64)
    quiet_hours: list[list[str]] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    max_volume: int | None = None
    codec: str | None = Field(default=None, max_length=8)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Person(SQLModel, table=True):
    """Somebody who signs in. Raising `session_version` ends every session of theirs."""

    __tablename__ = "person"

    id: str = Field(primary_key=True, max_length=40)
    username: str = Field(unique=True, max_length=60)
    name: str = Field(max_length=200)
    password_hash: str = Field(max_length=200)
    language: str = Field(default="vi", max_length=8)
    active: bool = True
    session_version: int = 1
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Grant(SQLModel, table=True):
    """A role of a person at a unit; it reaches down to every unit below. No unit means the whole installation."""

    __tablename__ = "grant"
    __table_args__ = (UniqueConstraint("person_id", "unit_id", "role"),)

    id: str = Field(primary_key=True, max_length=40)
    person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    unit_id: str | None = Field(default=None, foreign_key="unit.id", index=True, max_length=40)
    role: str = Field(max_length=20)


class ApiToken(SQLModel, table=True):
    """A script's key with its person's rights. Only the SHA-256 of the token is kept."""

    __tablename__ = "api_token"

    id: str = Field(primary_key=True, max_length=40)
    person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    token_hash: str = Field(unique=True, max_length=64)
    label: str = Field(default="", max_length=100)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Station(SQLModel, table=True):
    """A networked receiver with its loudspeakers. Codes and tokens are kept as SHA-256 only."""

    __tablename__ = "station"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    name: str = Field(max_length=200)
    latitude: float | None = None
    longitude: float | None = None
    languages: list[str] = Field(default_factory=lambda: ["vi"], sa_column=Column(JSON, nullable=False))
    volume: int = 70
    enrolment_hash: str | None = Field(default=None, unique=True, max_length=64)
    enrolment_expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    token_hash: str | None = Field(default=None, unique=True, max_length=64)
    enrolled_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    serial: str = Field(default="", max_length=100)
    model: str = Field(default="", max_length=100)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class StationState(SQLModel, table=True):
    """What a station last said of itself; one row a station, rewritten by each heartbeat."""

    __tablename__ = "station_state"

    station_id: str = Field(primary_key=True, foreign_key="station.id", max_length=40)
    heard_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    silent_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    playing: str | None = Field(default=None, max_length=80)
    item: int | None = None
    volume: int | None = None
    plan: str | None = Field(default=None, max_length=100)
    seq: int | None = None
    clock_offset_ms: float | None = None
    free_bytes: float | None = None
    temperature_c: float | None = None
    uptime_s: float | None = None
    software: str | None = Field(default=None, max_length=100)
    ready_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Group(SQLModel, table=True):
    """Stations taken together across hamlets, such as "along the dyke"."""

    __tablename__ = "station_group"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    code: str = Field(unique=True, max_length=60)
    name: str = Field(max_length=200)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class GroupMember(SQLModel, table=True):
    __tablename__ = "station_group_member"

    group_id: str = Field(primary_key=True, foreign_key="station_group.id", max_length=40)
    station_id: str = Field(primary_key=True, foreign_key="station.id", index=True, max_length=40)


class Attempt(SQLModel, table=True):
    """A failed sign-in or enrolment, counted to slow down guessing."""

    __tablename__ = "attempt"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True, max_length=120)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
