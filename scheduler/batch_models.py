"""The table of orders that were given to many stations at once."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class StationBatch(SQLModel, table=True):
    """One act for many stations: each of them has a `station_command` with this `batch_id`.

    `seq` is the number of the change that told of it: a station that has read as far has been told. `left_out` pairs
    the ids of stations that were chosen and got no order with the reason.
    """

    __tablename__ = "station_batch"

    id: str = Field(primary_key=True, max_length=40)
    do: str = Field(max_length=12)
    value: Any = Field(default=None, sa_column=Column(JSON))
    stations: int
    left_out: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    reason: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})
    seq: int = 0
    given_by: str = Field(max_length=40)
    given_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
