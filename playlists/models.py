"""Tables of bulletins with their versions, programmes with their items, and fields."""

from datetime import datetime

from sqlalchemy import Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class Subject(SQLModel, table=True):
    """A field (lĩnh vực) of bulletins: data, not an enum; the first ten come with the installation."""

    __tablename__ = "field"

    code: str = Field(primary_key=True, max_length=40)
    name_vi: str = Field(max_length=100)
    name_en: str = Field(max_length=100)
    position: int = 0


class Bulletin(SQLModel, table=True):
    """One message through all its versions. `approved` is the number of the version that may sound now."""

    __tablename__ = "bulletin"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    latest: int = 1
    approved: int | None = None
    created_by: str = Field(max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class BulletinVersion(SQLModel, table=True):
    """What was written, and what became of it. Only a draft is ever rewritten.

    `state`: draft → submitted → approved | rejected; approved → superseded; any → withdrawn.
    """

    __tablename__ = "bulletin_version"
    __table_args__ = (UniqueConstraint("bulletin_id", "number"),)

    id: str = Field(primary_key=True, max_length=40)
    bulletin_id: str = Field(foreign_key="bulletin.id", index=True, max_length=40)
    number: int
    state: str = Field(default="draft", max_length=12, index=True)
    title: str = Field(max_length=200)
    text: str = ""
    clip_id: str = Field(foreign_key="clip.id", max_length=40, index=True)
    language: str = Field(default="vi", max_length=12)
    field: str = Field(foreign_key="field.code", max_length=40)
    priority: str = Field(default="ordinary", max_length=10)
    voice: str | None = Field(default=None, max_length=80)
    valid_from: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    valid_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    written_by: str = Field(max_length=40)
    written_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    submitted_by: str | None = Field(default=None, max_length=40)
    submitted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    decided_by: str | None = Field(default=None, max_length=40)
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    reason: str = Field(default="", max_length=1_000)


class Programme(SQLModel, table=True):
    """A playlist: ordered items that go on air together."""

    __tablename__ = "programme"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    title: str = Field(max_length=200)
    created_by: str = Field(max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class ProgrammeItem(SQLModel, table=True):
    """One item: a bulletin, a clip somebody with the right to approve put there, or "the newest bulletins of…"."""

    __tablename__ = "programme_item"

    id: str = Field(primary_key=True, max_length=40)
    programme_id: str = Field(foreign_key="programme.id", index=True, max_length=40)
    position: int
    kind: str = Field(max_length=10)
    bulletin_id: str | None = Field(default=None, foreign_key="bulletin.id", index=True, max_length=40)
    clip_id: str | None = Field(default=None, foreign_key="clip.id", index=True, max_length=40)
    field: str | None = Field(default=None, max_length=40)
    priority: str | None = Field(default=None, max_length=10)
    count: int = 1
    approved_by: str | None = Field(default=None, max_length=40)
