"""What is wrong with a recording that can be used all the same: said before anybody approves it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.loudness import Profile, Samples
from core.errors import N_

_CLIPPED_AT = 0.97  # of full scale; lossy formats bend the flat tops of clipped waves a little
_CLIPPED_SHARE = 0.002
_QUIET_LUFS = -45.0
_SILENT_BELOW_LU = 40.0
_SILENT_SHARE = 0.6
_STEADY_DB = 5.0  # speech moves by 15 dB and more between words and pauses, music by 6 and more
_LEAST_SECONDS = 2.0
_MISSING_SECONDS = 0.5
_MISSING_SHARE = 0.02


@dataclass(frozen=True)
class Remark:
    """A sentence for people: a key of the message catalogue with its parameters, and a stable word for programs."""

    code: str
    message: str
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message % self.params if self.params else self.message


class ClippingCounter:
    """Counts samples at full scale as they come."""

    def __init__(self) -> None:
        self._clipped = 0
        self._samples = 0

    def feed(self, block: Samples) -> None:
        self._samples += len(block)
        if len(block) and max(float(block.max()), -float(block.min())) >= _CLIPPED_AT:
            self._clipped += int(np.count_nonzero(np.abs(block) >= _CLIPPED_AT))

    @property
    def clips(self) -> bool:
        return self._clipped > self._samples * _CLIPPED_SHARE


def _levels_db(profile: Profile) -> NDArray[np.float64]:
    """Loudness of each 100 ms, ungated."""
    cells = 20
    hops = len(profile.energy) // cells
    energy = profile.energy[: hops * cells].reshape(hops, cells).sum(axis=1, dtype=np.float64)
    levels: NDArray[np.float64] = 10 * np.log10(energy / (profile.rate / 10) + 1e-12)
    return levels


def on_sound(profile: Profile, *, clips: bool, cancels: bool = False) -> list[Remark]:
    """What is to be said about the sound itself."""
    remarks, levels, loudness = [], _levels_db(profile), profile.loudness()
    if clips:
        remarks.append(Remark("clipped", N_("The recording was too loud for the microphone and is distorted.")))
    if cancels:
        remarks.append(
            Remark("one_channel", N_("The two channels of the recording cancel each other out; only one was used."))
        )
    if loudness < _QUIET_LUFS:
        remarks.append(Remark("quiet", N_("The recording is very quiet; made louder, its noise will be heard too.")))
    if len(levels) and profile.seconds >= _LEAST_SECONDS:
        silent = float(np.mean(levels < loudness - _SILENT_BELOW_LU))
        if silent > _SILENT_SHARE:
            remarks.append(
                Remark(
                    "mostly_silent", N_("%(percent)d %% of the recording are silent."), {"percent": int(silent * 100)}
                )
            )
        elif float(np.percentile(levels, 95) - np.percentile(levels, 10)) < _STEADY_DB:
            remarks.append(Remark("noise", N_("The recording is almost nothing but a steady noise or tone.")))
    return remarks


def on_damage(seconds: float, promised: float | None, errors: int) -> list[Remark]:
    """What is to be said when a file could not be read to its end, or not without errors."""
    if promised and promised - seconds > max(_MISSING_SECONDS, promised * _MISSING_SHARE):
        return [
            Remark(
                "incomplete",
                N_("The file is damaged: %(read)d of its %(promised)d seconds could be saved."),
                {"read": round(seconds), "promised": round(promised)},
            )
        ]
    if errors:
        return [Remark("damaged", N_("The file is damaged in places; parts of the sound may be missing."))]
    return []
