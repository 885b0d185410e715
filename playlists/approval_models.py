"""Tables of approving: the rules of units, and who has approved what waits for a second person."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class ApprovalRule(SQLModel, table=True):
    """What a unit asks of who approves its bulletins and those below, besides what the units above ask.

    `two_persons` lists the priorities that need two people; with `never_own` not even an administrator approves what
    they wrote. `lines` is the form of `playlists.approval_rules.Line`.
    """

    __tablename__ = "approval_rule"

    unit_id: str = Field(primary_key=True, foreign_key="unit.id", max_length=40)
    two_persons: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    never_own: bool = False
    lines: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    settled_by: str = Field(max_length=40)
    settled_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Approval(SQLModel, table=True):
    """One person's yes to one version; `deputy_of` is in whose stead it was said."""

    __tablename__ = "approval"

    version_id: str = Field(primary_key=True, foreign_key="bulletin_version.id", max_length=40)
    person_id: str = Field(primary_key=True, max_length=40)
    deputy_of: str | None = Field(default=None, max_length=40)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
