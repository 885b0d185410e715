"""Tables of units, people, stations and groups."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, String, UniqueConstraint, false
from sqlalchemy.orm import validates
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime
from registry import plainly


class Unit(SQLModel, table=True):
    """A node of the administrative tree. `path` lists the ids from the root down: `/un_a/un_b/`.

    `zone`, `quiet_hours`, `max_volume` and `codec` are inherited from the unit above where they are None.
    `limits` are those of `registry.limits`, tightened on the way down.
    `public_radio`, whether everybody may listen over the Internet, and `public_page`, whether it has a page for
    everybody (`registry.public_pages`), are the nearest one's that says something.
    `public_alerts`, whether emergencies are offered to other systems in the public feed of alerts, likewise.
    `quota_mb` bounds the audio of this unit and all below it; None sets no bound here.
    `alarm_rule` is how emergencies are confirmed (`alerts.confirming`): the nearest one's that says something.
    A unit that was merged stays below the one it was `merged_into`, with its history and nothing else.
    `plain` is the name as it is searched for (`registry.plainly`); it follows the name.
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
    quota_mb: int | None = None
    public_radio: bool | None = None
    public_page: bool | None = None
    public_alerts: bool | None = None
    alarm_rule: str | None = Field(default=None, max_length=20)
    limits: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    merged_into: str | None = Field(default=None, index=True, max_length=40)
    merged_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    plain: str | None = Field(default=None, sa_column=Column(String(200), default=plainly.of_name))

    @validates("name")
    def _searched_for(self, _: str, name: str) -> str:
        self.plain = plainly.plain(name)
        return name


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
    """A script's key with its person's rights. Only the SHA-256 of the token is kept.

    `scope` lists the permissions it has of those (None: all of them); `used_at` is coarse.
    """

    __tablename__ = "api_token"

    id: str = Field(primary_key=True, max_length=40)
    person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    token_hash: str = Field(unique=True, max_length=64)
    label: str = Field(default="", max_length=100)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    scope: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Station(SQLModel, table=True):
    """A networked receiver with its loudspeakers. Codes and tokens are kept as SHA-256 only.

    Where `confirm` is set, a device that used the code waits with `pending_hash` as its token until a person confirms
    it; `pending_device` is what it said of itself. `next_token_hash` is a renewed token that has not been used yet;
    `renew_asked_at` is since when the server wants the token to be renewed. `plain` is the name as it is searched for.
    `serial` of a station that was never in service is that of the device that is expected there. `code` is what people
    call it by in lists.
    """

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
    confirm: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    pending_hash: str | None = Field(default=None, index=True, unique=True, max_length=64)
    pending_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    pending_device: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    next_token_hash: str | None = Field(default=None, index=True, unique=True, max_length=64)
    token_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    renew_asked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    code: str | None = Field(default=None, index=True, unique=True, max_length=60)
    plain: str | None = Field(default=None, sa_column=Column(String(200), default=plainly.of_name))

    @validates("name")
    def _searched_for(self, _: str, name: str) -> str:
        self.plain = plainly.plain(name)
        return name


class StationState(SQLModel, table=True):
    """What a station last said of itself; one row a station, rewritten by each heartbeat.

    `plan_at` is when it first named the plan it holds; `keys` are the names of the server's keys it trusts, with spaces
    between, None for a device that doesn't say. `received_bytes` and `sent_bytes` are the station's own counts of
    `month`; `standing` lists the prepared messages it could start by itself, `faults` what is wrong with it.
    """

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
    plan_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    keys: str | None = Field(default=None, max_length=500)
    faults: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    standing: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    month: str | None = Field(default=None, max_length=7)
    received_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    sent_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))


class StationTraffic(SQLModel, table=True):
    """What a station's counts of a month came to before they began anew; `station_state` holds those that go on."""

    __tablename__ = "station_traffic"

    station_id: str = Field(primary_key=True, foreign_key="station.id", max_length=40)
    month: str = Field(primary_key=True, max_length=7)
    received_bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    sent_bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class Group(SQLModel, table=True):
    """Stations taken together across hamlets, such as "along the dyke".

    `stands_for` is a unit whose stations these were before a merger: whatever was for that unit then is for them.
    """

    __tablename__ = "station_group"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    code: str = Field(unique=True, max_length=60)
    name: str = Field(max_length=200)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    stands_for: str | None = Field(default=None, index=True, max_length=40)


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
