"""Tables of what surrounds the writing of a bulletin: what was typed and not saved, who is at it, and templates."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class DraftNote(SQLModel, table=True):
    """What a person has typed into a form and not saved yet: one row for each person and form.

    `form` is the id of the bulletin that is rewritten, or `new-…` with a name of the browser's tab. `base` says upon
    which state of the bulletin it was typed (`playlists.editions.edition`), empty for a new one.
    """

    __tablename__ = "draft_note"

    person_id: str = Field(primary_key=True, max_length=40)
    form: str = Field(primary_key=True, max_length=60)
    fields: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    base: str = Field(default="", max_length=80)
    saved_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class EditingPresence(SQLModel, table=True):
    """Somebody has the form of a bulletin open; `seen_at` moves on with every sign of life of their page."""

    __tablename__ = "editing_presence"

    bulletin_id: str = Field(primary_key=True, foreign_key="bulletin.id", max_length=40)
    person_id: str = Field(primary_key=True, max_length=40)
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class NoticeTemplate(SQLModel, table=True):
    """A common notice with blanks in square brackets, kept by a unit for itself and the units below."""

    __tablename__ = "notice_template"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    name: str = Field(max_length=100)
    title: str = Field(max_length=200)
    text: str
    field: str = Field(foreign_key="field.code", max_length=40)
    priority: str = Field(default="ordinary", max_length=10)
    position: int = 0
    changed_by: str = Field(max_length=40)
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
