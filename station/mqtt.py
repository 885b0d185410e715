"""Listening by MQTT: the same documents as `/now`, pushed. The one door of a station to a broker.

While the broker answers, `/now` is not held open; when it is away, that goes on at once. What comes this way is
trusted no more than what comes the other: signatures are checked all the same, and no document may be older than the
one before.
"""

import logging
import queue
import random
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from core.errors import N_
from core.topics import OFFLINE, ONLINE
from core.wire import BrokerAnswer, NowDocument
from station.book import Book
from station.link import Link, Rejected, Unreachable
from station.waiting import Waiter

if TYPE_CHECKING:
    from paho.mqtt.client import Client

log = logging.getLogger(__name__)
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_ASK_AGAIN_SECONDS = 900.0
_LOOK_SECONDS = 5.0
_MOST_WAITING = 500
_MOST_BYTES = 1_000_000
_LONGEST_REST_SECONDS = 60


class Listener:
    """Keeps a connection with the broker that the server names, and hands on what comes. One thread calls `step`."""

    def __init__(
        self, link: Link, take: Callable[[NowDocument, bool], None], *, on_up_or_down: Callable[[], None]
    ) -> None:
        """`take` gets a document and whether it is the station's own (only that names its plan)."""
        self._link, self._take, self._on_up_or_down = link, take, on_up_or_down
        self.wake: Callable[[], None] = lambda: None  # asks for the next step at once
        self._client: Client | None = None
        self._broker: BrokerAnswer | None = None
        self._asked_at: float | None = None
        self._came: queue.Queue[tuple[str, bytes]] = queue.Queue(_MOST_WAITING)
        self._seqs: dict[str, int] = {}
        self._up = threading.Event()
        self._doubt = threading.Event()

    def is_up(self) -> bool:
        """Whether news come this way. False also while there is doubt, so that `/now` is asked once."""
        return self._up.is_set() and not self._doubt.is_set()

    def heard_directly(self, document: NowDocument) -> None:
        """The server itself has answered: its word counts, also where it has gone back to an earlier state."""
        self._doubt.clear()
        self._seqs = {topic: min(seq, document.seq) for topic, seq in self._seqs.items()}

    def close(self) -> None:
        """Say goodbye, as far as the broker listens."""
        self._part()

    def step(self) -> float:
        """Act on what has come, and see to the connection; returns the seconds until the next look."""
        now = time.monotonic()
        if self._asked_at is None or now - self._asked_at > _ASK_AGAIN_SECONDS:
            self._arrange()
            self._asked_at = now
        while True:
            try:
                topic, content = self._came.get_nowait()
            except queue.Empty:
                return _LOOK_SECONDS
            self._act_on(topic, content)

    def _arrange(self) -> None:
        try:
            told: BrokerAnswer | None = BrokerAnswer.model_validate_json(self._link.get("/broker").body)
        except Rejected:
            told = None  # there is none, or the server is older than this
        except ValidationError as error:
            raise Unreachable(N_("The server's answer can't be read.")) from error
        if told == self._broker:
            return
        self._part()
        self._broker = told
        if told is not None:
            self._client = self._connect(told)

    def _connect(self, told: BrokerAnswer) -> "Client":
        from paho.mqtt.client import Client, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        where = urlsplit(told.url)
        if where.scheme not in _PORTS or not where.hostname:
            raise Unreachable(N_("The server's answer can't be read."))
        client: Client = Client(CallbackAPIVersion.VERSION2, client_id=told.username, protocol=MQTTv311)
        if told.username:
            client.username_pw_set(told.username, told.password)
        if where.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context())
        client.will_set(told.online, OFFLINE, qos=1, retain=True)
        first = random.uniform(1, 5)  # noqa: S311 - against thousands that come back in step
        client.reconnect_delay_set(first, _LONGEST_REST_SECONDS)  # type: ignore[arg-type]

        client.on_connect, client.on_subscribe = self._connected, self._subscribed
        client.on_disconnect, client.on_message = self._gone, self._arrived
        client.connect_async(where.hostname, where.port or _PORTS[where.scheme], told.keepalive_s)
        client.loop_start()
        return client

    def _connected(self, client: Any, _data: object, _flags: object, reason: Any, _more: object) -> None:
        if reason.is_failure or self._broker is None:
            log.warning("the broker refuses this station: %s", reason)
            return
        self._seqs.clear()  # what it keeps is told anew
        client.subscribe([(topic, 1) for topic in self._broker.topics])
        client.publish(self._broker.online, ONLINE, qos=1, retain=True)

    def _subscribed(self, _client: Any, _data: object, _number: int, reasons: list[Any], _more: object) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("the broker does not let this station hear all of its topics")
        else:
            self._turn(up=True)

    def _gone(self, _client: Any, _data: object, _flags: object, _reason: object, _more: object) -> None:
        self._turn(up=False)

    def _arrived(self, _client: Any, _data: object, message: Any) -> None:
        try:
            if len(message.payload) <= _MOST_BYTES:
                self._came.put_nowait((message.topic, bytes(message.payload)))
        except queue.Full:
            self._doubt.set()
            self._on_up_or_down()
        self.wake()

    def _turn(self, *, up: bool) -> None:
        if up != self._up.is_set():
            log.info("the broker %s", "answers" if up else "is away; /now is waited on instead")
            (self._up.set if up else self._up.clear)()
            self._on_up_or_down()

    def _part(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        if client.is_connected() and self._broker is not None:
            client.publish(self._broker.online, OFFLINE, qos=1, retain=True)
        client.disconnect()
        client.loop_stop()
        self._turn(up=False)

    def _act_on(self, topic: str, content: bytes) -> None:
        """Take over a document unless it is older than the one before; what makes no sense is asked for directly."""
        if self._broker is None or topic not in self._broker.topics or not content:
            return
        try:
            document = NowDocument.model_validate_json(content)
        except ValidationError:
            log.warning("what came by %s can't be read", topic)
            self._doubt.set()
            self._on_up_or_down()
            return
        if document.seq < self._seqs.get(topic, -1):
            log.warning("what came by %s is older than what came before", topic)
            self._doubt.set()
            self._on_up_or_down()
            return
        self._seqs[topic] = document.seq
        self._take(document, topic == self._broker.topics[-1])


def beside(waiter: Waiter, book: Book, link: Link, *, wake_waiting: Callable[[], None]) -> Listener:
    """A listener whose news the waiter acts on, and which lets it rest meanwhile."""

    def take(document: NowDocument, own: bool) -> None:
        seq = max(document.seq, book.seq or -1)  # of several documents the newest says how far this station is
        waiter.take(document.model_copy(update={"seq": seq}), names_plan=own)

    made = Listener(link, take, on_up_or_down=wake_waiting)
    waiter.is_told_elsewhere, waiter.on_answer = made.is_up, made.heard_directly
    return made
