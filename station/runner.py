"""The whole station: its parts put together, its loops started and watched."""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from core.errors import LoaError
from station.book import Book
from station.clock import Anchor, StationClock
from station.fetching import Fetcher, ready_until
from station.identity import Home
from station.link import Link
from station.looping import Loop
from station.mixing import Mixer
from station.outputs import open_output
from station.planning import Planner
from station.player import Player
from station.reporting import Heart, Reporter
from station.shelf import Shelf
from station.store import Store
from station.waiting import Orders, Waiter

log = logging.getLogger(__name__)

_WATCH_SECONDS = 5.0
_RESTART_WAIT_SECONDS = 3.0


class Station:
    """One running station. `run` blocks until `stop`, or until a restart was commanded."""

    def __init__(self, home: Home, output: tuple[str, Path | None]) -> None:
        self._home = home
        self._output_spec = output
        self._stopping = threading.Event()
        self._restart = threading.Event()
        self.loops: list[Loop] = []

    def stop(self) -> None:
        """Ask it to stop; safe from a signal handler."""
        self._stopping.set()

    def run(self) -> bool:
        """Play until stopped; True for a commanded restart. Raises NotFound if not enrolled, Conflict if one runs."""
        identity = self._home.load()
        self._home.prepare()
        with ExitStack() as stack:
            stack.enter_context(self._home.lock())
            store = stack.enter_context(closing(Store(self._home.database)))
            clock = StationClock(anchor=_anchor(store))
            links = [stack.enter_context(closing(Link(identity.server, identity.token))) for _ in range(4)]
            book = Book(store, identity, clock.now())
            shelf = Shelf(self._home.audio)
            mixer = Mixer()
            output = open_output(self._output_spec, mixer, identity.station)
            player = Player(book, shelf, clock, mixer, output)
            stack.callback(player.stop)
            self._put_together(book, store, clock, shelf, player, links, identity.station)
            log.info("%s (%s) runs; server %s", identity.name, identity.station, identity.server)
            for loop in self.loops:
                loop.start()
            self._watch()
        return self._restart.is_set()

    def _put_together(
        self,
        book: Book,
        store: Store,
        clock: StationClock,
        shelf: Shelf,
        player: Player,
        links: list[Link],
        station: str,
    ) -> None:
        waiting_link, plan_link, urgent_link, bulk_link = links
        emergency = threading.Event()

        def refused() -> None:
            book.set_revoked(revoked=True)

        def loop(name: str, step: object, *, most: float = 60.0) -> Loop:
            made = Loop(name, step, self._stopping, on_refused=refused, most_backoff=most)  # type: ignore[arg-type]
            self.loops.append(made)
            return made

        def play() -> float:
            player.run_once(self._stopping)
            return 0.0

        planner = Planner(book, store, plan_link, clock, station)
        heart = Heart(
            book, store, plan_link, clock, self._home.path, playing=player.playing, fault=player.fault,
            ready_until=lambda now: ready_until(book, shelf, now),
        )  # fmt: skip
        loop("player", play, most=1.0)
        hearts = loop("heartbeat", heart.step)
        urgent = loop("urgent", Fetcher(book, shelf, urgent_link, clock.now, emergency, urgent=True).step, most=5.0)
        fetcher = Fetcher(book, shelf, bulk_link, clock.now, emergency, urgent=False)
        fetch = _telling(fetcher.step, lambda: ready_until(book, shelf, clock.now()), hearts.wake.set)
        bulk = loop("audio", fetch)
        planning = loop("plan", planner.step)
        reports = loop("reports", Reporter(store, plan_link).step)
        book.listeners += [urgent.wake, bulk.wake, reports.wake]

        def sync() -> None:
            planner.sync()
            planning.wake.set()
            book.wake()

        def stop(airing: str | None) -> None:
            playing = player.playing()
            target = airing or (playing[0] if playing else None)
            if target:
                book.withdraw(target, clock.now())

        def restart() -> None:
            # After the acknowledgement had its chance to leave.
            self._restart.set()
            threading.Timer(_RESTART_WAIT_SECONDS, self._stopping.set).start()

        def news() -> None:
            hearts.wake.set()
            reports.wake.set()

        orders = Orders(book, store, sync=sync, stop=stop, restart=restart, test_tone=player.test_tone)
        waiter = Waiter(book, waiting_link, orders, clock.now, on_news=news, on_new_plan=planning.wake.set)
        loop("now", waiter.step, most=30.0)

    def _watch(self) -> None:
        """Wait for the stop; start again whatever thread has died all the same."""
        while not self._stopping.wait(_WATCH_SECONDS):
            for loop in self.loops:
                if not loop.is_alive():
                    log.error("%s had died; it is started again", loop.name)
                    loop.start()
        for loop in self.loops:
            loop.wake.set()
        for loop in self.loops:
            loop.join(2.0 if loop.name == "player" else 0.2)  # one that waits for the server ends with the process


def _telling(
    step: Callable[[], float], state: Callable[[], datetime | None], tell: Callable[[], None]
) -> Callable[[], float]:
    """`step`, followed by `tell` when `state` is another than before: a minute is long for who watches the panel."""
    known: list[datetime | None] = [None]

    def both() -> float:
        wait = step()
        now = state()
        if now != known[0]:
            known[0] = now
            tell()
        return wait

    return both


def _anchor(store: Store) -> Anchor | None:
    with suppress(ValidationError, LoaError):
        kept = store.fact("clock")
        return Anchor.model_validate_json(kept) if kept else None
    return None
