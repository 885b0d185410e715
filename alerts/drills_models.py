"""Tables of drills: what is practised on a schedule, each time it was, and what was found at each station."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime

SPOKEN, SILENT = "spoken", "silent"
KINDS = (SPOKEN, SILENT)


class DrillPlan(SQLModel, table=True):
    """A drill on a schedule: `starts` is local time in `zone`, `rrule` how it repeats.

    `answered_by` answers for it by name, until `renew_by`; then somebody has to say anew that they do. `next_at` is
    when it begins next, None when never again. `note` is what is said between the two sentences that call it a test,
    `said` are recordings for other languages (`{"language", "clip"}`).
    """

    __tablename__ = "drill_plan"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    kind: str = Field(max_length=10)
    name: str = Field(max_length=120)
    audience: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    note: str = Field(default="", max_length=600)
    said: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    signal: str = Field(default="chime", max_length=10)
    volume: int | None = None
    starts: str = Field(max_length=32)
    zone: str = Field(max_length=64)
    rrule: str | None = Field(default=None, max_length=500)
    next_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    answered_by: str = Field(max_length=40)
    answered_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    renew_by: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_by: str | None = Field(default=None, max_length=40)
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class DrillRun(SQLModel, table=True):
    """One drill. `state`: preparing → running → reported; or failed, or missed (`why` says why not).

    `planned_at` is when it should have begun, `begun_at` when it did; its report is drawn up after `closes_at`.
    `airings` are the ids of what went on air, `clip_id` the silent recording of a silent drill. `figures` are those of
    `alerts.drills_report.Figures`, kept from the report on.
    """

    __tablename__ = "drill_run"
    __table_args__ = (
        Index("drill_run_by_state", "state", "closes_at"),
        Index("drill_run_by_unit", "unit_id", "planned_at"),
    )

    id: str = Field(primary_key=True, max_length=40)
    plan_id: str | None = Field(default=None, foreign_key="drill_plan.id", index=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", max_length=40)
    kind: str = Field(max_length=10)
    name: str = Field(max_length=120)
    audience: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    note: str = Field(default="", max_length=600)
    said: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    signal: str = Field(default="chime", max_length=10)
    volume: int | None = None
    ordered_by: str = Field(max_length=40)
    planned_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    begun_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    closes_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    state: str = Field(default="preparing", max_length=10)
    why: str = Field(default="", max_length=300)
    emergency_id: str | None = Field(default=None, foreign_key="emergency.id", max_length=40)
    clip_id: str | None = Field(default=None, foreign_key="clip.id", max_length=40)
    airings: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    reported_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    figures: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class DrillCheck(SQLModel, table=True):
    """What a drill found at one station: kept as it was, whatever the station is called or belongs to later.

    `verdict`: ok | repair | quiet (its hours kept it silent). `findings` are words of `alerts.drills_checks.FINDINGS`.
    `told_s` and `sounded_s` count from the beginning of the drill.
    """

    __tablename__ = "drill_check"
    __table_args__ = (Index("drill_check_by_verdict", "run_id", "verdict"),)

    run_id: str = Field(primary_key=True, foreign_key="drill_run.id", max_length=40)
    station_id: str = Field(primary_key=True, max_length=40)
    name: str = Field(max_length=200)
    unit_id: str = Field(max_length=40)
    unit_name: str = Field(max_length=200)
    verdict: str = Field(max_length=10)
    findings: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    outcome: str = Field(default="", max_length=10)
    reason: str | None = Field(default=None, max_length=20)
    told_s: float | None = None
    sounded_s: float | None = None
    peak_db: float | None = None
    heard: str | None = Field(default=None, max_length=8)
    heard_db: float | None = None
