"""The table of when stations began to sound something urgent."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class FirstSound(SQLModel, table=True):
    """When the first sample of an urgent airing left a station, as its heartbeat told while it sounded.

    `began_at` is by the station's corrected clock; of a device that doesn't say it is `noted_at`, when the server
    heard of it. What the station reports later is more precise and counts instead.
    """

    __tablename__ = "first_sound"

    airing_id: str = Field(primary_key=True, foreign_key="airing.id", max_length=40)
    station_id: str = Field(primary_key=True, foreign_key="station.id", index=True, max_length=40)
    began_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    noted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
