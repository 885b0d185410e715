"""Tables of the server's keys, and of what people are told: concerns, contacts, and the outbox of notices."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class ServerKey(SQLModel, table=True):
    """A key of the server, by its name. The key itself lies in the home folder (`scheduler.keys`).

    `state`: announced → signing → retiring → retired. `announcement` is the set of trusted keys of `version`, signed by
    this key; what a retired key signed last leads stations that were away to its successor. `resigned_at` is when all
    that was to come had been signed with it.
    """

    __tablename__ = "server_key"

    kid: str = Field(primary_key=True, max_length=64)
    state: str = Field(max_length=10)
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    version: int = 0
    announcement: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    resigned_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Concern(SQLModel, table=True):
    """Something about a station or an airing that people are told of: once when it stands, once when it is over.

    `since` is when it began, `cleared_at` when it was over (None while it stands). `told_at` and `clear_told_at` are
    when notices of it were written; what was over before anybody was told is never told.
    """

    __tablename__ = "concern"

    kind: str = Field(primary_key=True, max_length=20)
    subject: str = Field(primary_key=True, max_length=80)
    unit_id: str | None = Field(default=None, foreign_key="unit.id", index=True, max_length=40)
    name: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    cleared_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    told_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    clear_told_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Contact(SQLModel, table=True):
    """Who is told of concerns at a unit and below: an e-mail address, or an address on the web that takes JSON.

    `kinds` are the concerns it wants; `secret` signs what is posted, and is shown once. Somebody with a `phone` is who
    is called where an emergency was not heard; by way `phone` they are there for nothing else, and no `kinds` are sent.
    `person_id` is who of those that sign in this is, where that was said: what is theirs to decide is told them here.
    """

    __tablename__ = "contact"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    way: str = Field(max_length=10)
    address: str = Field(max_length=500)
    kinds: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    secret: str = Field(default="", max_length=80)
    name: str = Field(default="", max_length=120, sa_column_kwargs={"server_default": ""})
    phone: str = Field(default="", max_length=30, sa_column_kwargs={"server_default": ""})
    person_id: str | None = Field(default=None, foreign_key="person.id", index=True, max_length=40)
    created_by: str = Field(max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Notice(SQLModel, table=True):
    """One message to one contact, until it has gone out or was given up. A claim that ran out may be taken anew."""

    __tablename__ = "notice"
    __table_args__ = (Index("notice_to_send", "sent_at", "failed_at", "due_at"),)

    id: str = Field(primary_key=True, max_length=40)
    contact_id: str = Field(foreign_key="contact.id", index=True, max_length=40)
    subject: str = Field(max_length=300)
    body: str = Field(sa_column=Column(Text, nullable=False))
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    due_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    tries: int = 0
    claimed_by: str | None = Field(default=None, max_length=120)
    claimed_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    failed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    error: str = Field(default="", max_length=300)
