"""Tables of the timetable: slots, airings, what stations are told and what they report."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class Slot(SQLModel, table=True):
    """A programme on a timetable. `starts` is local wall-clock time in `zone`; `audience` holds internal names."""

    __tablename__ = "slot"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    programme_id: str = Field(foreign_key="programme.id", index=True, max_length=40)
    starts: str = Field(max_length=32)
    zone: str = Field(max_length=64)
    rrule: str | None = Field(default=None, max_length=500)
    exdates: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    until: str | None = Field(default=None, max_length=40)
    volume: int | None = None
    late: str = Field(default="join", max_length=5)
    audience: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    created_by: str = Field(max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))


class SlotTarget(SQLModel, table=True):
    """The audience of a slot, to be found by name."""

    __tablename__ = "slot_target"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id", max_length=40)
    name: str = Field(primary_key=True, index=True, max_length=60)


class Airing(SQLModel, table=True):
    """One occurrence: exact instants, exact stations. Once `ticket` is signed the row's content never changes.

    `state`: planned (not signed yet, `reason` says why) → issued → on_air → over; or failed; or withdrawn.
    """

    __tablename__ = "airing"
    __table_args__ = (
        Index(
            "one_live_airing_an_occurrence",
            "slot_id",
            "occurrence_at",
            unique=True,
            sqlite_where=text("state != 'withdrawn'"),
            postgresql_where=text("state != 'withdrawn'"),
        ),
        Index("airing_by_state", "state", "ends_at"),
    )

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    slot_id: str | None = Field(default=None, foreign_key="slot.id", max_length=40)
    occurrence_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    emergency_id: str | None = Field(default=None, foreign_key="emergency.id", index=True, max_length=40)
    kind: str = Field(max_length=10)
    priority: str = Field(max_length=10)
    title: str = Field(max_length=200)
    state: str = Field(default="planned", max_length=10)
    reason: str = Field(default="", max_length=40)
    starts_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    ends_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    not_after: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    late: str = Field(max_length=5)
    volume: int | None = None
    audience: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    items: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    approved_by: str = Field(default="", max_length=500)
    content_key: str = Field(default="", max_length=64)
    ticket: str = Field(default="", sa_column=Column(Text, nullable=False))
    issued_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    reconciled_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AiringTarget(SQLModel, table=True):
    """The audience of an airing, to be found by name."""

    __tablename__ = "airing_target"

    airing_id: str = Field(primary_key=True, foreign_key="airing.id", max_length=40)
    name: str = Field(primary_key=True, index=True, max_length=60)


class Emergency(SQLModel, table=True):
    """An alarm somebody raised: what to say, where, how often."""

    __tablename__ = "emergency"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    text: str = ""
    clip_id: str = Field(foreign_key="clip.id", index=True, max_length=40)
    audience: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    every_s: float = 0
    times: int = 1
    volume: int | None = None
    raised_by: str = Field(max_length=40)
    raised_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    stopped_by: str | None = Field(default=None, max_length=40)
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class StationCommand(SQLModel, table=True):
    """An order to one station, held out in `/now` until it is acknowledged or has expired."""

    __tablename__ = "station_command"

    id: str = Field(primary_key=True, max_length=40)
    station_id: str = Field(foreign_key="station.id", index=True, max_length=40)
    do: str = Field(max_length=12)
    value: Any = Field(default=None, sa_column=Column(JSON))
    given_by: str = Field(max_length=40)
    given_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Acknowledgement(SQLModel, table=True):
    """A station has this interrupt, withdrawal or command."""

    __tablename__ = "acknowledgement"

    subject: str = Field(primary_key=True, max_length=80)
    station_id: str = Field(primary_key=True, foreign_key="station.id", max_length=40)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class PlayReport(SQLModel, table=True):
    """What a station said became of one item of an airing."""

    __tablename__ = "play_report"
    __table_args__ = (Index("report_by_airing", "airing_id", "station_id"),)

    id: str = Field(primary_key=True, max_length=36)
    station_id: str = Field(foreign_key="station.id", index=True, max_length=40)
    airing_id: str = Field(foreign_key="airing.id", max_length=40)
    item: int
    outcome: str = Field(max_length=8)
    reason: str | None = Field(default=None, max_length=16)
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seconds: float
    volume: int = 0
    peak_db: float | None = None
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class AiringOutcome(SQLModel, table=True):
    """What became of an airing at one station: written when it is over, corrected when reports come late."""

    __tablename__ = "airing_outcome"

    airing_id: str = Field(primary_key=True, foreign_key="airing.id", max_length=40)
    station_id: str = Field(primary_key=True, foreign_key="station.id", index=True, max_length=40)
    outcome: str = Field(max_length=8)
    reason: str | None = Field(default=None, max_length=16)
    planned_seconds: float
    played_seconds: float
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class JobState(SQLModel, table=True):
    """One row a job of the worker: who holds it, until when, and how it last went."""

    __tablename__ = "job_state"

    name: str = Field(primary_key=True, max_length=40)
    holder: str | None = Field(default=None, max_length=120)
    held_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    succeeded_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    failed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    error: str = Field(default="", max_length=500)
