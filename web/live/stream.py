"""`/api/v1/live/<key>.mp3`: the sound of a live talk, endless while it lasts, for every station it is for."""

import socket
from collections.abc import Iterator

from flask import Blueprint, Response, request

from core.errors import N_, Busy, Conflict
from core.settings import relay_secret
from scheduler import live
from web.access import anyone
from web.api.reading import answer
from web.app import house
from web.live.room import LiveRoom
from web.radio.listener import CONNECTION, ENDLESS, Listener, prepare
from web.radio.views import plain

blueprint = Blueprint("live", __name__)
_SEND_BUFFER = 8 * 1024  # the kernel doubles it: two seconds, or who is slow would hear what is long over
_GONE = 410
_NO_CONNECTION = N_("This server can't send endless sound. Start it with “loa web” or “loa serve”.")


@blueprint.get("/api/v1/live/<key>.mp3")
@anyone
def listen(key: str) -> Response:
    """A talk as MP3, for whoever was told its key: nobody can make one up. `410` when it is over."""
    here = house()
    with here.database.read() as session:
        talk = live.of_key(session, relay_secret(here.settings), key)
    air = here.live.on_air(talk.id)
    if (air is not None and air.speech.over.is_set()) or (air is None and talk.ended_at is not None):
        return _over()
    if request.method == "HEAD":
        request.environ[ENDLESS] = True
        return plain(Response())
    connection = request.environ.get(CONNECTION)
    if connection is None:
        raise Busy(_NO_CONNECTION, code="no_connection")
    try:
        air = air or here.live.open(talk)
    except Conflict:
        return _over()
    request.environ[ENDLESS] = True
    return plain(Response(_Stream(here.live, here.live.join(air), connection)))


def _over() -> Response:
    """The word by which stations know that the talk is over, as against a connection that broke."""
    return answer({"error": {"code": "talk_over", "message": "The talk is over."}}, _GONE)


class _Stream:
    """The body of an answer: first the beginning, by the server; then the room's sender has the connection."""

    def __init__(self, room: LiveRoom, listener: Listener, connection: socket.socket) -> None:
        self._room, self._listener, self._connection = room, listener, connection

    def __iter__(self) -> Iterator[bytes]:
        prepare(self._connection, _SEND_BUFFER)
        yield self._listener.begin()
        self._room.hand_over(self._listener, self._connection)
        self._listener.over.wait()

    def close(self) -> None:
        """Called when the answer is over, however it ends."""
        self._room.leave(self._listener)
