"""Waiting for what must happen now: `/now` held open, and the commands it brings."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from core.errors import N_
from core.wire import MAX_WAIT_SECONDS, Command, NowDocument
from station.book import Book
from station.link import Link, Unreachable
from station.store import Store

log = logging.getLogger(__name__)

_SPARE_SECONDS = 20.0
_HASTY_SECONDS = 1.0
_ELSEWHERE_SECONDS = 5.0  # a change of that is told at once
_NOT_MODIFIED = 304


def same_etag(one: str | None, other: str | None) -> bool:
    """Whether two entity tags name the same document, quoted or not, weak or not."""
    return one is not None and other is not None and bare_etag(one) == bare_etag(other)


def bare_etag(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"')


class Orders:
    """What commands do on this station. Each is obeyed at most once, even across restarts."""

    def __init__(
        self, book: Book, store: Store, *, sync: Callable[[], None], stop: Callable[[str | None], None],
        restart: Callable[[], None], test_tone: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._book = book
        self._store = store
        self._sync = sync
        self._stop = stop
        self._restart = restart
        self._test_tone = test_tone

    def obey(self, command: Command, now: datetime) -> bool:
        """Carry out a command, then note it to be acknowledged; False if it was carried out before."""
        if not self._store.obey_once(command.id, now):
            self._book.acknowledge(command.id)
            return False
        log.info("command %s: %s %s", command.id, command.do, command.value)
        if command.do == "volume":
            self._book.set_volume(_volume(command.value))
        elif command.do == "stop":
            self._stop(command.value if isinstance(command.value, str) else None)
        elif command.do == "test_tone":
            volume = _volume(command.value)
            limit = self._book.settings.max_volume
            self._test_tone(min(self._book.station_volume() if volume is None else volume, limit))
        elif command.do == "sync":
            self._sync()
        self._book.acknowledge(command.id)
        if command.do == "restart":
            self._restart()
        return True


def _volume(value: Any) -> int | None:
    """0–100; None for what is no volume, which gives the command back to the plan's own."""
    return max(0, min(100, int(value))) if isinstance(value, int | float) and not isinstance(value, bool) else None


class Waiter:
    """Holds one `/now` after the other."""

    def __init__(
        self, book: Book, link: Link, orders: Orders, now: Callable[[], datetime],
        *, on_news: Callable[[], None], on_new_plan: Callable[[], None],
        on_renewal: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._book = book
        self._link = link
        self._orders = orders
        self._now = now
        self._on_news = on_news
        self._on_new_plan = on_new_plan
        self._on_renewal = on_renewal
        self._etag: str | None = None
        self._acting = threading.Lock()
        # Whether news come another way (by MQTT) at the moment, and who is told what the server itself answered.
        self.is_told_elsewhere: Callable[[], bool] = lambda: False
        self.on_answer: Callable[[NowDocument], None] = lambda _document: None

    def step(self) -> float:
        """Wait for one answer and act on it; returns the seconds to wait before the next call, usually none."""
        if self.is_told_elsewhere():
            self._etag = None  # whatever comes meanwhile is asked for whole afterwards
            return _ELSEWHERE_SECONDS
        began = time.monotonic()
        headers = {"Prefer": f"wait={MAX_WAIT_SECONDS}", "If-None-Match": self._etag} if self._etag else {}
        try:
            answer = self._link.get("/now", headers, read_seconds=MAX_WAIT_SECONDS + _SPARE_SECONDS)
        except Unreachable:
            self._etag = None  # whatever was missed is asked for whole
            raise
        self._book.set_revoked(revoked=False)
        if answer.status != _NOT_MODIFIED:
            try:
                document = NowDocument.model_validate_json(answer.body)
            except ValidationError as error:
                raise Unreachable(N_("The server's answer can't be read.")) from error
            self.take(document)
            self.on_answer(document)
            self._etag = answer.headers.get("ETag")
        hasty = time.monotonic() - began < _HASTY_SECONDS
        return _HASTY_SECONDS if hasty and (answer.status == _NOT_MODIFIED or self._etag is None) else 0.0

    def take(self, document: NowDocument, *, names_plan: bool = True) -> None:
        """Act on a document, by whatever way it came. `names_plan`: whether it says which plan is the present one."""
        with self._acting:
            self._act_on(document, names_plan=names_plan)

    def _act_on(self, document: NowDocument, *, names_plan: bool) -> None:
        now = self._now()
        news = self._book.take_now(document, now)
        for command in document.commands:
            news |= self._orders.obey(command, now)
        if news:
            self._on_news()
        if document.renew_token:
            self._on_renewal()
        if names_plan and not same_etag(document.plan, self._book.plan_etag):
            self._on_new_plan()
