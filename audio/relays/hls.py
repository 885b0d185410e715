"""HTTP Live Streaming (RFC 8216) as one run of bytes: the newest pieces first, then each new one as it appears."""

import time
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from audio.relays.playlists import Master, Media, Part, Segment, is_hls, read_hls
from core.errors import N_, InvalidInput
from core.outside import Limits, Outside, OutsideFailed

_BEHIND_SEGMENTS = 3  # RFC 8216, 6.3.3: nearer to the end than that stalls
_PLAYLIST = Limits(seconds=15.0, size=512 * 1024)
_SEGMENT = Limits(seconds=30.0, size=16 << 20)
_KEY = Limits(seconds=10.0, size=64)
_MOST_TRIES = 6
_MOST_RELOADS_UNCHANGED = 12
_BLOCK = 16


def media_of(outside: Outside, url: str) -> str:
    """The address of the media playlist behind `url`: itself, or what suits best of the forms it names.

    Raises InvalidInput or OutsideFailed.
    """
    for _ in range(3):
        found = _playlist(outside, url)
        if isinstance(found[1], Media):
            return found[0]
        url = found[1].best_for_speech().url
    raise InvalidInput(N_("The stream's playlist can't be read."))


class HlsSource:
    """The bytes of one media playlist. `stop` (thread-safe) ends `pieces`."""

    def __init__(
        self, outside: Outside, url: str, *, wait: Callable[[float], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`wait(seconds)` sleeps, and is true when it was woken to stop."""
        self._outside = outside
        self._url = url
        self._wait = wait
        self._clock = clock
        self._keys: dict[str, bytes] = {}
        self._head: Part | None = None

    def pieces(self) -> Iterator[bytes]:
        """Segment after segment. Ends with the stream. Raises OutsideFailed when nothing new comes any more."""
        done: int | None = None
        unchanged = failures = 0
        while True:
            try:
                _, found = _playlist(self._outside, self._url)
                failures = 0
            except OutsideFailed:
                failures += 1
                if failures >= _MOST_TRIES or self._wait(1.0):
                    raise
                continue
            if not isinstance(found, Media):
                raise InvalidInput(N_("The stream's playlist can't be read."))
            began = self._clock()
            new = _new_segments(found, done)
            for segment in new:
                piece = self._piece(segment)
                done = segment.number
                if piece:
                    yield piece
            if found.ended:
                return
            unchanged = 0 if new else unchanged + 1
            if unchanged >= _MOST_RELOADS_UNCHANGED:
                raise OutsideFailed(N_("%(url)s has stopped: nothing new comes."), url=self._url)
            # RFC 8216, 6.3.4: the target duration after a change, half of it when there was none.
            pause = found.target_seconds * (1.0 if new else 0.5) - (self._clock() - began)
            if self._wait(min(10.0, max(0.25, pause if not new else min(pause, new[-1].seconds)))):
                return

    def _piece(self, segment: Segment) -> bytes:
        """One segment's bytes, decrypted, with its head where that has changed; none where it can't be had."""
        try:
            content = _fetched(self._outside, segment.part, _SEGMENT)
            if segment.key is not None:
                content = self._decrypted(content, segment)
            if segment.head is not None and segment.head != self._head:
                content = _fetched(self._outside, segment.head, _SEGMENT) + content
                self._head = segment.head
        except OutsideFailed:
            return b""  # it has gone from the server, or breaks off: the next one is better than none
        return content

    def _decrypted(self, content: bytes, segment: Segment) -> bytes:
        key = segment.key
        assert key is not None  # noqa: S101 - asked by the caller
        secret = self._keys.get(key.url) or self._outside.fetch(key.url, limits=_KEY).body
        if len(secret) != _BLOCK or len(content) % _BLOCK or not content:
            raise OutsideFailed(N_("A piece of %(url)s can't be decrypted."), url=self._url)
        self._keys = {key.url: secret}
        iv = key.iv or segment.number.to_bytes(_BLOCK, "big")
        decryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).decryptor()
        plain = decryptor.update(content) + decryptor.finalize()
        padding = plain[-1]
        return plain[:-padding] if 1 <= padding <= _BLOCK else plain


def _new_segments(found: Media, done: int | None) -> list[Segment]:
    """What comes after segment `done`; at the start, and after a gap or a restart of the numbers, the live end."""
    if not found.segments:
        return []
    first, last = found.segments[0].number, found.segments[-1].number
    if done is not None and first - 1 <= done <= last:
        return [one for one in found.segments if one.number > done]
    if found.ended:
        return list(found.segments)
    return list(found.segments[-_BEHIND_SEGMENTS:])


def _playlist(outside: Outside, url: str) -> tuple[str, Master | Media]:
    answer = outside.fetch(url, limits=_PLAYLIST)
    if answer.status != 200:  # noqa: PLR2004
        raise OutsideFailed(N_("%(url)s answers with an error (%(status)s)."), url=url, status=answer.status)
    text = answer.body.decode("utf-8", "replace")
    if not is_hls(text):
        raise OutsideFailed(N_("%(url)s answers with something else than a playlist."), url=url)
    return answer.url, read_hls(text, answer.url)


def _fetched(outside: Outside, part: Part, limits: Limits) -> bytes:
    headers = {}
    if part.length is not None:
        headers["Range"] = f"bytes={part.first}-{part.first + part.length - 1}"
    answer = outside.fetch(part.url, headers=headers, limits=limits)
    if answer.status not in {200, 206}:
        raise OutsideFailed(N_("%(url)s answers with an error (%(status)s)."), url=part.url, status=answer.status)
    if part.length is not None and answer.status == 200:  # noqa: PLR2004 - it doesn't know ranges
        return answer.body[part.first : part.first + part.length]
    return answer.body
