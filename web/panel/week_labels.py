"""What the blocks of a week say of themselves: how it went or stands, by word, sign and colour."""

from collections.abc import Mapping

from flask_babel import gettext

from core.errors import N_

# code: (sign, word). The sign says the same as the colour, for paper and for who sees no colours.
LOOKS = {
    "played": ("✓", N_("Played")),
    "partial": ("◐", N_("Partly played")),
    "missed": ("✗", N_("Not played")),
    "over": ("·", N_("Over")),
    "on_air": ("●", N_("On air")),
    "issued": ("", N_("Planned")),
    "planned": ("…", N_("Audio not ready yet")),
    "expected": ("◌", N_("Foreseen")),
    "skipped": ("⊘", N_("Skipped")),
    "failed": ("✗", N_("Could not be planned")),
    "withdrawn": ("⊘", N_("Withdrawn")),
}
_SHORT = (N_("Mo"), N_("Tu"), N_("We"), N_("Th"), N_("Fr"), N_("Sa"), N_("Su"))
_PLAYED, _PARTIAL = "played", "partial"


def look_of(state: str, outcomes: Mapping[str, int]) -> str:
    """The code of a block: its state, and once it is over, how it went at all stations together."""
    if state != "over":
        return state if state in LOOKS else "planned"
    if not outcomes:
        return "over"
    if set(outcomes) == {_PLAYED}:
        return _PLAYED
    return _PARTIAL if outcomes.get(_PLAYED) or outcomes.get(_PARTIAL) else "missed"


def sign(look: str) -> str:
    return LOOKS[look][0]


def word(look: str) -> str:
    return str(gettext(LOOKS[look][1]))


def tally(outcomes: Mapping[str, int]) -> str:
    """At how many stations it played: “12/16”; empty where nothing is known."""
    every = sum(outcomes.values())
    return f"{outcomes.get(_PLAYED, 0)}/{every}" if every else ""


def short_days() -> list[str]:
    """The days of the week in two letters, Monday first."""
    return [str(gettext(each)) for each in _SHORT]
