"""The server as stations see it: their documents, made by the server's own code from what its letters say."""

import gzip
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from core.wire import NowDocument, PlanDocument, StationSettings
from loa.rehearsal.agenda import Agenda
from loa.rehearsal.misfortune import broadcaster
from loa.rehearsal.post import Answer, BookChange, Call, News
from loa.rehearsal.wishes import Wishes
from scheduler.now import NowBoard

if TYPE_CHECKING:
    from loa.rehearsal.receiver import Receiver


class Office:
    """Where the stations of one shard ask and call in. `receivers` is by id, in the order of ids."""

    def __init__(self, agenda: Agenda, wishes: Wishes, zone: str) -> None:
        self.agenda, self.wishes = agenda, wishes
        self.web_is_up = True
        self.board = NowBoard(zone)
        self.receivers: dict[str, Receiver] = {}
        self.answers_lost = 0
        self.broadcaster_away = broadcaster(wishes)
        self._settings: dict[str, StationSettings] = {}
        self._packed: dict[tuple[str, ...], int] = {}
        self._waiting: set[str] = set()

    # -- what the server says ----------------------------------------------------------------------

    def hear(self, news: News) -> None:
        """The server is another from now on; stations that wait for it are told."""
        self._read(news)
        if news.is_up != self.web_is_up:
            self.web_is_up = news.is_up
            for receiver in self.receivers.values():
                receiver.connection_changes()
        for station in sorted(news.touched & self.receivers.keys()):
            if self.receivers[station].connected:
                self.receivers[station].expect_news()

    def _read(self, news: News) -> None:
        """Bring the board up to date."""
        board = self.board
        board.seq = news.seq
        if news.book is not None:
            self._turn_page(news.book)
        board.plans.update(news.plans)
        if news.names:
            known = board.names | news.names
            board.answer({station: names for station, names in known.items() if names is not None}, news.names)
        for station, text in news.settings.items():
            if station in self.receivers:
                self._settings[station] = StationSettings.model_validate_json(text)
        if news.interrupts or news.withdrawals:
            board.hold_out(news.interrupts, news.withdrawals)
        if news.commands is not None:
            board.commands = dict(news.commands)

    def _turn_page(self, change: BookChange) -> None:
        book = self.board.book
        book.day = datetime.fromisoformat(change.day)
        for airing in change.gone:
            book.tickets.pop(airing, None)
            book.order.pop(airing, None)
        for airing, (starts_at, ticket) in change.tickets.items():
            book.tickets[airing] = ticket
            book.order[airing] = (datetime.fromisoformat(starts_at), airing)
        for name, airings in change.by_name.items():
            book.by_name[name] = set(airings)

    def plan_tag(self, station: str) -> str:
        return self.board.plans[station]

    def plan(self, station: str) -> tuple[str, PlanDocument, int]:
        """The station's plan: its tag as the header carries it, itself, and its bytes on the way (packed)."""
        board = self.board
        document = board.book.plan(station, self._settings[station], board.names[station], self.agenda.now)
        key = (document.settings.codec, *document.airings)
        if key not in self._packed:
            self._packed[key] = len(gzip.compress(document.model_dump_json().encode(), compresslevel=6, mtime=0))
        return f'"{board.plans[station]}"', document, self._packed[key]

    def now_document(self, station: str) -> tuple[NowDocument, int]:
        _, body = self.board.document(station)
        return NowDocument.model_validate_json(body), len(body)

    # -- what the stations say ---------------------------------------------------------------------

    def expect(self, receiver: "Receiver") -> None:
        """A station has reports or acknowledgements; they are called in at the end of the epoch."""
        self._waiting.add(receiver.id)

    def calls(self) -> list[Call]:
        """What stations on line call in now, in the order of their ids."""
        waiting, self._waiting = sorted(self._waiting), set()
        return [call for station in waiting if (call := self.receivers[station].call()) is not None]

    def answered(self, answers: Mapping[str, Answer]) -> None:
        """The server's answers to what was called in; now and then one is lost on the way back."""
        for station in sorted(answers.keys() & self.receivers.keys()):
            if not self.receivers[station].hear_answer(answers[station]):
                self.answers_lost += 1
