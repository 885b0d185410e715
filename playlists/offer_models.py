"""Tables of offers: a bulletin of a unit sent to units below it, and what became of it at each of them."""

from datetime import datetime

from sqlalchemy import JSON, Column, Index, false
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class Offer(SQLModel, table=True):
    """A bulletin sent down. `priority` is that of its approved version then."""

    __tablename__ = "offer"

    id: str = Field(primary_key=True, max_length=40)
    bulletin_id: str = Field(foreign_key="bulletin.id", index=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    priority: str = Field(max_length=10)
    note: str = Field(default="", max_length=500)
    offered_by: str = Field(max_length=40)
    offered_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    reminded_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class OfferTarget(SQLModel, table=True):
    """One unit that an offer went to.

    `state`: waiting → taken | declined; in_line where it comes into a programme by itself. `programme_id` is the
    programme that has it; while in line it sounds there in the occurrence at `airs_at` alone, before what else there is
    or, with `after_own`, after the unit's own priority bulletins. `automatic` says that the unit's own rule took it.
    """

    __tablename__ = "offer_target"
    __table_args__ = (
        Index("offer_target_by_unit", "unit_id", "state", "offer_id"),
        Index("offer_target_in_line", "programme_id", "airs_at"),
        Index("offer_target_by_state", "state", "airs_at"),
    )

    offer_id: str = Field(primary_key=True, foreign_key="offer.id", max_length=40)
    unit_id: str = Field(primary_key=True, foreign_key="unit.id", max_length=40)
    state: str = Field(max_length=10)
    answered_by: str | None = Field(default=None, max_length=40)
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    reason: str = Field(default="", max_length=1_000)
    programme_id: str | None = Field(default=None, foreign_key="programme.id", max_length=40)
    airs_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    after_own: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    automatic: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class OfferReminder(SQLModel, table=True):
    """Somebody who may answer for a unit was reminded of an offer; the row keeps the last time."""

    __tablename__ = "offer_reminder"
    __table_args__ = (Index("offer_reminder_by_person", "person_id", "at"),)

    offer_id: str = Field(primary_key=True, foreign_key="offer.id", max_length=40)
    person_id: str = Field(primary_key=True, foreign_key="person.id", max_length=40)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class OfferRule(SQLModel, table=True):
    """What a unit takes without being asked: ordinary offers of these `fields` (none: all) go into its programme."""

    __tablename__ = "offer_rule"

    unit_id: str = Field(primary_key=True, foreign_key="unit.id", max_length=40)
    programme_id: str = Field(foreign_key="programme.id", max_length=40)
    fields: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    settled_by: str = Field(max_length=40)
    settled_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
