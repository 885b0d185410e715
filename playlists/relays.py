"""Relays: broadcasts of others that a programme takes over for some minutes. What may be put in, and who fetches it.

The address is kept as it was given. It is tried before it is saved (`to_try`, `tried`, then `note`: no transaction is
open while that takes its seconds), probed before each airing, and opened each time through the door to other people's
servers (`core.outside`).
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from audio.models import READY
from audio.relays import looking
from audio.relays.looking import PLAYABLE, Looked
from core import outside
from core.errors import N_, Forbidden, InvalidInput, NotFound
from core.outside import OutsideFailed
from playlists import sources
from playlists.models import ProgrammeItem, RelaySource
from registry.models import Unit
from registry.rights import Actor, Permission
from registry.units import clean_name

VIAS = ("auto", "station", "server")
LEAST_SECONDS, MOST_SECONDS = 10.0, 86_400.0
MOST_URL = 500
_ID_HEX, _MAC_HEX = 24, 32
_CHUNK = 400
_KEPT = timedelta(days=30)
_PATH = "/api/v1/relay/{}.mp3"
_NO_RIGHT = N_("Only who may approve puts another broadcaster's programme on air.")
_TRIED = N_("The broadcaster's address has to be tried before the programme is saved.")
_NOT_BY_STATIONS = N_(
    "Loudspeaker stations can't play this broadcast (%(kind)s) by themselves. Have the server fetch it for them."
)
_NO_SERVER = N_(
    "The server has to fetch this broadcast for the stations, and they don't know its address yet. Ask the "
    "administrator to write it into the setting “public_url”."
)


@dataclass(frozen=True)
class Relay:
    """A broadcast taken over for `seconds`. `fallback` is a recording that plays while nothing comes from there.

    `via` says who fetches it: each `station` itself, the `server` once for all, or `auto` (see `by_server`).
    """

    url: str
    seconds: float
    title: str = ""
    fallback: str | None = None
    via: str = "auto"


def may_put(actor: Actor, unit: Unit) -> None:
    """Whoever puts a relay into a programme answers for what comes from there. Raises Forbidden."""
    if not actor.may(Permission.APPROVE, unit):
        raise Forbidden(_NO_RIGHT)


def checked(wanted: Relay) -> Relay:
    """The relay, tidied. Raises InvalidInput for what can't be one, whatever may be behind its address."""
    try:
        url = outside.parse(wanted.url.strip()).geturl()
    except InvalidInput as error:
        raise _refused(error) from error
    if len(url) > MOST_URL:
        raise InvalidInput(
            N_("An address has at most %(limit)s characters."), fields={"items": "relay"}, limit=MOST_URL
        )
    if not LEAST_SECONDS <= wanted.seconds <= MOST_SECONDS:  # false for what is no number, too
        raise InvalidInput(N_("A relay lasts between 10 seconds and 24 hours."), fields={"items": "seconds"})
    if wanted.via not in VIAS:
        raise InvalidInput(N_("A relay is fetched by auto, station or server."), fields={"items": "via"})
    title = clean_name(wanted.title, "items") if wanted.title.strip() else ""
    return replace(wanted, url=url, title=title, seconds=round(float(wanted.seconds), 3))


def needs_server(kind: str, via: str) -> bool:
    """Whether stations can have it from the server only."""
    return via == "server" or (via == "auto" and kind not in PLAYABLE)


def by_server(kind: str, via: str, *, can_serve: bool, many: bool) -> bool:
    """Whether the server fetches it: where it must, with `auto` also for `many` stations; if it can serve at all."""
    return can_serve and via != "station" and (many or needs_server(kind, via))


def to_try(
    session: Session, actor: Actor, unit: Unit, wanted: Sequence[Relay], programme_id: str | None, *, can_serve: bool
) -> list[Relay]:
    """Which relays of a programme have to be tried before it is saved: those with an address that isn't in it yet.

    `can_serve` is whether the stations can have relays from this server. Raises Forbidden or InvalidInput.
    """
    if wanted:
        may_put(actor, unit)
    there = {item.relay for item in _relayed(session, programme_id)} if programme_id else set()
    fresh: dict[str, Relay] = {}
    for each in map(checked, wanted):
        row = session.get(RelaySource, id_of(each.url)) if each.url in there else None
        if row is None:
            fresh.setdefault(f"{each.url} {each.via}", each)
        else:
            _check_way(row.kind, each.via, can_serve=can_serve)
    return list(fresh.values())


