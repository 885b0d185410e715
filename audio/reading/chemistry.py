"""Chemical formulas, said letter by letter (`CO2`, `NaHCO3`)."""

import re
from itertools import pairwise

from audio.reading.context import Read, wordset
from audio.reading.letters import spell

_ELEMENTS = wordset(
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Ag Cd Sn "
    "Sb I Xe Cs Ba Pt Au Hg Pb Bi U"
)
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d{0,2}){2,12}(?![^\W_])")
_PART = re.compile(r"([A-Z][a-z]?)(\d{0,2})")
_KNOWN = frozenset({"CO", "HF", "KI", "KOH", "HCN", "NO"})


def formula(text: str, pos: int) -> Read | None:
    """A run of element symbols with an element of two letters or a number in it."""
    found = _FORMULA.match(text, pos)
    if found is None:
        return None
    parts = _PART.findall(found[0])
    symbols = [symbol for symbol, _ in parts]
    if any(symbol not in _ELEMENTS for symbol in symbols):
        return None
    if any(one == two and len(one) > 1 for one, two in pairwise(symbols)):
        return None
    numbered = any(count for _, count in parts)
    if numbered and not ({"H", "O"} & set(symbols) or any(len(symbol) > 1 for symbol in symbols)):
        return None
    if not numbered and not (any(len(symbol) > 1 for symbol in symbols) or found[0] in _KNOWN):
        return None
    return Read(spell(found[0]), found.end())
