"""The change of the server's key: announced, then in use, then the former one retired; and who knows of it.

1. `keys.begin` makes the next key. The set of trusted keys is signed by each of them and travels in every plan, so
   stations learn the new one from the one they know.
2. When nearly every station knows it, or somebody says so, the new key signs. What is to come is signed anew.
3. When that is done, stations had time to come back, and nearly all know the new key, the former one is retired, and
   stations drop it. What it signed last stays in the plans, and leads those that come back later to its successor.

The files in the home folder say where a change stands; `follow` brings tables and plans after them. Killed anywhere and
called again, it goes on.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, true, update
from sqlmodel import Session, col, func, select

from core import audit, changes
from core.database import Database
from core.errors import N_, BadTicket, Conflict
from core.settings import Settings
from core.signing import Signer, Verifier, public_part
from core.wire import MAX_KEYS
from registry.models import Station, StationState, Unit
from registry.rights import Actor, Permission
from scheduler import keys, prepared
from scheduler.concern_models import ServerKey
from scheduler.models import Airing

log = logging.getLogger(__name__)
ENOUGH = 0.98
# A station that was not heard for so long does not hold up a change, nor the end of one.
LATELY = timedelta(days=1)
AWAY = timedelta(days=30)
# A week alone is nothing unusual: so long the former key is kept at least.
KEPT = timedelta(days=8)
SETTLING = timedelta(minutes=10)
_BATCH = 200
_LIVING = ("issued", "on_air", "over")


@dataclass(frozen=True)
class Standing:
    """A key, and at how many of the stations in service it is `known`."""

    key: ServerKey
    known: int
    stations: int


def follow(database: Database, settings: Settings, now: datetime) -> bool:
    """Bring announcements and signatures after the keys in the home folder; True if anything was to be done."""
    keys.tidy(settings)
    ring = keys.ring(settings)
    with database.read() as session:
        behind = _differs(session, ring)
    if behind:
        with database.write() as session:
            _announce(session, ring, now)
    with database.read() as session:
        row = session.get(ServerKey, str(ring.current["kid"]))
        pending = row is not None and row.resigned_at is None
    if not pending:
        return behind
    _sign_anew(database, ring, now)
    with database.write() as session:
        prepared.renew(session, Signer(ring.current), now)
        done = session.get(ServerKey, str(ring.current["kid"]))
        if done is not None:
            done.resigned_at = now
            session.add(done)
            session.flush()
            _announce(session, ring, now)  # plans must look new, for what is in them does
    return True


def advance(database: Database, settings: Settings, now: datetime) -> str:
    """Take the next step of a change that is under way if its time has come: `switched`, `retired`, or nothing."""
    with database.read() as session:
        rows = session.exec(select(ServerKey).where(col(ServerKey.state).in_(("announced", "retiring")))).all()
        ready = ""
        for row in rows:
            if row.state == "announced" and _enough(session, row, now):
                ready = "switched"
            elif row.state == "retiring" and now - row.since >= KEPT and not _why_not(session, now):
                ready = ready or "retired"
    if ready == "switched":
        keys.switch(settings)
    elif ready == "retired":
        for row in rows:
            if row.state == "retiring" and now - row.since >= KEPT:
                keys.drop(settings, row.kid)
    if ready:
        follow(database, settings, now)
    return ready


def retire(database: Database, settings: Settings, now: datetime, *, at_once: bool = False) -> list[str]:
    """Retire every former key; their names. Raises Conflict while stations need it, unless `at_once`."""
    follow(database, settings, now)
    with database.read() as session:
        rows = session.exec(select(ServerKey).where(ServerKey.state == "retiring")).all()
        missing = _why_not(session, now)
        if rows and missing and not at_once:
            raise Conflict(
                N_("%(missing)d stations don't know the present key yet. Wait for them, or add --now."), missing=missing
            )
    for row in rows:
        keys.drop(settings, row.kid)
    follow(database, settings, now)
    return [row.kid for row in rows]


def standing(session: Session, now: datetime) -> list[Standing]:
    """The keys that are trusted, the one that signs first, then the one to come, then the former ones."""
    order = {"signing": 0, "announced": 1, "retiring": 2}
    rows = session.exec(select(ServerKey).where(col(ServerKey.state).in_(order))).all()
    stations = _stations(session, now - AWAY)
    return [
        Standing(row, _knowing(session, row.kid, now - AWAY), stations)
        for row in sorted(rows, key=lambda row: (order[row.state], row.since))
    ]


def is_behind(session: Session, station: Station, state: StationState | None) -> str:
    """How a station in service that does not know the key that signs comes to it: `follows` by its plan, or `stuck`.

    Stuck is one that says nothing about keys and was taken into service before the change. Empty for all others.
    """
    row = session.exec(select(ServerKey).where(ServerKey.state == "signing")).first()
    if row is None or row.version == 0 or station.token_hash is None:
        return ""
    if station.enrolled_at is not None and station.enrolled_at >= row.since:
        return ""
    return "" if state is not None and row.kid in (state.keys or "").split(" ") else _how(state)


def behind(
    session: Session, actor: Actor, now: datetime, limit: int = 20
) -> tuple[int, list[tuple[Station, Unit, str]]]:
    """How many stations that the actor sees don't know the key that signs, and the first of them with how it stands.

    Nobody in the first minutes after a change: most are about to say that they do.
    """
    row = session.exec(select(ServerKey).where(ServerKey.state == "signing")).first()
    if row is None or row.version == 0 or now - row.since < SETTLING:
        return 0, []
    unknown = col(StationState.keys).is_(None) | ~col(StationState.keys).contains(row.kid, autoescape=True)
    query = (
        select(Station, Unit, StationState)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .join(StationState, col(StationState.station_id) == Station.id, isouter=True)
        .where(
            actor.within(Permission.SEE, col(Unit.path)), col(Station.token_hash).is_not(None), unknown,
            col(Station.enrolled_at).is_(None) | (col(Station.enrolled_at) < row.since),
        )
    )  # fmt: skip
    count = session.exec(select(func.count()).select_from(query.subquery())).one()
    rows = session.exec(query.order_by(col(Unit.path), col(Station.name)).limit(limit)).all() if count else []
    return count, [(station, unit, _how(state)) for station, unit, state in rows]


def _how(state: StationState | None) -> str:
    return "stuck" if state is not None and state.keys is None else "follows"


def announcements(session: Session) -> Sequence[str]:
    """What plans carry: nothing before the first change, then each key's last word, the newest first."""
    query = select(ServerKey.announcement).where(ServerKey.announcement != "")
    return session.exec(query.order_by(col(ServerKey.version).desc(), col(ServerKey.kid)).limit(MAX_KEYS)).all()


