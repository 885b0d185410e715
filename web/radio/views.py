"""Endless sound over HTTP, for any player.

`/radio/<station or unit>.mp3` is what is on air there, `/api/v1/relay/<key>.mp3` the programme of another broadcaster,
which is fetched once for all stations.
"""

import socket
from collections.abc import Iterator

from flask import Blueprint, Response, g, request, url_for

from core.errors import N_, Busy, NotFound
from core.settings import relay_secret
from playlists import relays
from registry import units
from registry.rights import Actor, Permission
from scheduler import broadcast
from scheduler.broadcast import Spot
from web.access import Caller, open_to
from web.app import house
from web.radio.listener import CONNECTION, ENDLESS, META_EVERY, Listener, prepare
from web.radio.room import RadioRoom

blueprint = Blueprint("radio", __name__)
_ENDLESS_HEADERS = {
    "Content-Type": "audio/mpeg",
    "Connection": "close",
    "Accept-Ranges": "none",
    "Cache-Control": "no-cache, no-store",
    "Pragma": "no-cache",
    "Expires": "0",
    "X-Accel-Buffering": "no",
    "icy-br": "64",
    "icy-sr": "44100",
    "ice-audio-info": "ice-samplerate=44100;ice-bitrate=64;ice-channels=1",
}
_NO_CONNECTION = N_("This server can't send endless sound. Start it with “loa web” or “loa serve”.")


@blueprint.get("/radio/<name>.mp3")
@open_to(Caller.ANYONE, Caller.SCRIPT, Caller.BROWSER)
def listen(name: str) -> Response:
    """An endless MP3 of what is on air at a place: for everybody where it says so, else for whoever may see it."""
    here = house()
    who: Actor | None = g.actor
    with here.database.read() as session:
        spot = broadcast.spot(session, name)
        public = units.inherited(spot.units, here.settings.zone).public_radio
    if not public and (who is None or not who.may(Permission.SEE, spot.unit)):
        raise NotFound
    if spot.code_now:
        return _lead_on(spot.code_now)
    request.environ[ENDLESS] = True
    titles = request.headers.get("Icy-MetaData", "").strip() == "1"
    if request.method == "HEAD":
        return _headed(Response(), spot, titles=titles, public=public)
    connection = request.environ.get(CONNECTION)
    if connection is None:
        raise Busy(_NO_CONNECTION, code="no_connection")
    person = who.id if who is not None and who.may(Permission.SEE, spot.unit) else ""
    listener = here.radio.join(
        spot, request.remote_addr or "?", titles=titles, public=not person, person=person
    )  # fmt: skip
    return _headed(Response(_Stream(here.radio, listener, connection)), spot, titles=titles, public=public)


@blueprint.get("/api/v1/relay/<key>.mp3")
@open_to(Caller.ANYONE)
def relay(key: str) -> Response:
    """Another broadcaster's programme as MP3, for whoever was told its key: nobody can make one up."""
    here = house()
    with here.database.read() as session:
        source = relays.of_key(session, relay_secret(here.settings), key)
    request.environ[ENDLESS] = True
    if request.method == "HEAD":
        return plain(Response())
    connection = request.environ.get(CONNECTION)
    if connection is None:
        raise Busy(_NO_CONNECTION, code="no_connection")
    return plain(Response(_Stream(here.radio, here.radio.join_relay(key, source.url), connection)))


def _lead_on(code: str) -> Response:
    """To the address with the code of today: players, and relays in front, follow it. Nobody keeps it."""
    answer = Response(status=301, headers={"Location": url_for("radio.listen", name=code), "Cache-Control": "no-store"})
    answer.headers["Content-Type"] = "text/plain"
    return answer


def plain(response: Response) -> Response:
    """The answer with what players of endless sound need to know."""
    response.headers.update(_ENDLESS_HEADERS)
    return response


def _headed(response: Response, spot: Spot, *, titles: bool, public: bool) -> Response:
    plain(response).headers.update(
        {
            # Players read these as UTF-8, while the interface between server and application counts bytes as Latin-1.
            "icy-name": _line(spot.name).encode().decode("latin-1"),
            "icy-description": " › ".join(_line(unit.name) for unit in spot.units).encode().decode("latin-1"),
            "icy-genre": "Community",
            "icy-pub": "1" if public else "0",
        }
    )
    if titles:
        response.headers["icy-metaint"] = str(META_EVERY)
    return response


def _line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


class _Stream:
    """The body of an answer: first the beginning, by the server; then the room's sender has the connection."""

    def __init__(self, room: RadioRoom, listener: Listener, connection: socket.socket) -> None:
        self._room, self._listener, self._connection = room, listener, connection

    def __iter__(self) -> Iterator[bytes]:
        prepare(self._connection)
        yield self._listener.begin()
        self._room.hand_over(self._listener, self._connection)
        self._listener.over.wait()

    def close(self) -> None:
        """Called when the answer is over, however it ends."""
        self._room.leave(self._listener)
