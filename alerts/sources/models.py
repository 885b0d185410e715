"""Tables of where alerts come from, what came, what ended what, and what was offered to others of our own."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class CapSource(SQLModel, table=True):
    """Where messages come from, and the rule for them.

    `kind`: pull (its `url` is asked every `interval_s`), push (it calls us), person (what somebody hands in in their
    own right; belongs to no unit). `trust` is `alerts.cap.trust.Trust` as JSON. Whoever made the rule (`made_by`)
    answers by name for what goes on air by itself. `certificates` (PEM) are those it signs with; `tls_certificate`
    (PEM) or `tls_key_sha256` (hex) pin the server. `unknown_areas`: what is done with a message whose area is not known
    here at all: person | list. `etag` and `last_modified` are those of the last answer that was used.
    """

    __tablename__ = "cap_source"

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str | None = Field(default=None, foreign_key="unit.id", index=True, max_length=40)
    name: str = Field(max_length=200)
    kind: str = Field(max_length=10)
    url: str = Field(default="", max_length=2_000)
    interval_s: int = 60
    certificates: str = Field(default="", sa_column=Column(Text, nullable=False))
    tls_certificate: str = Field(default="", sa_column=Column(Text, nullable=False))
    tls_key_sha256: str = Field(default="", max_length=64)
    trust: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    unknown_areas: str = Field(default="person", max_length=10)
    signal: str = Field(default="siren", max_length=10)
    times: int = 2
    every_s: float = 0.0
    made_by: str = Field(foreign_key="person.id", index=True, max_length=40)
    made_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    active: bool = True
    etag: str = Field(default="", max_length=500)
    last_modified: str = Field(default="", max_length=100)
    next_poll_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    claimed_by: str | None = Field(default=None, max_length=120)
    succeeded_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    failed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    failing_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    failures: int = 0
    error: str = Field(default="", max_length=500)


class CapEntry(SQLModel, table=True):
    """An entry of a source's index: `entry` names it, `mark` is when it last changed (both SHA-256)."""

    __tablename__ = "cap_entry"

    source_id: str = Field(primary_key=True, foreign_key="cap_source.id", max_length=40)
    entry: str = Field(primary_key=True, max_length=64)
    mark: str = Field(max_length=64)
    done: bool = False
    tries: int = 0
    due_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class CapAlert(SQLModel, table=True):
    """A message that came, and what became of it.

    `key` is the SHA-256 of sender, identifier and sent (of the document, for what could not be read), `name` that of
    sender and identifier, `digest` that of the content. `counts`: it is remembered as one of its source's. `state`:
    on_air | coming (until `starts_at`) | waiting (for a person) | listed | ignored | declined | cancelled | superseded
    | expired. `notes` are remarks on why. `ends` are emergencies that end when this one is decided on. `doubts`: it is
    on air, and a person should look whether that is enough.
    """

    __tablename__ = "cap_alert"
    __table_args__ = (
        UniqueConstraint("source_id", "key", "digest"),
        Index("cap_alert_by_state", "state", "ends_at"),
    )

    id: str = Field(primary_key=True, max_length=40)
    source_id: str = Field(foreign_key="cap_source.id", max_length=40)
    unit_id: str | None = Field(default=None, foreign_key="unit.id", index=True, max_length=40)
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    times_seen: int = 1
    key: str = Field(index=True, max_length=64)
    name: str = Field(index=True, max_length=64)
    digest: str = Field(max_length=64)
    sender: str = Field(default="", max_length=1_000)
    identifier: str = Field(default="", max_length=1_000)
    sent: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    title: str = Field(default="", max_length=300)
    status: str = Field(default="", max_length=20)
    msg_type: str = Field(default="", max_length=20)
    severity: str = Field(default="", max_length=20)
    signature: str = Field(default="none", max_length=20)
    action: str = Field(default="ignore", max_length=20)
    handling: str = Field(default="listed", max_length=20)
    code: str = Field(default="", max_length=40)
    notes: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    counts: bool = False
    state: str = Field(max_length=20)
    blocks: list[int] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    all_clear: bool = False
    starts_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    ends_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    again_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    emergencies: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    ends: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    audience: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    stations: int = 0
    doubts: bool = Field(default=False, index=True)
    decided_by: str = Field(default="", max_length=40)
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    decided_why: str = Field(default="", max_length=500)
    message: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
    document: str | None = Field(default=None, foreign_key="cap_document.sha256", index=True, max_length=64)


class CapDocument(SQLModel, table=True):
    """A document as it came, compressed (zlib); kept as long as a message of it is."""

    __tablename__ = "cap_document"

    sha256: str = Field(primary_key=True, max_length=64)
    size: int
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class CapNaming(SQLModel, table=True):
    """A message of a source that updates or cancels another (`alerts.cap.chains.Naming`); the keys as SHA-256 too."""

    __tablename__ = "cap_naming"
    __table_args__ = (
        UniqueConstraint("source_id", "by_key", "names_key"),
        Index("cap_naming_by_names", "source_id", "names_key"),
    )

    id: int | None = Field(default=None, primary_key=True)
    source_id: str = Field(foreign_key="cap_source.id", max_length=40)
    by_key: str = Field(max_length=64)
    names_key: str = Field(max_length=64)
    by_sender: str = Field(sa_column=Column(Text, nullable=False))
    by_identifier: str = Field(sa_column=Column(Text, nullable=False))
    by_sent: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    names_sender: str = Field(sa_column=Column(Text, nullable=False))
    names_identifier: str = Field(sa_column=Column(Text, nullable=False))
    names_sent: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    cancels: bool = False


class CapPublished(SQLModel, table=True):
    """One of our own emergencies as a CAP message, written once and then the same for ever.

    `msg_type`: Alert | Update | Cancel; `public` says whether its unit offered alerts to everybody then.
    """

    __tablename__ = "cap_published"
    __table_args__ = (UniqueConstraint("emergency_id", "msg_type"),)

    id: str = Field(primary_key=True, max_length=60)
    emergency_id: str = Field(foreign_key="emergency.id", max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    msg_type: str = Field(max_length=10)
    title: str = Field(default="", max_length=300)
    sender: str = Field(max_length=200)
    identifier: str = Field(max_length=200)
    sent: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    public: bool = True
    content: str = Field(sa_column=Column(Text, nullable=False))