def _differs(session: Session, ring: keys.Ring) -> bool:
    rows = session.exec(select(ServerKey.kid, ServerKey.state).where(ServerKey.state != "retired")).all()
    return dict(rows) != ring.states


def _announce(session: Session, ring: keys.Ring, now: datetime) -> None:
    """Write the state of each key, and let each sign the set that is trusted now."""
    rows = {row.kid: row for row in session.exec(select(ServerKey)).all()}
    first = not rows and len(ring.every) == 1
    version = max([int(now.timestamp()), *(row.version + 1 for row in rows.values())])
    public = [public_part(key) for key in ring.every]
    for kid, state in ring.states.items():
        row = rows.get(kid) or ServerKey(kid=kid, state=state, since=now)
        if row.state != state or kid not in rows:
            row.state, row.since = state, now
            audit.record(session, actor="system", action=f"key.{state}", subject=kid, now=now)
            if state == "signing":
                row.resigned_at = now if first else None
        session.add(row)
        rows[kid] = row
    for kid, row in rows.items():
        if kid not in ring.states and row.state != "retired":
            row.state, row.since = "retired", now
            audit.record(session, actor="system", action="key.retired", subject=kid, now=now)
            session.add(row)
    if not first:
        for key in ring.every:
            row = rows[str(key["kid"])]
            row.version, row.announcement = version, Signer(key).announce(public, version)
            session.add(row)
    session.flush()
    changes.announce(session, "keys", [], now)


def _sign_anew(database: Database, ring: keys.Ring, now: datetime) -> None:
    """Sign with the present key whatever may still be played and was signed with another."""
    signer = Signer(ring.current)
    verifier = Verifier([public_part(key) for key in ring.every])
    last = ""
    while True:
        with database.read() as session:
            query = select(Airing.id, Airing.ticket).where(
                col(Airing.id) > last, col(Airing.state).in_(_LIVING), col(Airing.not_after) > now,
                Airing.ticket != "", col(Airing.ticket).not_like(f"{signer.mark}%"),
            )  # fmt: skip
            rows = session.exec(query.order_by(col(Airing.id)).limit(_BATCH)).all()
        if not rows:
            return
        last = rows[-1][0]
        signed = []
        for identity, ticket in rows:
            try:
                signed.append((identity, ticket, signer.sign(verifier.verify(ticket))))
            except BadTicket:
                log.error("the ticket of %s is not of a key of ours; it is left as it is", identity)  # noqa: TRY400
        with database.write() as session:
            for identity, former, ticket in signed:
                same = col(Airing.id) == identity, col(Airing.ticket) == former
                session.execute(update(Airing).where(*same).values(ticket=ticket))


def _enough(session: Session, row: ServerKey, now: datetime) -> bool:
    stations = _stations(session, now - LATELY)
    if not stations:  # nobody there who could know it: then it is enough that there was time
        return now - row.since >= LATELY
    return _knowing(session, row.kid, now - LATELY) >= ENOUGH * stations


def _why_not(session: Session, now: datetime) -> int:
    """How many more stations should know the key that signs before the former one may go."""
    row = session.exec(select(ServerKey).where(ServerKey.state == "signing")).first()
    if row is None:
        return 0
    stations, known = _stations(session, now - AWAY), _knowing(session, row.kid, now - AWAY)
    return 0 if known >= ENOUGH * stations else stations - known


def _stations(session: Session, since: datetime) -> int:
    """How many stations in service were heard since then."""
    return _count(session, since, true())


def _knowing(session: Session, kid: str, since: datetime) -> int:
    """How many of them say that they trust this key."""
    return _count(session, since, col(StationState.keys).contains(kid, autoescape=True))


def _count(session: Session, since: datetime, condition: ColumnElement[bool]) -> int:
    query = (
        select(func.count())
        .select_from(StationState)
        .join(Station, col(Station.id) == StationState.station_id)
        .where(col(Station.token_hash).is_not(None), col(StationState.heard_at) >= since, condition)
    )
    return session.exec(query).one()
