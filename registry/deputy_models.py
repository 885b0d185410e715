"""The table of deputies: who approves in somebody's stead, where, and from when until when."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class Deputy(SQLModel, table=True):
    """`person_id` approves at the unit and below in the stead of `of_person_id`, from `begins_at` until `ends_at`.

    `ended_at` is when somebody ended it before its time. Nothing needs to be done when it runs out.
    """

    __tablename__ = "deputy"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    of_person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    begins_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ends_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_by: str = Field(max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
