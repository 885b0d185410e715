"""Relays put into programmes by a script: what is sent is tried first, and shown again as it was sent."""

from collections.abc import Iterator

import pytest
from flask import Flask
from relay_lab import FORMS, Broadcaster, encoded, hls_folder, noise
from village import Callers, FakeClock, Village

from audio.relays import looking
from core.database import Database
from core.settings import Settings
from web.app import create_app


@pytest.fixture
def broadcaster() -> Iterator[Broadcaster]:
    running = Broadcaster()
    sound = noise(3.0)
    running.pages["/live"] = encoded(sound, *FORMS["mp3"])
    running.pages["/aac"] = encoded(sound, *FORMS["aac"])
    running.pages["/page"] = b"<html><body>" + b"x" * 20_000
    running.headers["/live"] = {"icy-name": "VOV1"}
    yield running
    running.close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"outside_hosts": ["127.0.0.1"]})


@pytest.fixture
def script(village: Village, callers: Callers):
    """A call as somebody, with one relay among the items."""

    def call(who: str = "approver", *, put: str | None = None, **item) -> tuple[int, dict]:
        body = {"unit": "79.1", "title": "Tiếp sóng", "items": [item]}
        answer = callers[who].put(f"/programmes/{put}", body) if put else callers[who].post("/programmes", body)
        return answer.status_code, answer.get_json()

    return call


def test_a_relay_is_tried_saved_and_shown_as_it_was_given(
    script, callers: Callers, village: Village, broadcaster: Broadcaster
):
    url = broadcaster.url("/live")
    status, made = script(relay=url, seconds=1_800)
    assert status == 201
    assert made["items"] == [{"relay": url, "seconds": 1_800, "title": "", "via": "auto"}]
    assert broadcaster.asked == ["/live"]
    bulletin = village.bulletin()
    clip = callers["approver"].get(f"/bulletins/{bulletin}").get_json()["clip"]
    changed = {
        "relay": url,
        "seconds": 900.5,
        "title": "Thời sự VOV1",
        "fallback": clip,
        "via": "station",
        "role": "fill",
    }
    status, made = script(put=made["id"], **changed)
    assert status == 200
    assert made["items"] == [changed]
    assert callers["viewer"].get(f"/programmes/{made['id']}").get_json()["items"] == [changed]
    assert broadcaster.asked == ["/live"]  # it was in there already


def test_what_cannot_be_relayed_is_refused_beside_its_field(script, broadcaster: Broadcaster, tmp_path):
    folder = hls_folder(noise(4.0), tmp_path / "hls")
    for file in folder.iterdir():
        broadcaster.pages[f"/{file.name}"] = file
    broadcaster.pages["/in"] = lambda handler: (
        handler.send_response(302), handler.send_header("Location", "http://10.0.0.1/live"), handler.end_headers()
    )  # fmt: skip
    for item, field in (
        ({"relay": broadcaster.url("/page"), "seconds": 60}, "relay"),
        ({"relay": broadcaster.url("/nothing"), "seconds": 60}, "relay"),
        ({"relay": broadcaster.url("/in"), "seconds": 60}, "relay"),
        ({"relay": "http://127.0.0.1:1/", "seconds": 60}, "relay"),
        ({"relay": "http://192.168.1.1/", "seconds": 60}, "relay"),
        ({"relay": "file:///etc/passwd", "seconds": 60}, "relay"),
        ({"relay": broadcaster.url("/live"), "seconds": 5}, "seconds"),
        ({"relay": broadcaster.url("/live")}, "seconds"),
        ({"relay": broadcaster.url("/live"), "seconds": 60, "via": "boat"}, "via"),
        ({"relay": broadcaster.url("/live"), "seconds": 60, "via": "server"}, "via"),  # its address isn't set
        ({"relay": broadcaster.url("/aac"), "seconds": 60}, "via"),
        ({"relay": broadcaster.url("/list.m3u8"), "seconds": 60}, "via"),
        ({"relay": broadcaster.url("/aac"), "seconds": 60, "via": "station"}, "via"),
        ({"relay": broadcaster.url("/live"), "seconds": 60, "role": "star"}, "role"),
        ({"relay": broadcaster.url("/live"), "seconds": 60, "clip": "cl_x"}, "form"),
    ):
        status, answer = script(**item)
        assert status == 422, (item, answer)
        assert answer["error"]["fields"] == {"items": field}, (item, answer)
        assert answer["error"]["message"]


def test_nothing_is_tried_for_who_may_not_put_it_in(script, broadcaster: Broadcaster):
    url = broadcaster.url("/live")
    assert [script(who, relay=url, seconds=60)[0] for who in ("writer", "viewer", "stranger")] == [403, 403, 404]
    assert broadcaster.asked == []


def test_with_its_address_set_the_server_fetches_what_stations_cannot(
    settings: Settings, database: Database, clock: FakeClock, village: Village, broadcaster: Broadcaster
):
    app: Flask = create_app(
        settings.model_copy(update={"public_url": "https://loa.example"}), database, clock=clock, testing=True
    )
    callers = Callers(app, village.cast)
    items = [
        {"relay": broadcaster.url("/aac"), "seconds": 60},
        {"relay": broadcaster.url("/live"), "seconds": 60, "via": "server"},
    ]
    answer = callers["approver"].post("/programmes", {"unit": "79.1", "title": "x", "items": items})
    assert answer.status_code == 201, answer.get_json()


def test_a_stalling_broadcaster_is_given_up_in_time(script, broadcaster: Broadcaster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(looking, "LOOK_SECONDS", 0.5)
    broadcaster.pages["/slow"] = lambda handler: handler.server.gone.wait(20)
    status, answer = script(relay=broadcaster.url("/slow"), seconds=60)
    assert (status, answer["error"]["fields"]) == (422, {"items": "relay"})
