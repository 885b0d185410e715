"""Keeping plan and clock fresh: asked for at the start, when `/now` tells of a change, and now and then."""

import time

from pydantic import ValidationError

from core.errors import N_
from core.wire import PlanDocument
from station.book import Book
from station.clock import StationClock, measure
from station.link import Link, Unreachable
from station.store import Store

_NOT_MODIFIED = 304
_CLOCK_SECONDS = 600.0
_PLAN_SECONDS = 900.0


class Planner:
    """Fetches the plan conditionally and measures the clock."""

    def __init__(self, book: Book, store: Store, link: Link, clock: StationClock, station: str) -> None:
        self._book = book
        self._store = store
        self._link = link
        self._clock = clock
        self._station = station
        self._measured_at: float | None = None

    def sync(self) -> None:
        """Measure the clock anew at the next step."""
        self._measured_at = None

    def step(self) -> float:
        """Clock first, for a plan read with a wrong clock may look over; returns the seconds until the next look."""
        if self._measured_at is None or time.monotonic() - self._measured_at > _CLOCK_SECONDS:
            self._clock.shift(measure(self._link, self._clock).offset)
            self._measured_at = time.monotonic()
            self._store.keep_fact("clock", self._clock.anchor().model_dump_json())
            self._book.wake()
        self._fetch_plan()
        self._book.tidy(self._clock.now())
        return _PLAN_SECONDS

    def _fetch_plan(self) -> None:
        known = self._book.plan_etag
        answer = self._link.get("/plan", {"If-None-Match": known} if known else {})
        if answer.status == _NOT_MODIFIED:
            return
        try:
            plan = PlanDocument.model_validate_json(answer.body)
        except ValidationError as error:
            raise Unreachable(N_("The plan can't be read.")) from error
        if plan.station != self._station:
            raise Unreachable(N_("The server sent the plan of another station."))
        self._book.take_plan(plan, answer.headers.get("ETag", ""), self._clock.now())
