"""The whole station: its parts put together, its loops started and watched."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from core.errors import LoaError
from core.outside import Outside
from core.signing import Verifier
from station.alarming import Counter
from station.book import Book
from station.clock import Anchor, StationClock
from station.credentials import Credentials
from station.ear import Ear
from station.faults import found
from station.fetching import Fetcher, ready_until, standing_ready
from station.identity import Home
from station.link import Link
from station.live import Talks
from station.looping import Loop
from station.microphone import Source
from station.mixing import Mixer
from station.mqtt import beside
from station.outputs import Spec, open_output
from station.oversight import Oversight
from station.planning import Planner
from station.player import Player
from station.prompt import Prompt
from station.pulse import Pulse
from station.relaying import Relays, soon_relayed
from station.renewal import Renewal
from station.reporting import Heart, Reporter
from station.shelf import Shelf, in_memory
from station.store import Store
from station.traffic import Traffic
from station.waiting import Orders, Waiter

log = logging.getLogger(__name__)

_WATCH_SECONDS = 5.0
# The player looks at its plan several times a second; one that has not for so long hangs, and is better begun anew.
_HANGS_SECONDS = 30.0
_RESTART_WAIT_SECONDS = 3.0
_WARM_SECONDS = 2.0


class Station:
    """One running station. `run` blocks until `stop`, or until a restart was commanded."""

    def __init__(self, home: Home, output: Spec, latency: float = 0.0, microphone: Source | None = None) -> None:
        """`latency` (s): how long sound is under way behind the sound card. `microphone` hears what comes of it."""
        self._home = home
        self._output_spec = output
        self._latency = latency
        self._microphone = microphone
        self._stopping = threading.Event()
        self._restart = threading.Event()
        self._parting: Callable[[], None] = lambda: None
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
            credentials = Credentials(identity.token, identity.spare_token, self._keep_token)
            traffic = Traffic()
            links = [
                stack.enter_context(closing(Link(identity.server, credentials, traffic=traffic))) for _ in range(4)
            ]
            verifier = Verifier(identity.server_keys, identity.keys_version, self._keep_keys)
            pulse = stack.enter_context(closing(Pulse(self._home.path / "pulse")))
            book = Book(store, identity, clock.now(), verifier, pulse)
            shelf = Shelf(self._home.audio, stack.enter_context(in_memory(identity.station)))
            mixer = Mixer(clock)
            output = open_output(self._output_spec, mixer, identity.station, self._latency)
            outside = Outside([str(urlsplit(identity.server).hostname)])
            relays = stack.enter_context(closing(Relays(outside)))
            talks = stack.enter_context(closing(Talks(outside, identity.server)))
            player = Player(book, shelf, clock, mixer, output, relays, talks)
            if self._microphone is not None:
                ear = player.ear = stack.enter_context(closing(Ear(self._microphone)))
                mixer.went_out = ear.went_out
                ear.start(mixer)
            stack.callback(player.stop)
            renewal = Renewal(
                links[1], credentials, identity.token_since, clock.now,
                on_new=lambda now: self._home.change(token_since=now),
            )  # fmt: skip
            self._put_together(book, store, clock, shelf, player, links, identity.station, renewal)

            def warm() -> float:
                relays.warm(soon_relayed(book.items_ahead(clock.now()), clock.now()))
                return _WARM_SECONDS

            self.loops.append(Loop("relays", warm, self._stopping))
            log.info("%s (%s) runs; server %s", identity.name, identity.station, identity.server)
            for loop in self.loops:
                loop.start()
            self._watch(Oversight())
            self._parting()
        return self._restart.is_set()

    def _keep_token(self, token: str, spare: str | None) -> None:
        self._home.change(token=token, spare_token=spare)

    def _keep_keys(self, keys: list[dict[str, Any]], version: int) -> None:
        try:
            self._home.change(server_keys=keys, keys_version=version)
        except LoaError:  # they hold all the same; after a restart the plan is asked for whole, and brings them again
            log.exception("the server's keys could not be kept")

    def _put_together(
        self,
        book: Book,
        store: Store,
        clock: StationClock,
        shelf: Shelf,
        player: Player,
        links: list[Link],
        station: str,
        renewal: Renewal,
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
            book, store, plan_link, clock, self._home.path, playing=player.playing,
            faults=lambda: found(store, shelf, player.fault, lambda: next(iter(self.loops), None)),
            ready_until=lambda now: ready_until(book, shelf, now), standing=lambda: standing_ready(book, shelf),
            playing_since=player.playing_since,
        )  # fmt: skip
        loop("player", play, most=1.0)
        hearts = loop("heartbeat", heart.step)
        player.on_begun = Prompt(station, hearts.wake.set, lambda: book.settings.spread_s).began
        loop("counter", Counter(self._home.path, book, shelf, clock.now).step, most=5.0)
        urgent = loop("urgent", Fetcher(book, shelf, urgent_link, clock.now, emergency, urgent=True).step, most=5.0)
        fetcher = Fetcher(book, shelf, bulk_link, clock.now, emergency, urgent=False)
        fetch = _telling(
            fetcher.step, lambda: (ready_until(book, shelf, clock.now()), standing_ready(book, shelf)), hearts.wake.set
        )
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

        renewing = loop("token", renewal.step)

        def renew() -> None:
            renewal.ask()
            renewing.wake.set()

        orders = Orders(book, store, sync=sync, stop=stop, restart=restart, test_tone=player.test_tone)
        waiter = Waiter(
            book, waiting_link, orders, clock.now, on_news=news, on_new_plan=planning.wake.set, on_renewal=renew
        )
        waiting = loop("now", waiter.step, most=30.0)

        listener = beside(waiter, book, plan_link, wake_waiting=waiting.wake.set)
        listener.wake = loop("mqtt", listener.step, most=300.0).wake.set
        self._parting = listener.close

    def _watch(self, oversight: Oversight) -> None:
        """Wait for the stop; start again whatever thread has died all the same; tell systemd while the player looks."""
        oversight.ready()
        while not self._stopping.wait(min(_WATCH_SECONDS, oversight.beat or _WATCH_SECONDS)):
            for loop in self.loops:
                if not loop.is_alive():
                    log.error("%s had died; it is started again", loop.name)
                    loop.start()
            looked = next(loop.last_success for loop in self.loops if loop.name == "player")
            if looked is not None and time.monotonic() - looked < _HANGS_SECONDS:
                oversight.alive()
        oversight.stopping()
        for loop in self.loops:
            loop.wake.set()
        for loop in self.loops:
            # The player may be putting away what it has just played; one that waits for the server ends with us.
            loop.join(8.0 if loop.name == "player" else 0.2)


def _telling(step: Callable[[], float], state: Callable[[], object], tell: Callable[[], None]) -> Callable[[], float]:
    """`step`, followed by `tell` when `state` is another than before: a minute is long for who watches the panel."""
    known: list[object] = [None]

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
