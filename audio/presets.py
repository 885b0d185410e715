"""How sound is shaped before it goes out: for horns on poles, for speech indoors, for music."""

from dataclasses import dataclass

from core.errors import N_, InvalidInput


@dataclass(frozen=True)
class Preset:
    """Tone and density of one way to sound.

    `steep` makes the high-pass of fourth order. What is louder than `threshold_lu` (against the loudness of the whole)
    is compressed by `ratio`: 2 leaves one dB of two.
    """

    name: str
    from_hz: float
    to_hz: float
    steep: bool = False
    presence_hz: float = 0.0
    presence_db: float = 0.0
    presence_q: float = 0.7
    rotates: bool = False
    ratio: float = 1.0
    threshold_lu: float = 0.0


# A horn gives next to nothing below some 300 Hz, where its driver only moves and heats, nor above 7 kHz; what lies
# there would take loudness from what is heard. Consonants live around 3 kHz, and quiet syllables drown in traffic.
SPEECH_HORN = Preset(
    "speech-horn", from_hz=280, to_hz=7_000, steep=True, presence_hz=2_800, presence_db=4, rotates=True,
    ratio=2.5, threshold_lu=-12,
)  # fmt: skip
# Above 13 kHz the codecs would each drop a different part.
SPEECH_INDOOR = Preset("speech-indoor", from_hz=90, to_hz=13_000, rotates=True)
MUSIC = Preset("music", from_hz=40, to_hz=15_000)

PRESETS = {preset.name: preset for preset in (SPEECH_HORN, SPEECH_INDOOR, MUSIC)}


def preset_named(name: str) -> Preset:
    """Raises InvalidInput, naming those there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise InvalidInput(
            N_("There is no preset “%(name)s”; there are %(known)s."), name=name[:40], known=", ".join(PRESETS)
        ) from None
