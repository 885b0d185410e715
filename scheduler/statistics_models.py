"""Tables that are added up from reports and outcomes: what was heard where, month by month.

Nothing stands here alone: all of it can be worked out anew from the reports.
"""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class HeardBulletin(SQLModel, table=True):
    """A bulletin that sounded from a station of a unit in a month of the unit's own clock, in one language.

    `version_id` is the approved version that sounded last, `sha256` its MP3 then. `unit_id` is the station's unit.
    """

    __tablename__ = "heard_bulletin"

    unit_id: str = Field(primary_key=True, foreign_key="unit.id", max_length=40)
    month: str = Field(primary_key=True, max_length=7)
    bulletin_id: str = Field(primary_key=True, foreign_key="bulletin.id", index=True, max_length=40)
    language: str = Field(primary_key=True, max_length=12)
    version_id: str = Field(foreign_key="bulletin_version.id", max_length=40)
    field: str = Field(max_length=40)
    priority: str = Field(max_length=10)
    seconds: float
    sha256: str = Field(default="", max_length=64)
    airing_id: str = Field(foreign_key="airing.id", max_length=40)
    first_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class MonthFigure(SQLModel, table=True):
    """Seconds planned and played by the stations of a unit in a month, each station for itself, by what it was.

    `field`, `priority` and `language` are empty for what is no bulletin: music, signature tunes, relays.
    """

    __tablename__ = "month_figure"

    unit_id: str = Field(primary_key=True, foreign_key="unit.id", max_length=40)
    month: str = Field(primary_key=True, max_length=7)
    field: str = Field(primary_key=True, max_length=40)
    priority: str = Field(primary_key=True, max_length=10)
    language: str = Field(primary_key=True, max_length=12)
    planned_seconds: float
    played_seconds: float


class StationMonth(SQLModel, table=True):
    """How a station kept its timetable in a month: airings that were to sound there, and what became of them."""

    __tablename__ = "station_month"

    station_id: str = Field(primary_key=True, foreign_key="station.id", max_length=40)
    month: str = Field(primary_key=True, max_length=7)
    played: int = 0
    partial: int = 0
    missed: int = 0
    planned_seconds: float = 0.0
    played_seconds: float = 0.0


class RollUp(SQLModel, table=True):
    """How far a roll-up has come: what was written before `upto` is in it."""

    __tablename__ = "roll_up"

    name: str = Field(primary_key=True, max_length=40)
    upto: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
