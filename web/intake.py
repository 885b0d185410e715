"""Bodies of requests under gevent: large ones leave room for everybody else, slow ones and unwanted ones end.

A client on a fast line fills its socket quicker than it is emptied, so a greenlet that reads one would never wait, and
nobody else would be served. So after each large piece a reader rests, twice as long as the work on that piece took for
each that reads at the time: all of them together take about a third of the process, whatever their number.
"""

import time
from typing import Any

import gevent
from gevent.pywsgi import Input, WSGIHandler
from werkzeug.exceptions import RequestTimeout

# Pieces have 64 kB here: slower than one a minute is nobody who still wants to send something.
_PIECE_SECONDS = 60.0
_LARGE = 16 * 1024
_RESTS = 2.0
_LONGEST_REST_SECONDS = 0.25
# A caller who was refused is listened to for a moment, so that it reads the answer instead of a broken connection.
_DRAIN_SECONDS = 5.0


class Share:
    """How many large bodies are being read in this process."""

    readers = 0


class Intake:
    """What the application reads a body from, in place of gevent's own `Input`."""

    def __init__(self, source: Input, handler: WSGIHandler, share: Share) -> None:
        self._source, self._handler, self._share = source, handler, share
        self._broken = self._large = False
        self._handed_over_at = 0.0

    def read(self, length: int | None = None) -> bytes:
        """At most `length` bytes. Raises RequestTimeout when they take too long, OSError when the caller is gone."""
        if self._large:
            worked = time.perf_counter() - self._handed_over_at
            gevent.sleep(min(_RESTS * worked * self._share.readers, _LONGEST_REST_SECONDS))
        try:
            with gevent.Timeout(_PIECE_SECONDS, RequestTimeout()):
                piece: bytes = self._source.read(length)
        except BaseException:
            self._end()
            raise
        if len(piece) >= _LARGE and not self._large:
            self._large = True
            self._share.readers += 1
        self._handed_over_at = time.perf_counter()
        return piece

    def __getattr__(self, name: str) -> Any:
        """Reading by lines, which nothing here does with large bodies."""
        return getattr(self._source, name)

    def _end(self) -> None:
        self._broken = self._handler.close_connection = True

    def _discard(self) -> None:
        """Called by the server after the answer: read away what is left, for a few seconds, then hang up."""
        if self._large:
            self._large = False
            self._share.readers -= 1
        source = self._source
        if self._broken or not (source.chunked_input or source.position < (source.content_length or 0)):
            return
        if source.socket is not None:  # the caller still waits for leave to send
            self._end()
            return
        with gevent.Timeout(_DRAIN_SECONDS, False):
            while source.read(_LARGE):
                gevent.sleep(0)
            return
        self._end()
