"""A look at an address before it is put into a programme: whether it is reached, and is sound that can be relayed.

No ffmpeg: what comes is told by its first bytes, so that the web process can do it while somebody waits.
"""

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import Final

from audio.relays.sources import opened
from core.errors import N_, Busy
from core.outside import Limits, Outside, OutsideFailed

LOOK_SECONDS = 10.0
PLAYABLE: Final = frozenset({"mp3", "ogg"})  # what stations play by themselves
_WORDS = {
    "mp3": "MP3", "ogg": "Ogg", "aac": "AAC", "flac": "FLAC", "mpegts": "MPEG-TS", "mov": "MP4", "hls": "HLS",
    "playlist": "M3U/PLS",
}  # fmt: skip
KINDS: Final = frozenset(_WORDS)
_PATIENCE = Limits(connect_seconds=5.0, idle_seconds=6.0, seconds=None)
_AT_ONCE = threading.BoundedSemaphore(4)  # a look that nobody waits for any more still takes its place
_BUSY = N_("Several addresses are being tried just now. Try again in a moment.")


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found: `kind` (one of `KINDS`), what the broadcaster calls itself, where playlists led to."""

    url: str
    kind: str
    name: str
    leads_to: str

    @property
    def word(self) -> str:
        """The kind as people write it."""
        return word(self.kind)


def word(kind: str) -> str:
    """A kind as people write it."""
    return _WORDS.get(kind, kind)


def look(outside: Outside, url: str) -> Looked:
    """What is behind `url`, within `LOOK_SECONDS`. Raises InvalidInput, OutsideFailed, or Busy (many look at once)."""
    if not _AT_ONCE.acquire(blocking=False):
        raise Busy(_BUSY)
    answer: Future[Looked] = Future()

    def work() -> None:
        try:
            with opened(outside, url, _PATIENCE) as source:
                kind = kind_of(source.by, source.demuxer)
                found = Looked(url, kind, source.title, source.url)
                source.halt()
            answer.set_result(found)
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            answer.set_exception(error)
        finally:
            _AT_ONCE.release()

    threading.Thread(target=work, name="relay-look", daemon=True).start()
    try:
        return answer.result(LOOK_SECONDS)
    except NotInTime:
        raise OutsideFailed(
            N_("Nothing usable came from %(url)s within %(seconds)d seconds."), url=url, seconds=round(LOOK_SECONDS)
        ) from None


def kind_of(by: str, demuxer: str) -> str:
    """The kind of a source (`audio.relays.sources.Source`), as it counts for who can play it."""
    if by == "hls":
        return "hls"
    return "playlist" if by == "playlist" and demuxer in PLAYABLE else demuxer
