"""How an airing stands at stations, as people read it."""

from flask_babel import gettext

from core.errors import N_
from scheduler.air_folds import Fold
from scheduler.air_now import STANDINGS

# In the order in which the bar is drawn and the figures are told, with how they are coloured.
SHOWN: dict[str, tuple[str, str]] = {
    "playing": (N_("sounding"), "live"),
    "played": (N_("played whole"), "good"),
    "partial": (N_("played in part"), "wait"),
    "preempted": (N_("giving way"), "calm"),
    "missed": (N_("missed"), "bad"),
    "silent": (N_("no contact"), "bad"),
    "not_ready": (N_("not ready"), "wait"),
    "waiting": (N_("no word yet"), "calm"),
}
_BEFORE = {"waiting": N_("ready")}  # before it begins, who lacks nothing is ready


def figures(counts: tuple[int, ...], *, coming: bool = False) -> list[tuple[str, str, str, int]]:
    """Standing, word, tone and number of each, in the order of the bar."""
    return [
        (
            name,
            gettext(_BEFORE.get(name, word) if coming else word),
            "good" if coming and name == "waiting" else tone,
            counts[STANDINGS.index(name)],
        )
        for name, (word, tone) in SHOWN.items()
    ]


def parts(counts: tuple[int, ...]) -> list[tuple[str, float, float]]:
    """The bar: standing, where its piece begins and how long it is, of a thousand."""
    total, at, found = sum(counts) or 1, 0.0, []
    for name in SHOWN:
        long = 1000 * counts[STANDINGS.index(name)] / total
        found.append((name, round(at, 1), round(long, 1)))
        at += long
    return found


def word(standing: int) -> str:
    return str(gettext(SHOWN[STANDINGS[standing]][0]))


def tone(standing: int) -> str:
    return SHOWN[STANDINGS[standing]][1]


def title(fold: Fold) -> str:
    """What a line is called where different programmes stand in it."""
    return fold.title or str(gettext("Programmes of %(count)s units", count=len(fold.units)))
