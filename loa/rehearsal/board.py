"""The server's board as the rehearsal reads it: what has become another since the last news went out."""

from collections.abc import Mapping
from typing import TypeVar

from core.wire import StationSettings
from loa.rehearsal.post import BookChange, News
from registry.stations import Place
from scheduler.holding import ByName
from scheduler.now import NowBoard
from scheduler.plans import PlanBook
from station.due import Key

_Value = TypeVar("_Value")


class Board(NowBoard):
    """The real board; it notes in `places` which places it has read, and what it made of them in `settings`."""

    def __init__(self, default_zone: str) -> None:
        super().__init__(default_zone)
        self.places: dict[str, Place] = {}
        self.settings: dict[str, StationSettings] = {}

    def _settings(self, place: Place, known: dict[str, StationSettings]) -> StationSettings:
        settings = super()._settings(place, known)
        self.places[place.station.id] = place
        self.settings[place.station.id] = settings
        return settings


class Outside:
    """What the stations have been told, so that they are told no more than what is new."""

    def __init__(self) -> None:
        self._tickets: dict[str, str] = {}
        self._day = ""
        self._by_name: dict[str, frozenset[str]] = {}
        self._plans: dict[str, str] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._settings: dict[str, StationSettings] = {}
        self._interrupts: ByName = {}
        self._withdrawals: ByName = {}
        self._commands: dict[str, list[str]] = {}
        self._withdrawn: set[str] = set()
        self._last: PlanBook | None = None

    def news(self, at: float, board: Board, run_out: dict[Key, float]) -> News:
        """What is new on the board, and the stations whose documents it changes."""
        read, board.settings = board.settings, {}  # nothing is new about any other station
        plans = _changed(self._plans, {each: board.plans[each] for each in read if each in board.plans})
        names: dict[str, frozenset[str] | None] = {}
        names |= _changed(self._names, {each: board.names[each] for each in read if each in board.names})
        if len(board.names) != len(self._names) + sum(each not in self._names for each in names):
            names |= dict.fromkeys(self._names.keys() - board.names.keys())
        settings = _changed(self._settings, read)
        touched = set(plans)
        interrupts, withdrawals = _held(self._interrupts, board.interrupts), _held(self._withdrawals, board.withdrawn)
        if interrupts or withdrawals:
            touched |= board.answering(interrupts.keys() | withdrawals.keys())
        orders = {station: [each.id for each in several] for station, several in board.commands.items()}
        commands = None
        if orders != self._commands:
            commands = board.commands
            touched |= {each for each in orders.keys() | self._commands if orders.get(each) != self._commands.get(each)}
        withdrawn = {held.id for several in withdrawals.values() for held in several} - self._withdrawn
        news = News(
            at, is_up=True, seq=board.seq, book=self._turned(board.book), plans=plans, names=names,
            settings={station: each.model_dump_json() for station, each in settings.items()},
            interrupts=interrupts, withdrawals=withdrawals, commands=commands, touched=frozenset(touched),
            withdrawn=frozenset(withdrawn), run_out=run_out,
        )  # fmt: skip
        self._plans, self._names, self._commands = board.plans, board.names, orders
        self._settings |= read
        self._interrupts, self._withdrawals = board.interrupts, board.withdrawn
        self._withdrawn |= withdrawn
        return news

    def _turned(self, book: PlanBook) -> BookChange | None:
        if book.tickets is self._tickets and book.day is not None and book.day.isoformat() == self._day:
            return None
        new = {
            airing: (book.order[airing][0].isoformat(), book.tickets[airing])
            for airing in book.tickets.keys() - self._tickets.keys()
        }
        gone = frozenset(self._tickets.keys() - book.tickets.keys())
        by_name = {
            name: now
            for name, airings in book.by_name.items()
            if (now := frozenset(airings)) != self._by_name.get(name)
        }
        by_name |= dict.fromkeys(self._by_name.keys() - book.by_name.keys(), frozenset())
        self._tickets = book.tickets
        self._by_name |= by_name
        self._day = book.day.isoformat() if book.day else ""
        return BookChange(self._day, new, gone, by_name)


def _changed(before: Mapping[str, _Value], now: Mapping[str, _Value]) -> dict[str, _Value]:
    if before is now:
        return {}
    found = {}
    for name, value in now.items():
        former = before.get(name)
        if former is not value and former != value:  # most are the very same
            found[name] = value
    return found


def _held(before: ByName, now: ByName) -> ByName:
    """The names for which something else is held out now."""
    if before is now:
        return {}
    return _changed(before, now) | dict.fromkeys(before.keys() - now.keys(), ())
