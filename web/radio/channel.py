"""One place as an endless stream: made once, whoever and however many listen.

Frame n of a stream lasts from n × 26.122 ms after its beginning; which instant that is follows from the number alone,
so nothing adds up over days. No frame is made before its time.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from core.errors import EngineFailed, NotFound
from scheduler.broadcast import Passage, Script, Spot
from web.radio import frames
from web.radio.frames import DELAY_SECONDS, SECONDS, Splice, Track
from web.radio.tape import Tape

log = logging.getLogger(__name__)
BURST_SECONDS = 3.0
AHEAD = timedelta(minutes=5)
_MAX_BEHIND = 10.0  # seconds that were not made in time are left out beyond this: the process was stopped
_STEP_SECONDS = 0.1  # a wall clock that moves by more against the monotonic one was set
_HALF = timedelta(seconds=SECONDS / 2)
_TOLERANCE = 4  # frames by which running sound may be off its instant before it is cut to it

# Asked with the id of a live talk, the number of the frame that comes next (−1 at first) and how many are wanted: the
# frames that are there, and the number of the one behind them.
Follow = Callable[[str, int, int], tuple[list[bytes], int]]


def nobody_speaks(_talk: str, _place: int, _count: int) -> tuple[list[bytes], int]:
    """No frames of any talk."""
    return [], -1


@dataclass(slots=True)
class _Playing:
    """The file that sounds, and the number of its next frame."""

    key: tuple[str, int]
    track: Track
    next: int


class Channel(Tape):
    """The stream of one spot. One thread makes it; another may hand it a newer script meanwhile."""

    def __init__(
        self, spot: Spot, path_of: Callable[[str], Path], monotonic: float, wall: datetime,
        live: Follow = nobody_speaks,
    ) -> None:  # fmt: skip
        """`path_of` says where the MP3 of a hash lies; the stream begins `BURST_SECONDS` before the instant given.

        `live` gives the next frames of a live talk, see `Follow`.
        """
        super().__init__(BURST_SECONDS)
        self._live, self._live_next = live, -1
        self.spot = spot
        self._path_of = path_of
        # Frame 0, by the monotonic clock and by the one on the wall.
        self._mono, self._wall = monotonic - BURST_SECONDS, wall - timedelta(seconds=BURST_SECONDS)
        self._script: Script | None = None
        self._passages: Sequence[Passage] = ()
        self._until = self._wall
        self._noticed: dict[str, datetime] = {}
        self._made = 0
        self._playing: _Playing | None = None
        self._splice = Splice()
        self._unplayable: set[str] = set()

    @property
    def id(self) -> str:
        """The id of the place."""
        return self.spot.id

    def follow(self, script: Script) -> None:
        """Go on by this script. An emergency that is new in it begins with the next frame, not where it would be."""
        here = self._instant(self._made)
        if self._script is not None:
            new = script.claims.keys() - self._script.claims.keys()
            for identity in new:
                claim = script.claims[identity]
                if claim.emergency and max(claim.issued_at, claim.starts_at) < here:
                    self._noticed[identity] = here
        self._noticed = {each: at for each, at in self._noticed.items() if each in script.claims}
        self._script = script
        self._look_ahead(here)

    def _look_ahead(self, here: datetime) -> None:
        """Work out what sounds from `here` on, for a while."""
        if self._script is not None:
            self._until = here + AHEAD
            try:
                found = self._script.passages(self._until, self._noticed)
            except ValueError:
                log.exception("the hours of %s can't be read: its radio is silent", self.spot.id)
                found = []
            self._passages = [each for each in found if each.end > here]

    def make(self, monotonic: float, wall: datetime) -> None:
        """Make what is due of the stream by now, as one piece."""
        gone = monotonic - self._mono
        drift = (wall - self._wall).total_seconds() - gone
        if abs(drift) > _STEP_SECONDS:
            self._wall += timedelta(seconds=drift)
            self._look_ahead(self._instant(self._made))
        due = math.floor(gone / SECONDS)
        if (due - self._made) * SECONDS > _MAX_BEHIND:
            self._made = due - math.ceil(BURST_SECONDS / SECONDS)
        if due <= self._made:
            return
        if self._instant(due) > self._until:
            self._look_ahead(self._instant(self._made))
        made: list[bytes] = []
        title = ""
        while self._made < due:
            title = self._add(made, due)
        self._append(b"".join(made), title)

    def _instant(self, frame: int) -> datetime:
        """When the sound of a frame is heard."""
        return self._wall + timedelta(seconds=frame * SECONDS + DELAY_SECONDS)

    def _add(self, made: list[bytes], due: int) -> str:
        """Add frames up to `due` at most, all of the same passage or silence; its title."""
        middle = self._instant(self._made) + _HALF
        while self._passages and self._passages[0].end <= middle:
            self._passages = self._passages[1:]
        passage = self._passages[0] if self._passages else None
        begun = passage is not None and passage.start <= middle
        turn = None if passage is None else passage.end if begun else passage.start
        count = due - self._made
        if turn is not None:
            count = min(count, max(1, math.ceil((turn - middle).total_seconds() / SECONDS)))
        found = self._sound(passage, count) if passage is not None and begun else []
        if not found:
            self._splice.cut()
            self._let_go()
            found = frames.silence(self._made, count)
            made += found
        else:
            made += [self._splice.joined(frame) for frame in found]
        self._made += len(found)
        return passage.title if passage is not None and begun else ""

    def _sound(self, passage: Passage, count: int) -> list[bytes]:
        """Frames of what sounds now; none where it has no audio here, or has come to its end."""
        if passage.live:
            found, self._live_next = self._live(passage.live, self._live_next, count)
            self._splice.cut()  # its frames stand for themselves
            return found
        self._live_next = -1
        if not passage.sha256 or passage.sha256 in self._unplayable:
            return []
        gone = (self._instant(self._made) - passage.start).total_seconds() + passage.offset
        wanted = max(0, round(gone / SECONDS))
        try:
            playing = self._opened(passage)
            if passage.again and playing.track.count:
                wanted %= playing.track.count
                count = min(count, playing.track.count - wanted)
            if abs(playing.next - wanted) > (0 if passage.again else _TOLERANCE):
                playing.next = wanted
                self._splice.cut()
            found = playing.track.frames(playing.next, count)
        except (OSError, EngineFailed, NotFound):
            log.exception("%s item %d is not heard on the radio of %s", passage.airing, passage.index, self.spot.id)
            self._unplayable.add(passage.sha256)
            return []
        playing.next += len(found)
        return found

    def _opened(self, passage: Passage) -> _Playing:
        key = (passage.airing, passage.index)
        if self._playing is None or self._playing.key != key:
            self._let_go()
            self._playing = _Playing(key, Track(self._path_of(passage.sha256)), -_TOLERANCE * 2)
        return self._playing

    def _let_go(self) -> None:
        playing, self._playing = self._playing, None
        if playing is not None:
            playing.track.close()

    def close(self) -> None:
        """Let go of the file that sounds."""
        self._let_go()
