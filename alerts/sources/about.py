"""What a message is about, in the few words that emergencies are sorted by."""

import re
from collections.abc import Iterable

from alerts.cap.message import Info
from alerts.cap.placenames import folded
from alerts.cap.terms import SEVERITY

_FLOOD = (
    r"lu|lu quet|ngap|lut|trieu cuong|flood\w*|inundac\w+|tsunami|song than|storm surge|hochwasser|alluvion\w*"
    r"|enchente\w*|mua lon"
)
_STORM = (
    r"bao|ap thap|giong|dong loc|loc xoay|storm|typhoon|hurricane|huracan|cyclone|tornado|squall|thunder\w*|tempestade"
    r"|tormenta|gale|gust|wind\w*|viento\w*|vento\w*|blizzard"
)
# The first that is found counts. Words as `folded` leaves them: small, without marks.
_WORDS = (
    ("dam_release", r"xa lu|xa tran|xa nuoc|ho chua|dam (?:release|failure|break|safety)|vo dap|spillway"),
    ("flood", _FLOOD),
    ("storm", _STORM),
    ("fire", r"chay|chay rung|fire\w*|wildfire|bushfire|incend\w+|brand"),
    ("epidemic", r"dich|dich benh|epidemic|outbreak|pandemic|disease|cholera|ebola|virus"),
    ("missing_child", r"tre (?:em )?mat tich|tre lac|missing child|amber|child abduction"),
    ("security", r"an ninh|khung bo|terror\w*|shooter|shooting|civil danger|law enforcement|evacuat\w+ immediate"),
)  # fmt: skip
_PATTERNS = tuple((kind, re.compile(rf"\b(?:{words})\b")) for kind, words in _WORDS)
_CATEGORIES = {"Fire": "fire", "Health": "epidemic", "Security": "security"}
_MOST_CHARS = 300


def about(infos: Iterable[Info], *, all_clear: bool) -> str:
    """One of `core.standing.KINDS`: by the words of event and headline, else by the categories."""
    if all_clear:
        return "all_clear"
    blocks = list(infos)
    text = folded(" ; ".join(f"{info.event} ; {info.headline}"[:_MOST_CHARS] for info in blocks))
    for kind, pattern in _PATTERNS:
        if pattern.search(text):
            return kind
    categories = (category for info in blocks for category in info.categories)
    return next((_CATEGORIES[each] for each in categories if each in _CATEGORIES), "other")


def severity(infos: Iterable[Info]) -> str:
    """The gravest of the blocks, in small letters."""
    return min((info.severity for info in infos), key=SEVERITY.index, default="Unknown").lower()
