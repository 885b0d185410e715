"""Where the sound goes: a sound card, `aplay`, miniaudio's null device, or WAV files; all fed by the mixer."""

import re
from pathlib import Path
from typing import Protocol

from core.errors import N_, EngineFailed, InvalidInput
from station.cards import CardOutput, has_miniaudio
from station.mixing import Mixer
from station.pipes import PipeOutput, has_aplay
from station.voice import Voice
from station.waves import WaveOutput

_DEVICE = re.compile(r"[\w:.,=/+-]{1,80}", re.ASCII)
MOST_LATENCY_SECONDS = 2.0


class Output(Protocol):
    """A place where the mixer's voices go, each sample at its instant of the monotonic clock.

    `fault` says why nothing can be heard although it runs, or is None.
    """

    fault: str | None

    def rate_for(self, native: int) -> int:
        """The rate at which a voice of this native rate must be delivered; wakes the output if it sleeps."""

    def soonest(self) -> float:
        """The first instant (monotonic) at which a sample handed over now can leave."""

    def rest(self) -> None:
        """Called now and then: look after the device, and let it sleep when there has been nothing for long."""

    def finish(self, voice: Voice, name: str) -> None:
        """`voice` has ended; `name` tells airing, item and start."""

    def close(self) -> None: ...


Spec = tuple[str, Path | str | None]


def parse_output(text: str) -> Spec:
    """`device`, `null`, `aplay`, `aplay:DEVICE` (of ALSA) or `wav:FOLDER`. Raises InvalidInput."""
    kind, colon, where = text.partition(":")
    if kind in {"device", "null", "aplay"} and not colon:
        return kind, None
    if kind == "wav" and where:
        return kind, Path(where)
    if kind == "aplay" and _DEVICE.fullmatch(where) and not where.startswith("-"):
        return kind, where
    raise InvalidInput(
        N_("“%(output)s” is no output. Use device, aplay, aplay:DEVICE, null or wav:FOLDER."), output=text[:80]
    )


def open_output(spec: Spec, mixer: Mixer, owner: str, latency: float = 0.0) -> Output:
    """The output that `parse_output` described; `owner` keeps apart the unfinished files of stations in one folder.

    `latency` is how long (s) sound is under way behind the sound card's own buffer, which is known: in an amplifier
    that works digitally, or on a network. Where miniaudio is not installed, the sound card is played through `aplay`.
    Raises EngineFailed where there is neither.
    """
    kind, where = spec
    if isinstance(where, Path):
        return WaveOutput(mixer, where, owner)
    if kind != "aplay" and has_miniaudio():
        return CardOutput(mixer, null=kind == "null", latency=latency)
    if kind == "null":
        return PipeOutput(mixer, None, silent=True)
    if not has_aplay():
        raise EngineFailed(N_("Nothing plays sound here: install miniaudio (pip) or aplay (the package alsa-utils)."))
    return PipeOutput(mixer, where, latency)
