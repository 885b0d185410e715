"""How long a broadcast is fetched, and for how many."""

import time
from collections.abc import Iterator

import pytest
from relay_lab import FORMS, Broadcaster, encoded, eventually, live, noise

from core.clock import utc_now
from core.database import Database
from core.errors import Busy
from core.settings import Settings
from web.radio.relayed import Relayed
from web.radio.room import RadioRoom

pytestmark = pytest.mark.processes


@pytest.fixture
def broadcaster() -> Iterator[Broadcaster]:
    running = Broadcaster()
    for path in ("/one", "/two"):
        running.pages[path] = live(encoded(noise(30.0), *FORMS["mp3"]))
    yield running
    running.close()


@pytest.fixture
def room(database: Database, settings: Settings) -> Iterator[RadioRoom]:
    few = {"outside_hosts": ["127.0.0.1"], "relays_at_once": 1, "relay_listeners": 2}
    made = RadioRoom(database, settings.model_copy(update=few), utc_now)
    yield made
    made.close()


def test_it_is_fetched_from_the_first_listener_until_half_a_minute_after_the_last(
    room: RadioRoom, broadcaster: Broadcaster
):
    url = broadcaster.url("/one")
    first, second = room.join_relay("one", url), room.join_relay("one", url)
    assert first.channel is second.channel
    assert broadcaster.asked == ["/one"]
    assert (room.relays, room.channels, room.listening) == (1, 0, 0)  # nobody of Internet radio
    with pytest.raises(Busy):
        room.join_relay("one", url)
    relayed = first.channel
    assert isinstance(relayed, Relayed)
    for each in (first, second, second):
        room.leave(each)
    with pytest.raises(Busy) as refused:
        room.join_relay("two", broadcaster.url("/two"))
    assert refused.value.code == "relays_full"
    now = time.monotonic()
    room._tidy("one", relayed, now)
    room._tidy("one", relayed, now + 29)
    assert room.relays == 1
    room._tidy("one", relayed, now + 31)
    assert room.relays == 0
    eventually(lambda: not relayed.restream._thread.is_alive(), "its encoder has ended")
    eventually(lambda: not relayed.restream._pull._thread.is_alive(), "its pull has ended")
    assert room.join_relay("two", broadcaster.url("/two")).channel is not relayed
    assert broadcaster.asked == ["/one", "/two"]
