"""Who may listen: everybody where the unit says so, else only who may see it; to all others it is not there."""

import base64
import socket
from collections.abc import Iterator

import pytest
from flask import Flask
from village import Callers, FakeClock, Village
from werkzeug.test import TestResponse

from registry import units
from registry.models import Unit
from web.radio.listener import CONNECTION

CLOSED = 404


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def closed(app: Flask) -> Iterator[None]:
    yield
    app.extensions["loa"].radio.close()


def ask(app: Flask, name: str, method: str = "HEAD", **headers: str) -> TestResponse:
    return app.test_client().open(f"/radio/{name}.mp3", method=method, headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"listener:{token}".encode()).decode()}


def let(village: Village, unit: str, public: bool | None) -> None:
    with village.database.write() as session:
        here = session.get_one(Unit, village.cast.units[unit])
        units.open_radio(session, village.actor("root"), here, public, village.clock())


def places(village: Village) -> dict[str, str]:
    cast = village.cast
    return {"by code": "79.1", "by id": cast.units["commune_a"], "station": cast.stations["a1"], "below": "79.1.2"}


def test_nobody_listens_to_a_place_that_said_nothing_and_it_looks_as_if_it_were_not_there(app: Flask, village: Village):
    nothing = ask(app, "79.99", "GET")
    assert nothing.status_code == CLOSED
    for name in places(village).values():
        answer = ask(app, name, "GET")
        assert (answer.status_code, answer.text.replace(name, "79.99")) == (nothing.status_code, nothing.text), name


def test_everybody_listens_where_the_unit_or_one_above_it_says_so(app: Flask, village: Village):
    let(village, "province", True)
    assert {ask(app, name).status_code for name in places(village).values()} == {200}
    let(village, "commune_a", False)
    assert {ask(app, name).status_code for name in places(village).values()} == {CLOSED}
    assert ask(app, "79.2").status_code == 200
    let(village, "hamlet_a2", True)
    assert ask(app, "79.1.2").status_code == 200
    let(village, "commune_a", None)
    assert {ask(app, name).status_code for name in places(village).values()} == {200}


@pytest.mark.parametrize("how", [bearer, basic])
def test_a_persons_token_opens_what_they_may_see_and_nothing_else(app: Flask, village: Village, how):
    tokens = village.cast.tokens
    for name in places(village).values():
        assert ask(app, name, **how(tokens["viewer"])).status_code == 200, name
        assert ask(app, name, **how(tokens["stranger"])).status_code == CLOSED, name
    assert ask(app, "79.2", **how(tokens["stranger"])).status_code == 200
    assert ask(app, "79.2", **how(tokens["viewer"])).status_code == CLOSED
    assert ask(app, "79.1", **how("pat_wrong")).status_code == 401
    assert ask(app, "79.1", **how(village.cast.station_tokens["a1"])).status_code == 401


def test_a_name_and_a_password_open_the_radio_only(app: Flask, village: Village):
    for method, path in (("GET", "/api/v1/units"), ("PUT", f"/api/v1/units/{village.cast.units['commune_a']}/radio")):
        answer = app.test_client().open(path, method=method, headers=basic(village.cast.tokens["root"]), json={})
        assert answer.status_code == 401, path


def test_the_head_says_what_players_want_to_know(app: Flask, village: Village):
    let(village, "commune_a", True)
    plain, titled = ask(app, "79.1"), ask(app, "79.1", **{"Icy-MetaData": "1"})
    for answer in (plain, titled):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "audio/mpeg"
        assert answer.headers["icy-br"] == "64"
        assert answer.headers["icy-pub"] == "1"
        assert answer.headers["icy-name"] == "commune_a"
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Connection"] == "close"
        assert answer.data == b""
    assert "icy-metaint" not in plain.headers
    assert titled.headers["icy-metaint"] == "16000"
    assert app.extensions["loa"].radio.listening == 0


def test_a_vietnamese_name_goes_out_in_utf_8_on_one_line(app: Flask, village: Village):
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        unit.name = "Xã Phước An\r\nicy-x: y"
        session.add(unit)
    let(village, "commune_a", True)
    answer = ask(app, "79.1")
    assert answer.headers["icy-name"].encode("latin-1").decode() == "Xã Phước An  icy-x: y"
    assert "icy-x" not in answer.headers


def test_it_takes_nothing_but_to_be_listened_to(app: Flask, village: Village):
    let(village, "commune_a", True)
    assert [ask(app, "79.1", method).status_code for method in ("POST", "PUT", "DELETE")] == [405] * 3


def test_somebody_one_too_many_is_told_when_to_come_again(app: Flask, village: Village):
    let(village, "commune_a", True)
    house = app.extensions["loa"]
    with village.database.read() as session:
        from scheduler import broadcast

        here = broadcast.spot(session, "79.1")
    for _ in range(house.settings.radio_listeners_per_address):
        house.radio.join(here, "127.0.0.1", titles=False, public=True)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        answer = app.test_client().get("/radio/79.1.mp3", environ_overrides={CONNECTION: ours})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_the_switch_is_an_administrators_and_is_written_down(callers: Callers, village: Village):
    path = f"/units/{village.cast.units['commune_a']}/radio"
    assert callers["viewer"].get(path).get_json() == {
        "unit": "79.1", "public": None, "open": False, "path": "/radio/79.1.mp3", "listeners": 0,
    }  # fmt: skip
    assert callers["operator"].put(path, {"public": True}).status_code == 403
    assert callers["stranger"].put(path, {"public": True}).status_code == 404
    assert callers["administrator"].put(path, {"public": "perhaps"}).status_code == 422
    assert callers["administrator"].put(path, {"public": True}).get_json()["open"] is True
    noted = callers["administrator"].get("/audit").get_json()["items"]
    assert [row["detail"] for row in noted if row["action"] == "unit.radio"] == [{"public": True}]
