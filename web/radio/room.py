"""Everybody in this process who listens to Internet radio or to a relay, and the channels made for them.

Two threads, greenlets under gevent, work while somebody listens. One makes all channels and sends to all listeners once
a second, without waiting for any of them. The other follows the feed of changes and reads anew what sounds where.
"""

import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from audio.store import MediaStore
from core import changes
from core.database import Database
from core.errors import N_, Busy, NotFound, TooMany
from core.outside import Outside
from core.settings import Settings
from registry import people, units
from registry.rights import Permission
from scheduler import broadcast
from scheduler.broadcast import Script, Spot
from web.radio.channel import Channel, Follow, nobody_speaks
from web.radio.listener import Listener
from web.radio.relayed import Relayed
from web.radio.tape import Tape

log = logging.getLogger(__name__)
BEAT_SECONDS = 1.0
POLL_SECONDS = 0.2
REFRESH_SECONDS = 120.0
_LINGER_SECONDS = 30.0
_MAX_REST_SECONDS = 5.0
_MOST_CHANGES = 1_000
_LATE_SECONDS = 1.0
_YIELD_EVERY = 1_000  # some 15 ms; each rest may last as long as all who are just coming take
_TELL_SECONDS = 60.0
_RETRY_SECONDS = 30
_FULL = N_("Too many people are listening just now. Try again in a moment.")
_BEGIN_SECONDS = 12.0
_RELAYS_FULL = N_("This server relays as many broadcasts at a time as it is set to.")
_NO_RELAY = N_("The broadcast can't be relayed just now. Try again in a moment.")
_MANY = N_("At most %(most)s players may listen from one address at the same time.")


