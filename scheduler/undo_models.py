"""Table of what can be undone on the timetable."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class TimetableStep(SQLModel, table=True):
    """One change that a person made in the week: `before` holds the touched slots as they stood, by id.

    A slot that the step made is there with None. `after` is a digest of how the step left them: what has been changed
    since is not undone.
    """

    __tablename__ = "timetable_step"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    person_id: str = Field(max_length=40)
    kind: str = Field(max_length=12)
    before: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    after: str = Field(max_length=64)
    made_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    undone_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
