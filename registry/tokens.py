"""Tokens of scripts: with a person's rights, or some of them, for good or until a day.

A scope bounds what the person may do anyway; `registry.rights.Actor` applies it, in one place, to whatever is asked.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, InvalidInput, NotFound, NotSignedIn
from core.ids import new_id
from registry import secrets
from registry.models import ApiToken, Person
from registry.people_above import require_above
from registry.rights import Actor, Permission, actor_for, system_actor

# What people choose from → the permissions it stands for. Everything without a scope.
SCOPES: dict[str, frozenset[Permission]] = {
    "read": frozenset({Permission.SEE}),
    "bulletins": frozenset({Permission.SEE, Permission.WRITE}),
    "approval": frozenset({Permission.SEE, Permission.APPROVE}),
    "timetable": frozenset({Permission.SEE, Permission.SCHEDULE}),
    "stations": frozenset({Permission.SEE, Permission.OPERATE}),
    "alarms": frozenset({Permission.SEE, Permission.ALARM}),
}
MOST_DAYS = 3_650
MOST = 50  # a person, in use at a time
_USED_EVERY = timedelta(hours=1)
_PREFIX = "tk_"  # the secrets of calendars lie in the same table
_TOKEN = N_("The token is missing, wrong or revoked.")
_ENDED = N_("The token has run out. Make a new one.")
_NOBODY = N_("There is no person “%(name)s”.")


def new_token(session: Session, username: str, label: str, now: datetime) -> str:
    """A token for scripts with all of this person's rights, without an end, shown once. Raises NotFound."""
    return make(session, system_actor(), username, label, now)[0]


def make(
    session: Session,
    actor: Actor,
    username: str,
    label: str,
    now: datetime,
    *,
    scope: Iterable[str] = (),
    days: int | None = None,
) -> tuple[str, ApiToken]:
    """A token and its row; the token is kept nowhere. No `scope` means all rights, no `days` no end.

    People make their own; the command line of the installation (`system`) makes anybody's. Raises NotFound for
    somebody else or nobody, Forbidden for a token with a scope, InvalidInput.
    """
    person = session.exec(select(Person).where(Person.username == username)).first()
    if person is None or not person.active or actor.id not in {person.id, system_actor().id}:
        raise NotFound(_NOBODY, name=username)
    actor.require_whole()
    permissions = permissions_of(scope)
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InvalidInput(N_("A token lasts between 1 and %(most)s days."), fields={"days": "range"}, most=MOST_DAYS)
    if len(of(session, person.id, now)) >= MOST:
        raise InvalidInput(N_("There are %(most)s tokens already. End one that is not used."), most=MOST)
    token = secrets.new_token("loa")
    row = ApiToken(
        id=new_id("tk"), person_id=person.id, token_hash=secrets.digest(token), label=label.strip()[:100],
        created_at=now, expires_at=now + timedelta(days=days) if days else None,
        scope=None if permissions is None else sorted(permissions),
    )  # fmt: skip
    session.add(row)
    audit.record(
        session, actor=actor.username, action="token.create", subject=person.id, now=now, label=row.label,
        scope=row.scope, days=days,
    )  # fmt: skip
    return token, row


def permissions_of(scope: Iterable[str]) -> frozenset[Permission] | None:
    """The permissions that words of SCOPES stand for together; None for no word. Raises InvalidInput."""
    words = sorted(set(scope))
    unknown = [each for each in words if each not in SCOPES]
    if unknown:
        raise InvalidInput(
            N_("There is no scope “%(scope)s”. There are: %(known)s."), fields={"scope": "unknown"},
            scope=unknown[0][:20], known=", ".join(SCOPES),
        )  # fmt: skip
    return frozenset().union(*(SCOPES[each] for each in words)) if words else None


def words_of(row: ApiToken) -> list[str] | None:
    """The words of SCOPES that a token's scope is made of; None for a token with all rights."""
    if row.scope is None:
        return None
    held = set(row.scope)
    words = [word for word, needs in SCOPES.items() if needs <= held]
    return words if words == ["read"] else [word for word in words if word != "read"]


def by_token(session: Session, token: str, now: datetime) -> tuple[Actor, ApiToken]:
    """Whoever this token belongs to, with the rights of this moment within its scope. Raises NotSignedIn."""
    row = session.exec(
        select(ApiToken, Person)
        .join(Person, col(Person.id) == ApiToken.person_id)
        .where(
            ApiToken.token_hash == secrets.digest(token),
            col(ApiToken.revoked_at).is_(None),
            col(ApiToken.id).startswith(_PREFIX),
        )
    ).first()
    if row is None or not row[1].active:
        raise NotSignedIn(_TOKEN)
    if row[0].expires_at is not None and row[0].expires_at <= now:
        raise NotSignedIn(_ENDED)
    scope = None if row[0].scope is None else frozenset(Permission(each) for each in row[0].scope)
    return actor_for(session, row[1], scope, now), row[0]


def is_stale(row: ApiToken, now: datetime) -> bool:
    """Whether it is time to note again when the token was used: at most once an hour."""
    return row.used_at is None or now - row.used_at >= _USED_EVERY


def used(session: Session, token_id: str, now: datetime) -> None:
    """Note that a token was used just now."""
    row = session.get(ApiToken, token_id)
    if row is not None:
        row.used_at = now
        session.add(row)


def of(session: Session, person_id: str, now: datetime) -> Sequence[ApiToken]:
    """A person's tokens that still open something, the newest first."""
    query = select(ApiToken).where(
        ApiToken.person_id == person_id,
        col(ApiToken.revoked_at).is_(None),
        col(ApiToken.id).startswith(_PREFIX),
        col(ApiToken.expires_at).is_(None) | (col(ApiToken.expires_at) > now),
    )
    return session.exec(query.order_by(col(ApiToken.created_at).desc(), col(ApiToken.id))).all()


def revoke(session: Session, actor: Actor, token_id: str, now: datetime) -> ApiToken:
    """End a token: one's own, or one of somebody all of whose units the actor administers. Raises NotFound."""
    row = session.get(ApiToken, token_id)
    if row is None or not row.id.startswith(_PREFIX) or row.revoked_at is not None:
        raise NotFound
    unit_id = None
    if row.person_id != actor.id:
        units = require_above(session, actor, session.get_one(Person, row.person_id))
        unit_id = units[0].id if units else None
    actor.require_whole()
    row.revoked_at = now
    session.add(row)
    audit.record(
        session, actor=actor.username, action="token.revoke", subject=row.person_id, unit_id=unit_id, now=now,
        token=row.id, label=row.label,
    )  # fmt: skip
    return row
