"""Tables of what belongs to an account: second factor, sessions, invitations, and what its person is to be told."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class SecondFactor(SQLModel, table=True):
    """The secret of a person's authenticator, sealed (`core.vault`); it counts once `confirmed_at` is set.

    `last_step` is the time step of the newest code that was taken: neither it nor an older one counts again.
    """

    __tablename__ = "second_factor"

    person_id: str = Field(primary_key=True, foreign_key="person.id", max_length=40)
    secret: str = Field(max_length=200)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    last_step: int | None = Field(default=None, sa_column=Column(BigInteger))


class RecoveryCode(SQLModel, table=True):
    """A code for the day the telephone is lost. Only its SHA-256 is kept; each counts once."""

    __tablename__ = "recovery_code"

    code_hash: str = Field(primary_key=True, max_length=64)
    person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class FactorRule(SQLModel, table=True):
    """Which roles need a second factor at a unit and below, until a unit further down says otherwise."""

    __tablename__ = "second_factor_rule"

    unit_id: str = Field(primary_key=True, foreign_key="unit.id", max_length=40)
    roles: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))


class BrowserSession(SQLModel, table=True):
    """A browser in which somebody is signed in. `seen_at` is coarse; a row that is gone has ended."""

    __tablename__ = "browser_session"

    id: str = Field(primary_key=True, max_length=60)
    person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    browser: str = Field(default="", max_length=40)
    system: str = Field(default="", max_length=40)
    address: str = Field(default="", max_length=64)
    second_factor: bool = False
    begun_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class Invitation(SQLModel, table=True):
    """A link that makes an account (`person_id` is None until it is used) or sets a new password for `person_id`.

    Only the SHA-256 of its token is kept. It works once, until `expires_at`, unless it was revoked before.
    """

    __tablename__ = "invitation"

    id: str = Field(primary_key=True, max_length=40)
    token_hash: str = Field(unique=True, max_length=64)
    kind: str = Field(max_length=12)
    unit_id: str | None = Field(default=None, foreign_key="unit.id", index=True, max_length=40)
    role: str = Field(default="", max_length=20)
    person_id: str | None = Field(default=None, foreign_key="person.id", index=True, max_length=40)
    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=200)
    phone: str = Field(default="", max_length=40)
    made_by: str = Field(max_length=40)
    made_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class AccountNotice(SQLModel, table=True):
    """What somebody else did to an account, told to its person when they next sign in; then the row goes."""

    __tablename__ = "account_notice"

    id: int | None = Field(default=None, primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True, max_length=40)
    kind: str = Field(max_length=40)
    by: str = Field(max_length=200)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
