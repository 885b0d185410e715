"""The prepared messages that stand by here: kept with their audio, and started by whoever is at the device.

The server signs them like airings (`core.standing`); nothing else can be started, and nothing starts by itself.
"""

import logging
import threading
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import N_, BadTicket, Conflict, InvalidInput, NotFound
from core.signing import Verifier
from core.standing import standing_names, started, versions
from core.wire import MAX_TIMES, STARTED_HERE, Item, StartedHere, Ticket
from station.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """What somebody started here: the airing that sounds, the signed message it comes from, and how it was started."""

    ticket: Ticket
    standing: Ticket
    jws: str
    how: StartedHere

    @property
    def airing(self) -> str:
        return self.ticket.id

    def moved(self, seconds: float) -> "Started":
        """The same after the clock was moved: what sounds goes on."""
        how = self.how.model_copy(update={"started_at": self.how.started_at + timedelta(seconds=seconds)})
        return Started(started(self.standing, self.airing, how), self.standing, self.jws, how)


class StandingBy:
    """The set as the last plan told it. Thread-safe. `lost` says that something stored is not genuine any more."""

    def __init__(self, store: Store, verifier: Verifier) -> None:
        self._store = store
        self._verifier = verifier
        self._lock = threading.Lock()
        self.lost = False
        self._held: dict[str, tuple[Ticket, str, datetime]] = {}
        for jws, received_at in store.standing():
            ticket = self._genuine(jws)
            if ticket is not None:
                self._held[ticket.id] = (ticket, jws, received_at)
            else:
                self.lost = True

    def _genuine(self, jws: str) -> Ticket | None:
        try:
            ticket = self._verifier.verify(jws)
        except BadTicket as error:
            log.error("a message that should stand by is not genuine: %s", error)  # noqa: TRY400 - said in full
            return None
        return ticket if ticket.standing else None

    def take(self, signed: Sequence[str], names: Iterable[str], now: datetime) -> list[tuple[str, str]]:
        """Make what is genuine and for one of these names the whole set; what is to be kept, message and JWS."""
        mine = set(standing_names(list(names)))
        known = {jws: ticket for ticket, jws, _ in self._held.values()}
        held: dict[str, tuple[Ticket, str, datetime]] = {}
        for jws in signed:
            ticket = known.get(jws) or self._genuine(jws)
            if ticket is None or mine.isdisjoint(ticket.audience):
                continue
            since = self._held[ticket.id][2] if ticket.id in self._held else now
            held[ticket.id] = (ticket, jws, since)
        with self._lock:
            self._held = held
        return [(message, jws) for message, (_, jws, _) in held.items()]

    def started(self) -> dict[str, Started]:
        """What was started here before, by its airing; what is not genuine any more is left out."""
        found = {}
        for airing, jws, how in self._store.started_here():
            ticket = self._genuine(jws)
            if ticket is not None:
                found[airing] = Started(started(ticket, airing, how), ticket, jws, how)
        return found

    def begin(
        self, name: str, now: datetime, languages: Sequence[str], has_audio: Callable[[Item], bool],
        *, times: int, volume: int, revoked: bool,
    ) -> Started:  # fmt: skip
        """What sounds when somebody starts the message `name` here, `times` times.

        Raises NotFound for one that is not in the set, Conflict where nothing may or can sound, InvalidInput.
        """
        if revoked:
            raise Conflict(N_("The server has taken this station out of service: nothing sounds here."))
        if not 1 <= times <= MAX_TIMES:
            raise InvalidInput(N_("A message is said 1 to %(times)s times."), times=MAX_TIMES)
        if not 0 <= volume <= 100:  # noqa: PLR2004
            raise InvalidInput(N_("A volume lies between 0 and 100."))
        ticket, jws = self.find(name, now, languages)
        if not any(has_audio(item) for item in versions(ticket, languages)):
            raise Conflict(
                N_("The audio of “%(title)s” has not reached this station yet."), title=title_of(ticket, languages)
            )
        how = StartedHere(message=ticket.id, started_at=now, times=times, languages=list(languages)[:20], volume=volume)
        return Started(started(ticket, f"{STARTED_HERE}{uuid.uuid4().hex}", how), ticket, jws, how)

    def all(self) -> list[tuple[Ticket, datetime]]:
        """The messages with when each came, by their ids."""
        with self._lock:
            return [(ticket, since) for _, (ticket, _, since) in sorted(self._held.items())]

    def items(self) -> list[Item]:
        return [item for ticket, _ in self.all() for item in ticket.items]

    def find(self, name: str, now: datetime, languages: Sequence[str]) -> tuple[Ticket, str]:
        """The message of this id, kind or title, the newest of several, with its JWS. An empty name takes the only one.

        Raises NotFound, with the names there are, and Conflict for one that is not valid any more.
        """
        with self._lock:
            held = [(ticket, jws) for ticket, jws, _ in self._held.values()]
        wanted = _plain(name)
        fits = [each for each in held if wanted in _names_of(each[0])] if wanted else held
        if not fits or (not wanted and len(held) > 1):
            there = "; ".join(sorted({f"{ticket.standing} “{title_of(ticket, languages)}”" for ticket, _ in held}))
            raise NotFound(
                N_("“%(name)s” is no prepared message of this station. There are: %(there)s."),
                name=name[:80], there=there or "–",
            )  # fmt: skip
        newest = max(fits, key=lambda each: (each[0].issued_at, each[0].id))
        if newest[0].not_after < now:
            raise Conflict(N_("The message “%(title)s” is not valid any more."), title=title_of(newest[0], languages))
        return newest


def title_of(ticket: Ticket, languages: Sequence[str]) -> str:
    """What people call it, in the first of the languages that it has."""
    return versions(ticket, languages)[0].title


def _names_of(ticket: Ticket) -> set[str]:
    return {_plain(one) for one in (ticket.id, ticket.standing or "", *(item.title for item in ticket.items))}


def _plain(text: str) -> str:
    """Without marks, case and the difference between space, hyphen and underscore: as it is typed in a hurry."""
    spread = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    kept = "".join(each for each in spread if not unicodedata.combining(each))
    return " ".join(kept.replace("_", " ").replace("-", " ").split())