class RadioRoom:
    """Who listens to what in this process."""

    def __init__(
        self, database: Database, settings: Settings, clock: Callable[[], datetime], live: Follow = nobody_speaks
    ) -> None:
        """`live` gives the frames of live talks."""
        self._live = live
        self._database, self._settings, self._clock = database, settings, clock
        self._store = MediaStore(settings.media)
        self._outside = Outside(settings.outside_hosts)
        self._lock = threading.RLock()
        self._channels: dict[str, Tape] = {}
        self._idle_since: dict[str, float] = {}
        self._read_at: dict[str, float] = {}
        self._listeners: dict[str, set[Listener]] = {}
        self._addresses: Counter[str] = Counter()
        self._closing, self._wanted = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._seq = -1
        self._told_at = self._beat_due = 0.0
        self.dropped = 0

    @property
    def listening(self) -> int:
        """How many listen to Internet radio."""
        return self._addresses.total()

    @property
    def channels(self) -> int:
        """How many places are listened to."""
        return len(self._channels) - self.relays

    @property
    def relays(self) -> int:
        """How many broadcasts of others are relayed."""
        return sum(isinstance(each, Relayed) for each in list(self._channels.values()))

    def listening_to(self, spot_id: str) -> int:
        """How many listen to one place."""
        return len(self._listeners.get(spot_id, ()))

    def join(self, spot: Spot, address: str, *, titles: bool, public: bool, person: str = "") -> Listener:
        """Begin to listen; `leave` ends it. `person` is who may because of their rights, where it is not `public`.

        Raises TooMany from one address, Busy altogether.
        """
        with self._lock:
            most = self._settings.radio_listeners_per_address
            if self._closing.is_set() or self.listening >= self._settings.radio_listeners:
                raise Busy(_FULL)
            if self._addresses[address] >= most:
                raise TooMany(_MANY, retry_after=_RETRY_SECONDS, most=most)
            self._addresses[address] += 1
        try:
            channel = self._opened(spot)
            with self._lock:
                now = time.monotonic()
                listener = Listener(channel, address, now, titles=titles, public=public, person=person)
                self._listeners.setdefault(spot.id, set()).add(listener)
                self._start()
        except BaseException:
            with self._lock:
                self._count_out(address)
            raise
        log.debug("%s listens to %s", address, spot.id)
        return listener

    def join_relay(self, name: str, url: str) -> Listener:
        """Begin to listen to the broadcast at `url`, known by `name`; `leave` ends it. Waits for its beginning.

        It is fetched when the first begins to listen, until half a minute after the last has left. Raises Busy.
        """
        with self._lock:
            if self._closing.is_set() or self._relayed_to() >= self._settings.relay_listeners:
                raise Busy(_FULL)
            channel = self._channels.get(name)
            if channel is None:
                if self.relays >= self._settings.relays_at_once:
                    raise Busy(_RELAYS_FULL, code="relays_full")
                channel = self._channels[name] = Relayed(name, url, self._outside)
            self._idle_since.pop(name, None)
            self._start()
        assert isinstance(channel, Relayed)  # noqa: S101 - no place has such a name
        if not channel.begun.wait(_BEGIN_SECONDS):
            raise Busy(_NO_RELAY, code="no_relay")
        with self._lock:
            if self._channels.get(name) is not channel:
                raise Busy(_NO_RELAY, code="no_relay")
            listener = Listener(channel, "", time.monotonic(), titles=False, public=True)
            self._listeners.setdefault(name, set()).add(listener)
        return listener

    def _relayed_to(self) -> int:
        return sum(len(some) for name, some in self._listeners.items() if isinstance(self._channels.get(name), Relayed))

    def hand_over(self, listener: Listener, connection: socket.socket) -> None:
        """Let the sender write to the connection of a listener who has got the beginning."""
        with self._lock:
            listener.take(connection, time.monotonic())

    def leave(self, listener: Listener) -> None:
        """Listen no more. Twice is once."""
        listener.leave()
        with self._lock:
            mine = self._listeners.get(listener.channel.id, set())
            if listener in mine:
                mine.remove(listener)
                if not isinstance(listener.channel, Relayed):
                    self._count_out(listener.address)
            if not mine:
                self._listeners.pop(listener.channel.id, None)

    def _count_out(self, address: str) -> None:
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    def close(self) -> None:
        """Let everybody go."""
        self._closing.set()
        self._wanted.set()
        for listener in self._everybody():
            self.leave(listener)
        for thread in self._threads:
            thread.join(timeout=5)
        with self._lock:
            for channel in self._channels.values():
                channel.close()

    def _everybody(self) -> list[Listener]:
        with self._lock:
            return [each for some in self._listeners.values() for each in some]

    # channels
    def _opened(self, spot: Spot) -> Channel:
        """The channel of a spot, made now if nobody listened to it before."""
        with self._lock:
            found = self._channels.get(spot.id)
        if isinstance(found, Channel):
            return found
        with self._database.read() as session:
            seq = changes.latest(session)
            script = broadcast.read(session, spot, self._settings.zone, self._clock())
        with self._lock:
            if spot.id not in self._channels:
                channel = Channel(
                    spot, lambda sha256: self._store.path(sha256, "mp3"), time.monotonic(), self._clock(), self._live
                )
                channel.follow(script)
                channel.make(time.monotonic(), self._clock())
                if not self.channels:
                    self._seq = seq
                self._channels[spot.id], self._read_at[spot.id] = channel, time.monotonic()
                return channel
            found = self._channels[spot.id]
        assert isinstance(found, Channel)  # noqa: S101 - no relay has such a name
        return found

    def _start(self) -> None:
        """Have both threads work. Called under the lock."""
        if not self._threads:
            for name, work in (("radio", self._send_all), ("radio-feed", self._follow)):
                thread = threading.Thread(target=self._loop, args=(work,), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._wanted.set()

    def _loop(self, work: Callable[[], float]) -> None:
        """Work while there are channels; `work` says in how many seconds it wants to be called again."""
        rest = 0.0
        while not self._closing.wait(rest):
            if not self._wanted.wait(_MAX_REST_SECONDS):
                rest = 0.0
                continue
            try:
                rest = work()
            except Exception:
                rest = min(max(rest, POLL_SECONDS) * 2, _MAX_REST_SECONDS)
                log.exception("Internet radio: next try in %.1f s", rest)

    # one beat
    def _send_all(self) -> float:
        """Make what is due and send it to everybody; the seconds until the next beat."""
        now = time.monotonic()
        if 0 < self._beat_due < now - _LATE_SECONDS:
            log.warning("Internet radio: a beat came %.1f s late", now - self._beat_due)
        with self._lock:
            for spot_id, channel in list(self._channels.items()):
                channel.make(now, self._clock())
                self._tidy(spot_id, channel, now)
        for number, listener in enumerate(self._everybody(), 1):
            if not listener.over.is_set() and not listener.send(now):
                self.dropped += 1
                self.leave(listener)
            if number % _YIELD_EVERY == 0:
                time.sleep(0)
        self._tell(now)
        self._beat_due = (now // BEAT_SECONDS + 1) * BEAT_SECONDS
        return max(0.0, self._beat_due - time.monotonic())

    def _tidy(self, spot_id: str, channel: Tape, now: float) -> None:
        """Close a channel that nobody has listened to for a while."""
        if self._listeners.get(spot_id):
            self._idle_since.pop(spot_id, None)
        elif now - self._idle_since.setdefault(spot_id, now) > _LINGER_SECONDS:
            channel.close()
            del self._channels[spot_id], self._idle_since[spot_id]
            self._read_at.pop(spot_id, None)
            if not self._channels:
                self._wanted.clear()
                self._beat_due = 0.0

    def _tell(self, now: float) -> None:
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            log.info(
                "Internet radio: %d listen to %d places; %d connections ended", self.listening, self.channels,
                self.dropped,
            )  # fmt: skip

    # what sounds
    def _follow(self) -> float:
        """Read anew what has changed for somebody; the seconds until the next look."""
        with self._lock:
            channels, seq = [each for each in self._channels.values() if isinstance(each, Channel)], self._seq
        if not channels:
            return POLL_SECONDS
        with self._database.read() as session:
            feed = changes.since(session, seq, _MOST_CHANGES)
        news = [row.audience for row in feed if row.topic != "timetable"]
        now = time.monotonic()
        for channel in channels:
            old = now - self._read_at.get(channel.spot.id, now) > REFRESH_SECONDS
            if old or any(broadcast.concerns(channel.spot, audience) for audience in news):
                try:
                    self._read_anew(channel, now)
                except Exception:
                    log.exception("what sounds at %s can't be read; it goes on as before", channel.spot.id)
                    self._read_at[channel.spot.id] = now - REFRESH_SECONDS + _MAX_REST_SECONDS
        if feed:
            self._seq = feed[-1].seq or seq
        return POLL_SECONDS

    def _read_anew(self, channel: Channel, now: float) -> None:
        found = self._present(channel.spot)
        strangers = self._strangers(channel.spot, found[0]) if found is not None else set()
        with self._lock:
            if found is None:
                self._let_go(self._listeners.get(channel.spot.id, ()))
                return
            spot, script, public = found
            channel.spot = spot
            channel.follow(script)
            if spot.id in self._read_at:
                self._read_at[spot.id] = now
            if not public:
                mine = self._listeners.get(spot.id, ())
                self._let_go(each for each in mine if each.public or each.person in strangers)

    def _strangers(self, before: Spot, now: Spot) -> set[str]:
        """Those who listen by rights that they don't have any more."""
        with self._lock:
            listening = {each.person for each in self._listeners.get(before.id, ()) if each.person}
        with self._database.read() as session:
            return {each for each in listening if not people.may(session, each, Permission.SEE, now.unit)}

    def _present(self, spot: Spot) -> tuple[Spot, Script, bool] | None:
        """The spot as it is now, with what sounds there and whether everybody may listen; None when it is gone."""
        with self._database.read() as session:
            try:
                found = broadcast.spot(session, spot.id)
            except NotFound:
                return None
            held = units.inherited(found.units, self._settings.zone)
            return found, broadcast.read(session, found, self._settings.zone, self._clock()), held.public_radio

    def _let_go(self, listeners: Iterable[Listener]) -> None:
        for each in list(listeners):
            self.leave(each)
