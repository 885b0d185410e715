"""Tables of the timetable: slots, airings, what stations are told and what they report."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class Slot(SQLModel, table=True):
    """A programme on a timetable. `starts` is local wall-clock time in `zone`; `audience` holds internal names.

    With `daypart` (the code of one) the rule gives the days, and the day part the time, `offset_s` after its beginning.
    `days` is a condition on days (`scheduler.calendar`). An airing takes at most `max_seconds`; what is too short ends
    early or is filled (`short`: end | fill). `lifted` names the limits that it may break, by whom and why.
    `bypass_at` is when somebody last asked that a change holds at once, also for what is frozen. `follows` is the
    slot that this one goes on from.
    """

    __tablename__ = "slot"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    programme_id: str = Field(foreign_key="programme.id", index=True, max_length=40)
    starts: str = Field(max_length=32)
    zone: str = Field(max_length=64)
    rrule: str | None = Field(default=None, max_length=500)
    exdates: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    until: str | None = Field(default=None, max_length=40)
    rdates: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    days: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    daypart: str | None = Field(default=None, max_length=40)
    offset_s: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    max_seconds: float | None = None
    short: str = Field(default="end", max_length=4, sa_column_kwargs={"server_default": "end"})
    volume: int | None = None
    late: str = Field(default="join", max_length=5)
    lifted: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    lifted_by: str | None = Field(default=None, max_length=40)
    lifted_reason: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    bypass_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    follows: str | None = Field(default=None, max_length=40)
    audience: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    created_by: str = Field(max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))


class SlotTarget(SQLModel, table=True):
    """The audience of a slot, to be found by name."""

    __tablename__ = "slot_target"

    slot_id: str = Field(primary_key=True, foreign_key="slot.id", max_length=40)
    name: str = Field(primary_key=True, index=True, max_length=60)


class SlotException(SQLModel, table=True):
    """One occurrence that is not as its rule says: skipped, or moved, shortened, with another programme.

    `occurrence_at` is the instant that the slot gives it without exceptions; what is None stays as it was. `lifted`
    names the limits that this one alone may break, by whom and why.
    """

    __tablename__ = "slot_exception"
    __table_args__ = (UniqueConstraint("slot_id", "occurrence_at"),)

    id: str = Field(primary_key=True, max_length=40)
    slot_id: str = Field(foreign_key="slot.id", max_length=40)
    occurrence_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    skip: bool = False
    starts_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    programme_id: str | None = Field(default=None, foreign_key="programme.id", max_length=40)
    max_seconds: float | None = None
    lifted: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    lifted_by: str | None = Field(default=None, max_length=40)
    lifted_reason: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    reason: str = Field(default="", max_length=500)
    changed_by: str = Field(max_length=40)
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class SlotOrder(SQLModel, table=True):
    """Which of two slots with priority goes first where they meet at the stations of a unit, as people there decided.

    With `first_at` and `then_at` it is about these two occurrences alone.
    """

    __tablename__ = "slot_order"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    first_slot: str = Field(foreign_key="slot.id", index=True, max_length=40)
    then_slot: str = Field(foreign_key="slot.id", index=True, max_length=40)
    first_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    then_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    decided_by: str = Field(max_length=40)
    decided_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class DayPart(SQLModel, table=True):
    """A named part of the day in a unit and below ("sáng"): when slots that refer to it begin and must end.

    `windows`: a list of `{"from", "to", "months"?, "weekdays"?, "holidays"?}`; the first that fits a day holds.
    """

    __tablename__ = "day_part"
    __table_args__ = (UniqueConstraint("unit_id", "code"),)

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", max_length=40)
    code: str = Field(max_length=40)
    name: str = Field(max_length=100)
    windows: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    changed_by: str = Field(max_length=40)
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Reservation(SQLModel, table=True):
    """Time that a unit keeps free at the stations below for its own programmes."""

    __tablename__ = "reservation"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    name: str = Field(max_length=100)
    starts: str = Field(max_length=32)
    zone: str = Field(max_length=64)
    rrule: str | None = Field(default=None, max_length=500)
    until: str | None = Field(default=None, max_length=40)
    seconds: float
    created_by: str = Field(max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Airing(SQLModel, table=True):
    """One occurrence: exact instants, exact stations. Once `ticket` is signed the row's content never changes.

    `state`: planned (not signed yet, `reason` says why) → issued → on_air → over; or failed; or withdrawn.
    `severity` is that of an emergency. `lifted` names the limits that a person let it break; `left_out` lists what
    had no room or may not sound, and why.
    Where stations of different languages hear different versions, one occurrence has an airing for each `variant`;
    their audiences have no station in common.
    """

    __tablename__ = "airing"
    __table_args__ = (
        Index(
            "one_live_airing_an_occurrence",
            "slot_id",
            "occurrence_at",
            "variant",
            unique=True,
            sqlite_where=text("state != 'withdrawn'"),
            postgresql_where=text("state != 'withdrawn'"),
        ),
        Index("airing_by_state", "state", "ends_at"),
        Index("airing_by_kind", "kind", "not_after"),
    )

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    slot_id: str | None = Field(default=None, foreign_key="slot.id", max_length=40)
    occurrence_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    variant: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
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
    severity: str | None = Field(default=None, max_length=10)
    lifted: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    left_out: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
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
    """An alarm somebody raised: what to say, where, how often.

    `said` lists what it says in each language, with its clips (`scheduler.alarm_sounds`); rows of before have none, and
    say `clip_id`. `replaces` are the emergencies that end when this one is on air. `source` says what it came from:
    `person`, `prepared:ID`, `local`, `cap:ID` or `drill:ID`. Nothing of it starts at or after `until`.
    """

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
    title: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    about: str = Field(default="other", max_length=20, sa_column_kwargs={"server_default": "other"})
    signal: str = Field(default="none", max_length=10, sa_column_kwargs={"server_default": "none"})
    severity: str = Field(default="extreme", max_length=10, sa_column_kwargs={"server_default": "extreme"})
    until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    source: str = Field(default="person", max_length=80, sa_column_kwargs={"server_default": "person"})
    drill: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    said: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]")
    )
    replaces: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    confirmed_by: str | None = Field(default=None, max_length=40)


class StationCommand(SQLModel, table=True):
    """An order to one station, held out in `/now` until it is acknowledged or has expired.

    `batch_id` names the `StationBatch` that it was given with, if it was one for many.
    """

    __tablename__ = "station_command"

    id: str = Field(primary_key=True, max_length=40)
    station_id: str = Field(foreign_key="station.id", index=True, max_length=40)
    do: str = Field(max_length=12)
    value: Any = Field(default=None, sa_column=Column(JSON))
    given_by: str = Field(max_length=40)
    given_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    batch_id: str | None = Field(default=None, index=True, max_length=40)


class Acknowledgement(SQLModel, table=True):
    """A station has this interrupt, withdrawal or command."""

    __tablename__ = "acknowledgement"

    subject: str = Field(primary_key=True, max_length=80)
    station_id: str = Field(primary_key=True, foreign_key="station.id", max_length=40)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class PlayReport(SQLModel, table=True):
    """What a station said became of one item of an airing."""

    __tablename__ = "play_report"
    __table_args__ = (
        Index("report_by_airing", "airing_id", "station_id"),
        Index("report_by_station", "station_id", "started_at", "outcome"),  # when a station was last heard to play
    )

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
    heard: str | None = Field(default=None, max_length=8)
    heard_db: float | None = None
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
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class JobState(SQLModel, table=True):
    """One row a job of the worker: who holds it, until when, and how it last went."""

    __tablename__ = "job_state"

    name: str = Field(primary_key=True, max_length=40)
    holder: str | None = Field(default=None, max_length=120)
    held_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    succeeded_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    failed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    error: str = Field(default="", max_length=500)


class Trouble(SQLModel, table=True):
    """Something that needs a person's hand: a row that was set aside, or another alarm. Raised once, cleared once.

    `kind` says what `subject` is the id of (`scheduler.troubles`). `what` is for whoever looks into it. It stands
    while `cleared_at` is None; `seen_at` is when it was met last.
    """

    __tablename__ = "trouble"

    kind: str = Field(primary_key=True, max_length=20)
    subject: str = Field(primary_key=True, max_length=80)
    unit_id: str | None = Field(default=None, foreign_key="unit.id", index=True, max_length=40)
    what: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    times: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    cleared_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
