"""The browsers somebody is signed in with: begun, seen, shown, ended.

A cookie carries a session's name, signed; what counts is the row here, so that ending it anywhere ends it everywhere,
at the next request. A session is written to at most every five minutes.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from core import audit
from core.errors import NotFound
from core.ids import new_id
from registry import secrets
from registry.account_models import BrowserSession
from registry.models import Person
from registry.rights import Actor, actor_for

SEEN_EVERY = timedelta(minutes=5)
MOST = 20  # a person; the one seen longest ago goes first
_SECRET_BYTES = 16
_MAX_AGENT = 400
_BROWSERS = (
    # Many call themselves by the names of others too: the more special one first.
    ("Cốc Cốc", r"coc_coc_browser"), ("Edge", r"\bEdg(?:e|A|iOS)?/"), ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"SamsungBrowser/"), ("Firefox", r"\b(?:Firefox|FxiOS)/"), ("Zalo", r"\bZalo"),
    ("Chrome", r"\b(?:Chrome|CriOS|Chromium|HeadlessChrome)/"), ("Safari", r"\bSafari/"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", r"\bAndroid\b"), ("iPhone", r"\biPhone\b"), ("iPad", r"\biPad\b"), ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"), ("ChromeOS", r"\bCrOS\b"), ("Linux", r"\bLinux\b"),
)  # fmt: skip


def device_of(agent: str) -> tuple[str, str]:
    """Browser and system as people call them, from a User-Agent; empty words for what is not known."""
    agent = agent[:_MAX_AGENT]
    return tuple(  # type: ignore[return-value]
        next((name for name, sign in signs if re.search(sign, agent)), "") for signs in (_BROWSERS, _SYSTEMS)
    )


def begin(
    session: Session, person: Person, *, agent: str, address: str, now: datetime, second_factor: bool = False
) -> str:
    """Sign a browser in; returns the name of the session for its cookie. Beyond 20 the oldest of the person end."""
    browser, system = device_of(agent)
    name = new_id("se") + secrets.new_token("")[:_SECRET_BYTES]
    session.add(
        BrowserSession(
            id=name, person_id=person.id, browser=browser, system=system, address=address[:64],
            second_factor=second_factor, begun_at=now, seen_at=now,
        )
    )  # fmt: skip
    session.flush()
    newest = select(BrowserSession.id).where(BrowserSession.person_id == person.id)
    newest = newest.order_by(col(BrowserSession.seen_at).desc(), col(BrowserSession.id).desc()).limit(MOST)
    keep = [*session.exec(newest).all(), name]
    session.execute(
        delete(BrowserSession).where(col(BrowserSession.person_id) == person.id, col(BrowserSession.id).not_in(keep))
    )
    return name


def known(session: Session, name: str, now: datetime, lasts: timedelta) -> tuple[Actor, BrowserSession] | None:
    """Whoever is signed in under this name, with the rights of this moment; None when it has ended or run out."""
    found = session.exec(
        select(BrowserSession, Person)
        .join(Person, col(Person.id) == BrowserSession.person_id)
        .where(BrowserSession.id == name)
    ).first()
    if found is None or not found[1].active or found[0].seen_at + lasts + SEEN_EVERY < now:
        return None
    return actor_for(session, found[1], now=now), found[0]


def is_stale(row: BrowserSession, now: datetime) -> bool:
    """Whether it is time to note again when and from where the session was seen."""
    return now - row.seen_at >= SEEN_EVERY


def seen(session: Session, name: str, address: str, now: datetime) -> None:
    """Note that a session is in use; one that has ended meanwhile stays ended."""
    row = session.get(BrowserSession, name)
    if row is not None:
        row.seen_at, row.address = max(now, row.seen_at), address[:64]
        session.add(row)


def of(session: Session, person_id: str) -> Sequence[BrowserSession]:
    """A person's sessions, the one seen last first."""
    query = select(BrowserSession).where(BrowserSession.person_id == person_id)
    return session.exec(query.order_by(col(BrowserSession.seen_at).desc(), col(BrowserSession.id))).all()


def end(session: Session, actor: Actor, name: str, now: datetime) -> None:
    """End one of the actor's own sessions. Raises NotFound, for somebody else's too."""
    row = session.get(BrowserSession, name)
    if row is None or row.person_id != actor.id:
        raise NotFound
    session.delete(row)
    audit.record(
        session, actor=actor.username, action="session.end", subject=actor.id, now=now, browser=row.browser,
        system=row.system, address=row.address,
    )  # fmt: skip


def end_others(session: Session, actor: Actor, keep: str, now: datetime) -> int:
    """End all of the actor's sessions but `keep`; returns how many."""
    ended = end_all(session, actor.id, keep)
    if ended:
        audit.record(session, actor=actor.username, action="session.end_others", subject=actor.id, now=now, count=ended)
    return ended


def end_all(session: Session, person_id: str, keep: str = "") -> int:
    """End every session of a person but `keep`; returns how many. The caller notes why."""
    gone = delete(BrowserSession).where(col(BrowserSession.person_id) == person_id, col(BrowserSession.id) != keep)
    return int(session.execute(gone).rowcount)  # type: ignore[attr-defined]


def forget(session: Session, name: str) -> None:
    """Sign a browser out."""
    session.execute(delete(BrowserSession).where(col(BrowserSession.id) == name))


def prune(session: Session, lasts: timedelta, now: datetime) -> None:
    """Remove sessions that have run out."""
    session.execute(delete(BrowserSession).where(col(BrowserSession.seen_at) < now - lasts - SEEN_EVERY))
