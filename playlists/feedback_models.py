"""The table of what citizens say is wrong."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class Feedback(SQLModel, table=True):
    """What somebody outside said is wrong, and the answer. `state`: open → answered → closed; any → closed.

    `number` and the code whose SHA-256 is `code_hash` open the answer to whoever was given both. `kind` is one of
    `playlists.feedback.KINDS`; `place` the loudspeaker or hamlet in their words; `about` a bulletin they heard.
    `contact` is personal: empty from the start, or emptied after a time. `bulletin_id` is what was made of the answer.
    """

    __tablename__ = "feedback"

    id: str = Field(primary_key=True, max_length=40)
    number: str = Field(unique=True, max_length=12)
    code_hash: str = Field(max_length=64)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    kind: str = Field(max_length=12)
    place: str = Field(default="", max_length=200)
    about: str | None = Field(default=None, foreign_key="bulletin.id", max_length=40)
    text: str = Field(default="", max_length=2_000)
    contact: str = Field(default="", max_length=200)
    language: str = Field(default="vi", max_length=8)
    state: str = Field(default="open", max_length=10)
    answer: str = Field(default="", max_length=4_000)
    answered_by: str | None = Field(default=None, max_length=40)
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    bulletin_id: str | None = Field(default=None, foreign_key="bulletin.id", max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
