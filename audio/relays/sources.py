"""From an address to bytes of sound: what lies behind it is told by its content, playlists are followed."""

import io
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain

from audio import containers
from audio.relays.hls import HlsSource, media_of
from audio.relays.playlists import MOST_BYTES, is_hls, pointers
from core.errors import N_, InvalidInput
from core.outside import Limits, Opened, Outside, OutsideFailed

_STREAM = Limits(connect_seconds=10.0, idle_seconds=12.0, seconds=None)
_HEAD_BYTES = 16 * 1024
_DEPTH = 4
_TS_PACKET, _TS_SYNC = 188, 0x47
_STREAMED = frozenset({"mp3", "aac", "ogg", "flac", "mpegts", "mov"})  # what can be read from its middle on
_TEXT_STARTS = (b"#EXTM3U", b"[playlist]", b"http://", b"https://", b"#")


@dataclass(slots=True)
class Source:
    """Bytes of sound on their way: `demuxer` is ffmpeg's name for them, `title` the broadcaster's for itself.

    `by` says what led to them: the address itself (`direct`), a `playlist`, or `hls`.
    """

    url: str
    demuxer: str
    pieces: Iterator[bytes]
    title: str = ""
    bit_rate: str = ""
    by: str = "direct"
    _stopping: threading.Event = field(default_factory=threading.Event)
    _opened: Opened | None = None

    def halt(self) -> None:
        """End `pieces`, from any thread."""
        self._stopping.set()
        if self._opened is not None:
            self._opened.halt()


def kind_of(head: bytes) -> str | None:
    """The demuxer for a stream that begins (anywhere in it) with these bytes; None for what is no sound we take."""
    if any(
        head[at] == _TS_SYNC and all(head[at + n * _TS_PACKET] == _TS_SYNC for n in range(1, 4))
        for at in range(min(_TS_PACKET, max(0, len(head) - 3 * _TS_PACKET)))
    ):
        return "mpegts"
    found = containers.recognise(io.BytesIO(head)) or containers.within_stream(head)
    return found if found in _STREAMED else None


@contextmanager
def opened(outside: Outside, url: str, limits: Limits = _STREAM) -> Iterator[Source]:
    """The sound behind `url`, through at most four playlists. Raises InvalidInput or OutsideFailed with the reason."""
    with ExitStack() as stack:
        for step in range(_DEPTH):
            answer = stack.enter_context(outside.open(url, limits=limits))
            if answer.status != 200:  # noqa: PLR2004
                raise OutsideFailed(N_("%(url)s answers with an error (%(status)s)."), url=url, status=answer.status)
            pieces = answer.pieces()
            head = _head(pieces)
            if not head.lstrip(b"\xef\xbb\xbf \r\n").startswith(_TEXT_STARTS):
                source = _direct(answer, head, pieces)
                source.by = "playlist" if step else "direct"
                yield source
                return
            text = _text(head, pieces)
            answer.halt()
            if is_hls(text):
                with _hls(outside, answer.url) as source:
                    yield source
                return
            found = pointers(text, answer.url)
            if not found:
                raise InvalidInput(N_("The playlist at %(url)s names no stream."), url=url)
            url = found[0]
    raise InvalidInput(N_("%(url)s leads from one playlist to the next."), url=url)


def _head(pieces: Iterator[bytes]) -> bytes:
    head = bytearray()
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD_BYTES or head.lstrip(b"\xef\xbb\xbf \r\n").startswith(_TEXT_STARTS):
            break
    return bytes(head)


def _text(head: bytes, pieces: Iterator[bytes]) -> str:
    content = bytearray(head)
    for piece in pieces:
        content += piece
        if len(content) > MOST_BYTES:
            break
    return content[:MOST_BYTES].decode("utf-8", "replace")


def _direct(answer: Opened, head: bytes, pieces: Iterator[bytes]) -> Source:
    demuxer = kind_of(head)
    if demuxer is None:
        raise InvalidInput(N_("What comes from %(url)s is no sound that can be relayed."), url=answer.url)
    return Source(
        answer.url, demuxer, chain([head], pieces), title=_plain(answer.headers.get("icy-name", "")),
        bit_rate=_plain(answer.headers.get("icy-br", ""))[:20], _opened=answer,
    )  # fmt: skip


@contextmanager
def _hls(outside: Outside, url: str) -> Iterator[Source]:
    stopping = threading.Event()
    pieces = HlsSource(outside, media_of(outside, url), wait=stopping.wait).pieces()
    head = _head(pieces)
    demuxer = kind_of(head)
    if demuxer is None:
        raise InvalidInput(N_("What comes from %(url)s is no sound that can be relayed."), url=url)
    try:
        yield Source(url, demuxer, chain([head], pieces), by="hls", _stopping=stopping)
    finally:
        stopping.set()


def _plain(text: str) -> str:
    """A header of a broadcaster: often UTF-8 that was read as Latin-1."""
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return "".join(character for character in text if character.isprintable())[:120].strip()
