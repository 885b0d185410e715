"""What a station plays just now: a voice, and which item of which airing it is."""

from dataclasses import dataclass
from datetime import datetime

from station.accounting import Stretch
from station.due import Key, Obstacle, Progress, Sound
from station.live import LiveSource
from station.relaying import RelaySource
from station.voice import Voice

_NOT_BEGUN = Progress()


@dataclass(slots=True)
class Playing:
    """A voice and what it is: of an airing's item, or (`sound` None) the test tone."""

    voice: Voice
    sound: Sound | None
    offset: float = 0.0
    wanted: float = 0.0
    before: Progress = _NOT_BEGUN
    cut_for: Obstacle | None = None
    saved_at: float = 0.0
    relay: RelaySource | None = None
    live: LiveSource | None = None

    @property
    def key(self) -> Key | None:
        return self.sound.key if self.sound else None

    def stretch(self, started: datetime) -> Stretch:
        """What has sounded of it up to now, since the corrected instant `started`."""
        voice = self.voice
        return Stretch(
            started, self.offset, self.wanted, voice.seconds_out(), voice.seconds_dropped(), ran_out=voice.ran_out,
            failed=voice.failed, peak_db=voice.peak_db(),
        )  # fmt: skip
