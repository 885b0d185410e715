"""Tables of what units and stations were before: the codes they had, the places where stations stood."""

from datetime import datetime

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class FormerCode(SQLModel, table=True):
    """A code that a unit or a station (`kind`) had from `since` until `until`, and its name then.

    `bearer` is what had the code; `subject` is what an address with it leads to now: another one where the bearer has
    been merged. A code that was given to another, against the rule, is freed: it leads here no more.
    """

    __tablename__ = "former_code"
    __table_args__ = (Index("former_code_by_code", "kind", "code"),)

    id: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=10)
    code: str = Field(max_length=60)
    subject: str = Field(index=True, max_length=40)
    bearer: str = Field(max_length=40)
    name: str = Field(max_length=200)
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    until: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    freed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    freed_by: str | None = Field(default=None, max_length=40)
    freed_reason: str = Field(default="", max_length=500)


class FormerPlace(SQLModel, table=True):
    """A station stood in this unit from `since` until `until`, and answered to these internal names besides its own.

    The times of one station's rows never overlap. Reports of what sounded then are held against them. While it
    `answers`, what was signed for those names before is still taken by the station.
    """

    __tablename__ = "former_place"
    __table_args__ = (Index("former_place_by_station", "station_id", "until"),)

    id: str = Field(primary_key=True, max_length=40)
    station_id: str = Field(foreign_key="station.id", max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    names: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    until: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    answers: bool = Field(default=True, index=True)
