"""Tables of bulletins with their versions, programmes with their items, relays, and fields."""

from datetime import datetime

from sqlalchemy import JSON, Column, UniqueConstraint, false
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
    twice: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    valid_from: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    valid_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    written_by: str = Field(max_length=40)
    written_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    submitted_by: str | None = Field(default=None, max_length=40)
    submitted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    decided_by: str | None = Field(default=None, max_length=40)
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    reason: str = Field(default="", max_length=1_000)


class Rendition(SQLModel, table=True):
    """A bulletin version in one more language: a text to be spoken, or the recording of a person who reads it.

    It is written, approved and withdrawn with the version it belongs to.
    """

    __tablename__ = "rendition"
    __table_args__ = (UniqueConstraint("version_id", "language"),)

    id: str = Field(primary_key=True, max_length=40)
    version_id: str = Field(foreign_key="bulletin_version.id", max_length=40)
    position: int
    language: str = Field(max_length=12)
    text: str = ""
    clip_id: str = Field(foreign_key="clip.id", max_length=40, index=True)
    voice: str | None = Field(default=None, max_length=80)


class Programme(SQLModel, table=True):
    """A playlist: ordered items that go on air together."""

    __tablename__ = "programme"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    title: str = Field(max_length=200)
    created_by: str = Field(max_length=40)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class RelaySource(SQLModel, table=True):
    """An address of another broadcaster, as somebody gave it: a row for each, whoever relays it (`playlists.relays`).

    `kind` is what was found there (`audio.relays.looking.KINDS`), `name` what the broadcaster calls itself. `state` is
    "" while it was not listened to before an airing, then `up`, `silent` or `down`, and `why`; `checked_at` is when.
    """

    __tablename__ = "relay_source"

    id: str = Field(primary_key=True, max_length=40)
    url: str = Field(max_length=500)
    kind: str = Field(max_length=20)
    name: str = Field(default="", max_length=120)
    state: str = Field(default="", max_length=10)
    why: str = Field(default="", max_length=300)
    noted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    checked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class ProgrammeItem(SQLModel, table=True):
    """One item: a bulletin, a clip somebody with the right to approve put there, or "the newest bulletins of…".

    `newest` may be bounded to what `from_unit_id` wrote, to `max_age_days`, and to what was not heard at these stations
    for `unheard_days`. A `rotation` takes one of its `choices` (ids of bulletins or clips) after the other. `role`:
    a `signature` is never left out, a `fill` sounds only where there is room.

    A `relay` takes over the broadcast at an address for `seconds`; `clip_id` is then what plays while nothing comes
    from there, `via` who fetches it: `station`, `server`, or `auto`. `title` is that of a relay alone.
    """

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
    from_unit_id: str | None = Field(default=None, foreign_key="unit.id", max_length=40)
    max_age_days: int | None = None
    unheard_days: int | None = None
    choices: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    role: str = Field(default="", max_length=10, sa_column_kwargs={"server_default": ""})
    relay: str | None = Field(default=None, max_length=500)
    seconds: float | None = None
    title: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    via: str = Field(default="", max_length=10, sa_column_kwargs={"server_default": ""})
    approved_by: str | None = Field(default=None, max_length=40)
