"""Whether a relayed stream sounds: silence and stalls are noticed, and its return is. Pure; time is an argument.

Server and station go by this one rule.
"""

from dataclasses import dataclass
from typing import Literal

State = Literal["waiting", "sounding", "silent", "stalled"]

SILENCE_SECONDS = 8.0
STALL_SECONDS = 4.0
RETURN_SECONDS = 2.0
SILENCE_DB = -55.0  # of the RMS of a tenth of a second: the hiss of an idle studio lies under it, whispering above
_GAP_SECONDS = 1.0


@dataclass(slots=True)
class Steadiness:
    """Told of what comes; instants are seconds of a monotonic clock, and never go back.

    A stream that has sounded is `silent` after 8 s of silence and `stalled` after 4 s without data; from either, and
    at its start (`waiting`), it is `sounding` again once 2 s of sound came with no gap of more than 1 s in them.
    """

    began: float
    last_data: float | None = None
    last_sound: float | None = None
    sound_seconds: float = 0.0
    quiet_seconds: float = 0.0
    sounding: bool = False

    def note(self, seconds: float, level_db: float, at: float) -> None:
        """So many seconds of stream came at `at`, with this RMS in dB under full scale."""
        self.state(at)
        self.last_data = at
        if seconds <= 0:
            return
        if level_db <= SILENCE_DB:
            self.quiet_seconds += seconds
            self.sound_seconds = 0.0 if self.quiet_seconds > _GAP_SECONDS else self.sound_seconds
            return
        self.quiet_seconds = 0.0
        self.sound_seconds += seconds
        self.last_sound = at
        self.sounding = self.sounding or self.sound_seconds >= RETURN_SECONDS

    def state(self, at: float) -> State:
        """What to think of it at `at`."""
        if self.last_data is None:
            return "stalled" if at - self.began > STALL_SECONDS * 2 else "waiting"
        stalled = at - self.last_data > STALL_SECONDS
        silent = at - (self.last_sound if self.last_sound is not None else self.began) > SILENCE_SECONDS
        if stalled or silent:
            self.sounding = False
            self.sound_seconds = 0.0
        if self.sounding:
            return "sounding"
        if stalled:
            return "stalled"
        return "silent" if silent else "waiting"