def tried(wanted: Iterable[Relay], look: Callable[[str], Looked], *, can_serve: bool) -> list[Looked]:
    """What `look` finds behind each address. Takes seconds for each. Raises InvalidInput for what can't be relayed."""
    found: dict[str, Looked] = {}
    for each in wanted:
        try:
            there = found.get(each.url) or look(each.url)
        except (InvalidInput, OutsideFailed) as error:
            raise _refused(error) from error
        _check_way(there.kind, each.via, can_serve=can_serve)
        found[each.url] = there
    return list(found.values())


def _refused(error: InvalidInput | OutsideFailed) -> InvalidInput:
    return InvalidInput(error.message, fields={"items": "relay"}, **error.params)


def _check_way(kind: str, via: str, *, can_serve: bool) -> None:
    """Raise InvalidInput where nobody could fetch a relay of this kind in this way."""
    if via == "station" and kind not in PLAYABLE:
        raise InvalidInput(_NOT_BY_STATIONS, fields={"items": "via"}, kind=looking.word(kind))
    if needs_server(kind, via) and not can_serve:
        raise InvalidInput(_NO_SERVER, fields={"items": "via"})


def note(session: Session, found: Iterable[Looked], now: datetime) -> None:
    """Keep what was found behind addresses. Twice is once."""
    for each in found:
        row = session.get(RelaySource, id_of(each.url))
        if row is None:
            row = RelaySource(id=id_of(each.url), url=each.url, kind=each.kind, noted_at=now)
        row.kind, row.name, row.noted_at = each.kind, each.name[:120], now
        session.add(row)
    session.flush()


def put(session: Session, actor: Actor, unit: Unit, item: ProgrammeItem, given: Relay) -> None:
    """Make `item` this relay. Raises Forbidden, NotFound (the fallback), or InvalidInput; also if it was not tried."""
    may_put(actor, unit)
    wanted = checked(given)
    if session.get(RelaySource, id_of(wanted.url)) is None:
        raise InvalidInput(_TRIED, fields={"items": "relay"})
    if wanted.fallback:
        clip = sources.clip_for(session, actor, wanted.fallback, unit)
        if clip.state != READY:
            raise InvalidInput(
                N_("What plays instead of a relay has to be a recording that is ready."), fields={"items": "fallback"}
            )
        item.clip_id = clip.id
    item.kind, item.relay, item.seconds = "relay", wanted.url, wanted.seconds
    item.title, item.via, item.approved_by = wanted.title, wanted.via, actor.id


def _relayed(session: Session, programme_id: str) -> Sequence[ProgrammeItem]:
    query = select(ProgrammeItem).where(ProgrammeItem.programme_id == programme_id, ProgrammeItem.kind == "relay")
    return session.exec(query).all()


def known(session: Session, urls: Iterable[str]) -> dict[str, RelaySource]:
    """What is known of these addresses."""
    ids = sorted({id_of(url) for url in urls})
    found: dict[str, RelaySource] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = session.exec(select(RelaySource).where(col(RelaySource.id).in_(ids[start : start + _CHUNK]))).all()
        found |= {row.url: row for row in rows}
    return found


def forget_unused(session: Session, now: datetime) -> None:
    """Drop what no programme has named for a month: no airing that names it can still be to come."""
    in_use = select(ProgrammeItem.relay).where(col(ProgrammeItem.relay).is_not(None))
    old = col(RelaySource.noted_at) < now - _KEPT
    session.execute(delete(RelaySource).where(old, col(RelaySource.url).not_in(in_use)))


# -- how the server's own stream of a relay is named ------------------------------------------------


def id_of(url: str) -> str:
    """The id of an address in our tables."""
    return hashlib.sha256(url.encode()).hexdigest()[:_ID_HEX]


def address(public_url: str, secret: bytes, url: str) -> str:
    """Where stations find what this server fetches of `url`; nobody without `secret` can make one."""
    return public_url.rstrip("/") + _PATH.format(_key(secret, url))


def _key(secret: bytes, url: str) -> str:
    return id_of(url) + hmac.new(secret, url.encode(), hashlib.sha256).hexdigest()[:_MAC_HEX]


def of_key(session: Session, secret: bytes, key: str) -> RelaySource:
    """The address that a key (from `address`) stands for. Raises NotFound for every other word."""
    row = session.get(RelaySource, key[:_ID_HEX]) if len(key) == _ID_HEX + _MAC_HEX else None
    if row is None or not hmac.compare_digest(_key(secret, row.url).encode(), key.encode()):
        raise NotFound
    return row
