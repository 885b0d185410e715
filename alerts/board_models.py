"""Tables of what is kept of an emergency when it is over: how it went as a whole, and at each station."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class EmergencyReport(SQLModel, table=True):
    """How an emergency went. Written some time after its end, and again while reports still come in; then `final`.

    Nothing in it points at rows that may be moved, merged or cleared away: names are as they were. `seen_at` is up to
    when reports and acknowledgements are in it. `first_s` and `most_s` are seconds from the press to the first sound,
    and to that of 95 % of the stations; None where it never came to that. `counts` are stations by state.
    """

    __tablename__ = "emergency_report"

    emergency_id: str = Field(primary_key=True, foreign_key="emergency.id", max_length=40)
    unit_id: str = Field(index=True, max_length=40)
    unit_name: str = Field(max_length=200)
    unit_path: str = Field(max_length=2_000)
    title: str = Field(max_length=300)
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
    raised_by: str = Field(max_length=200)
    raised_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    issued_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    ended_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    state: str = Field(max_length=10)
    stations: int = 0
    acknowledged: int = 0
    sounded: int = 0
    first_s: float | None = None
    most_s: float | None = None
    counts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    units: int = 0
    unreached: int = 0
    written_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    final: bool = Field(default=False, index=True)


class EmergencyLine(SQLModel, table=True):
    """What became of an emergency at one station: where it stood and what it was called then, and what it did.

    `state` is one of `alerts.board_states.STATES`; `path` that of its unit. `first_at` is when its first sample left.
    """

    __tablename__ = "emergency_line"

    emergency_id: str = Field(primary_key=True, foreign_key="emergency_report.emergency_id", max_length=40)
    station_id: str = Field(primary_key=True, max_length=40)
    name: str = Field(max_length=200)
    unit_id: str = Field(max_length=40)
    unit_name: str = Field(max_length=200)
    path: str = Field(max_length=2_000)
    state: str = Field(max_length=12)
    reason: str | None = Field(default=None, max_length=16)
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    first_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    seconds: float = 0.0
    heard: str | None = Field(default=None, max_length=8)
