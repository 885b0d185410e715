"""Tables of the messages that are kept ready for emergencies."""

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class PreparedMessage(SQLModel, table=True):
    """A message somebody approved ahead of the day it is needed: of a kind of `core.standing`, in some languages.

    `ticket` is the standing ticket that stations below the unit hold, signed with `ticket_key`; `made_of` is a hash of
    all that went into it. It is renewed long before `not_after`.
    """

    __tablename__ = "prepared_message"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    kind: str = Field(max_length=20)
    title: str = Field(max_length=200)
    valid_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    approved_by: str = Field(max_length=40)
    approved_name: str = Field(max_length=200)
    approved_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    retired_by: str | None = Field(default=None, max_length=40)
    retired_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    ticket: str = Field(default="", sa_column=Column(Text, nullable=False))
    ticket_key: str = Field(default="", max_length=64)
    made_of: str = Field(default="", max_length=64)
    issued_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    not_after: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class PreparedVersion(SQLModel, table=True):
    """The message in one language: a clip, and the approved version of a bulletin that it comes from, if it does."""

    __tablename__ = "prepared_version"

    message_id: str = Field(primary_key=True, foreign_key="prepared_message.id", max_length=40)
    position: int = Field(primary_key=True)
    language: str = Field(max_length=12)
    clip_id: str = Field(foreign_key="clip.id", index=True, max_length=40)
    bulletin_version_id: str | None = Field(default=None, foreign_key="bulletin_version.id", max_length=40)
