"""Where and when a bulletin was asked to sound, and what came of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class AirWishRow(SQLModel, table=True):
    """What somebody wanted for a bulletin on the page “where and when”.

    `wanted` is what `scheduler.bulletin_air.Asked` writes. `state`: waiting (for the approval, or for somebody who may
    schedule) → arranged (`slots` were made, or the bulletin was put into programme `joined`) | failed (`reason` says
    why, in the words of `reason_params`) | taken_back. `unit_id` is the unit below that the bulletin was sent to and
    that wants it on air there; None where the unit that wrote it does.
    """

    __tablename__ = "air_wish"

    id: str = Field(primary_key=True, max_length=40)
    bulletin_id: str = Field(foreign_key="bulletin.id", index=True, max_length=40)
    unit_id: str | None = Field(default=None, foreign_key="unit.id", index=True, max_length=40)
    wanted: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    state: str = Field(default="waiting", max_length=12)
    reason: str = Field(default="", max_length=500)
    reason_params: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    slots: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    joined: str | None = Field(default=None, foreign_key="programme.id", max_length=40)
    wanted_by: str = Field(max_length=40)
    wanted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    done_by: str | None = Field(default=None, max_length=40)
    done_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
