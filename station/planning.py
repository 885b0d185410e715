"""Keeping plan and clock fresh: asked for at the start, when `/now` tells of a change, and now and then."""

import time

from pydantic import ValidationError

from core.errors import N_
from core.wire import PlanDocument
from station.book import Book
from station.clock import StationClock, measure
from station.discipline import STEP_SECONDS, Measurement
from station.link import Link, Unreachable
from station.store import Store

_NOT_MODIFIED = 304
_PLAN_SECONDS = 900.0


def correct(clock: StationClock, measurement: Measurement, book: Book, store: Store) -> None:
    """Let a measurement steer the clock; if it steps by that, all that was read from it since the start moves, too."""
    was_right = clock.is_trusted
    stepped = clock.take(measurement)
    if stepped or not was_right:
        was_right = was_right and abs(stepped) < STEP_SECONDS
        book.clock_moved(stepped, None if was_right else clock.now())
        book.wake()
    store.keep_fact("clock", clock.anchor().model_dump_json())


class Planner:
    """Fetches the plan conditionally and measures the clock."""

    def __init__(self, book: Book, store: Store, link: Link, clock: StationClock, station: str) -> None:
        self._book = book
        self._store = store
        self._link = link
        self._clock = clock
        self._station = station
        self._measure_at = 0.0

    def sync(self) -> None:
        """Measure the clock anew at the next step."""
        self._measure_at = 0.0

    def step(self) -> float:
        """Clock first, for a plan read with a wrong clock may look over; returns the seconds until the next look."""
        if time.monotonic() >= self._measure_at:
            correct(self._clock, measure(self._link, self._clock), self._book, self._store)
            self._measure_at = time.monotonic() + self._clock.wait_seconds()
        self._fetch_plan()
        self._book.tidy(self._clock.now())
        return min(_PLAN_SECONDS, max(0.0, self._measure_at - time.monotonic()))

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
