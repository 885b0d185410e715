"""gTTS: Google Translate's voices, when the service answers within its time limit."""

import functools
import math
import threading
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from audio import ffmpeg
from audio.deadline import Deadline
from audio.engines.base import Spoken, Voice
from audio.engines.plausible import check_speech, most_seconds
from audio.engines.process import talk
from core.errors import N_, EngineFailed

SERVICE = "https://translate.google.com"
_SCRIPT = Path(__file__).with_name("gtts_process.py")
_TITLE = "gTTS"
_PHRASES_A_LIMIT = 8
_REST_SECONDS = 60.0
_TAGS = {"iw": "he", "jw": "jv", "tl": "fil"}  # codes that everybody else has given up


@functools.cache
def languages() -> dict[str, str]:
    """Code and English name of every language the `gtts` library knows."""
    from gtts.lang import tts_langs

    return dict(tts_langs())


class GttsEngine:
    """The service behind a time limit that holds for hanging and for dripping servers.

    Each phrase must be answered within `seconds`, and all of a text within `seconds` for every eight phrases. After
    a failure the engine rests for a minute: a server that is down costs one clip the time limit, not every clip.
    """

    name = "gtts"
    max_chars = 100  # what the service takes at a time

    def __init__(
        self,
        *,
        url: str = "",
        seconds: float = 8.0,
        rest_seconds: float = _REST_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url or SERVICE
        self._seconds = seconds
        self._rest_seconds = rest_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._rests_until = -math.inf
        self._why = ""

    def voices(self, deadline: Deadline) -> list[Voice]:  # noqa: ARG002 - the list lies in the library
        """One for each language, named by the service's own code for it, which stays as it is.

        Accents (British, Australian …) are not listed: they are other hosts of the service, not other languages.
        """
        return [Voice(self.name, code, _TAGS.get(code, code), title) for code, title in sorted(languages().items())]

    def speak(self, phrases: Sequence[str], voice: Voice, deadline: Deadline) -> Spoken:
        self._raise_if_resting()
        budget = self._seconds * math.ceil(max(1, len(phrases)) / _PHRASES_A_LIMIT)
        whole = Deadline(deadline.remaining(at_most=budget))
        try:
            answers = talk(
                _TITLE, _SCRIPT, [self._url, voice.name, str(self._seconds)],
                [phrase.encode("utf-8", "replace") for phrase in phrases],
                whole, bare=False, answer_seconds=self._seconds,
            )  # fmt: skip
            decoded = [
                _decode(answer, most_seconds(phrase) + 1, whole)
                for answer, phrase in zip(answers, phrases, strict=True)
            ]
            rates = {rate for rate, _ in decoded if rate}
            if len(rates) > 1:
                raise EngineFailed(N_("%(engine)s answered garbage."), engine=_TITLE)
            spoken = Spoken(voice, rates.pop() if rates else 24_000, [samples for _, samples in decoded])
            check_speech(spoken, phrases, _TITLE)
        except EngineFailed as error:
            self._rest(str(error))
            raise
        return spoken

    def answers(self, deadline: Deadline) -> str:
        """Asks the service for one short word."""
        try:
            self.speak(["a"], Voice(self.name, "vi", "vi"), deadline)
        except EngineFailed as error:
            return str(error)
        return ""

    def broken(self, deadline: Deadline) -> list[tuple[Voice, str]]:  # noqa: ARG002 - one service speaks them all
        return []

    def _rest(self, why: str) -> None:
        with self._lock:
            self._rests_until, self._why = self._monotonic() + self._rest_seconds, why

    def _raise_if_resting(self) -> None:
        with self._lock:
            if self._monotonic() < self._rests_until:
                raise EngineFailed(
                    N_("gTTS failed a moment ago and is asked again later: %(why)s"), code="resting", why=self._why
                )


def _decode(mp3: bytes, at_most_seconds: float, deadline: Deadline) -> tuple[int, NDArray[np.float32]]:
    if not mp3:
        return 0, np.zeros(0, np.float32)
    with TemporaryFile() as file:
        file.write(BytesIO(mp3).getbuffer())
        file.flush()
        with ffmpeg.decode(file, "mp3", deadline, at_most_seconds=at_most_seconds) as decoding:
            blocks = list(decoding.blocks())
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if not np.abs(samples).max(initial=0.0) > 0:
        raise EngineFailed(N_("%(engine)s answered garbage."), engine=_TITLE)
    return decoding.rate, samples
