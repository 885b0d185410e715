"""A station that listens by MQTT: told as quickly, believing no more, and back on `/now` the moment the broker is away."""

import json
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mosquitto_server import Guest, Mosquitto, broker, eventually
from station_lab import STATION, ticket

from core.clock import utc_now
from core.errors import N_
from core.topics import OFFLINE, ONLINE, now_of, now_of_unit, online_of
from core.wire import BrokerAnswer, Item, NowDocument
from station.link import Answer, Rejected
from station.mqtt import Listener

OWN, UNIT = now_of(STATION), now_of_unit(["79"])


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with broker(folder) as running:
        yield running


def told(mosquitto: Mosquitto) -> BrokerAnswer:
    return BrokerAnswer(url=mosquitto.url, username=STATION, topics=[UNIT, OWN], online=online_of(STATION))


def document(seq: int, **more: object) -> bytes:
    return json.dumps({"seq": seq, "plan": "p", **more}).encode()


class LinkOf:
    """Answers `/broker` as a server does."""

    def __init__(self, answer: BrokerAnswer | None) -> None:
        self.answer = answer

    def get(self, path: str) -> Answer:
        assert path == "/broker"
        if self.answer is None:
            raise Rejected(N_("The server refused the request (%(status)s): %(why)s"), status=404, why="x")
        return Answer(200, {}, self.answer.model_dump_json().encode())


@dataclass
class Ears:
    """A listener, and all that it hands on."""

    link: LinkOf
    taken: list[tuple[int, bool]] = field(default_factory=list)
    turns: queue.Queue[bool] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        self.listener = Listener(self.link, self._take, on_up_or_down=lambda: self.turns.put(True))  # type: ignore[arg-type]

    def _take(self, document: NowDocument, own: bool) -> None:
        self.taken.append((document.seq, own))

    def until(self, question: Callable[[], bool], what: str) -> None:
        def look() -> bool:
            self.listener.step()
            return question()

        eventually(look, what)


@pytest.fixture
def ears(mosquitto: Mosquitto) -> Iterator[Ears]:
    made = Ears(LinkOf(told(mosquitto)))
    made.until(made.listener.is_up, "the station listens")
    yield made
    made.listener.close()


@pytest.fixture
def server_side(mosquitto: Mosquitto) -> Iterator[Guest]:
    with Guest(mosquitto.port, [online_of(STATION)]) as made:
        eventually(lambda: made.granted, "the server's side is there")
        yield made


def say(guest: Guest, topic: str, content: bytes) -> None:
    eventually(guest.client.is_connected, "the server's side is connected")
    guest.client.publish(topic, content, qos=1, retain=True).wait_for_publish(20)


def test_what_is_kept_and_what_comes_is_taken_over(mosquitto: Mosquitto, server_side: Guest):
    say(server_side, UNIT, document(5))
    ears = Ears(LinkOf(told(mosquitto)))
    try:
        ears.until(lambda: ears.taken == [(5, False)], "what was kept is heard")
        say(server_side, OWN, document(6))
        ears.until(lambda: ears.taken[1:] == [(6, True)], "what is new is heard")
    finally:
        ears.listener.close()


def test_it_says_that_it_is_there_and_when_it_goes(mosquitto: Mosquitto, server_side: Guest, ears: Ears):
    assert server_side.next() == (online_of(STATION), ONLINE)
    ears.listener.close()
    assert server_side.next() == (online_of(STATION), OFFLINE)
    assert not ears.listener.is_up()


def test_without_a_broker_nothing_is_done_and_one_that_is_taken_away_is_left(ears: Ears):
    quiet = Ears(LinkOf(None))
    quiet.listener.step()
    assert not quiet.listener.is_up()
    ears.link.answer = None
    ears.listener._asked_at = None
    ears.listener.step()
    assert not ears.listener.is_up()


def test_an_older_document_is_not_taken_over_and_the_server_is_asked(ears: Ears, server_side: Guest):
    say(server_side, UNIT, document(9))
    say(server_side, UNIT, document(8, withdrawn=["air_x"]))
    ears.until(lambda: not ears.listener.is_up(), "there is doubt")
    assert ears.taken == [(9, False)]
    ears.listener.heard_directly(NowDocument(seq=9, plan="p"))
    assert ears.listener.is_up()
    say(server_side, UNIT, document(9))
    say(server_side, OWN, document(3))  # another topic has numbers of its own
    ears.until(lambda: ears.taken[1:] == [(9, False), (3, True)], "both are heard")


def test_a_server_that_was_set_back_is_believed_once_it_says_so_itself(ears: Ears, server_side: Guest):
    say(server_side, UNIT, document(900))
    say(server_side, UNIT, document(20))
    ears.until(lambda: not ears.listener.is_up(), "there is doubt")
    ears.listener.heard_directly(NowDocument(seq=20, plan="p"))
    say(server_side, UNIT, document(21))
    ears.until(lambda: ears.taken == [(900, False), (21, False)], "the server's new numbers count")


@pytest.mark.parametrize("nonsense", [b"{", b"[]", b'{"seq": "x"}', b"\xff" * 50, b"x" * 1_000_001])
def test_nonsense_is_not_taken_over_and_stops_nothing(ears: Ears, server_side: Guest, nonsense: bytes):
    say(server_side, UNIT, nonsense)
    say(server_side, OWN, document(4))
    ears.until(lambda: ears.taken == [(4, True)], "what makes sense is heard")


def test_it_goes_back_to_waiting_when_the_broker_is_away_and_listens_again_when_it_is_back(
    ears: Ears, mosquitto: Mosquitto
):
    mosquitto.stop()
    ears.until(lambda: not ears.listener.is_up(), "the station notices")
    mosquitto.start()
    ears.until(ears.listener.is_up, "it listens again")
    assert ears.turns.qsize() >= 3


@pytest.mark.processes
def test_a_station_plays_what_comes_by_mqtt_and_by_now_when_the_broker_is_away(
    server, player, clips, mosquitto: Mosquitto, server_side: Guest
):
    clip = clips.make(server, 1.0)
    server.broker = told(mosquitto).model_dump()
    player.start()
    assert server_side.next() == (online_of(STATION), ONLINE)

    def alarm(name: str) -> str:
        wanted = ticket(
            name, utc_now(), Item(at=0, seconds=1.0, clip=clip), kind="emergency", priority="emergency", late="play"
        )
        return server.signer.sign(wanted)

    forged = alarm("air_forged")[:-8] + "AAAAAAAA"
    say(server_side, UNIT, document(50, interrupts=[forged, alarm("air_pushed")]))
    assert server.report("air_pushed")["outcome"] == "played"
    said = eventually(lambda: [one for beat in server.heartbeats for one in beat["acknowledged"]], "it takes note")
    assert "air_pushed" in said
    assert "air_forged" not in said
    mosquitto.stop()
    server.change(interrupts=[alarm("air_asked")])
    assert server.report("air_asked")["outcome"] == "played"
    asked = server.requests["/api/v1/now"]
    mosquitto.start()
    say(server_side, UNIT, document(60, interrupts=[alarm("air_again")]))
    assert server.report("air_again")["outcome"] == "played"
    assert server.requests["/api/v1/now"] - asked < 10
    assert player.stop() == 0
    assert not server.reports_of("air_forged") or {each["outcome"] for each in server.reports_of("air_forged")} == {
        "refused"
    }
