"""The names of letters, and words spelled by them."""

import unicodedata
from functools import lru_cache

NAMES = {
    "a": "a", "ă": "á", "â": "ớ", "b": "bê", "c": "xê", "d": "đê", "đ": "đê", "e": "e", "ê": "ê", "f": "ép",
    "g": "gờ", "h": "hát", "i": "i", "j": "giây", "k": "ca", "l": "lờ", "m": "mờ", "n": "nờ", "o": "ô", "ô": "ô",
    "ơ": "ơ", "p": "phê", "q": "qui", "r": "rờ", "s": "ét", "t": "tê", "u": "u", "ư": "ư", "v": "vê",
    "w": "vê kép", "x": "ích", "y": "y", "z": "dét",
}  # fmt: skip
GREEK = {
    "α": "an pha", "β": "bê ta", "γ": "ga ma", "δ": "đen ta", "ε": "ép xi lon", "θ": "tê ta", "λ": "lam đa",
    "μ": "muy", "π": "pi", "ρ": "rô", "σ": "xích ma", "τ": "tô", "φ": "phi", "χ": "khi", "ψ": "psi", "ω": "ô mê ga",
    "η": "ê ta", "Δ": "đen ta", "Σ": "xích ma", "Ω": "ô mê ga", "Π": "pi", "Φ": "phi", "Γ": "ga ma", "Λ": "lam đa",
}  # fmt: skip


def name(letter: str) -> str:
    """The name of one letter of any case; a foreign letter goes by its base letter, else it stays as it is."""
    letter = letter.lower()
    if letter in NAMES:
        return NAMES[letter]
    base = unicodedata.normalize("NFD", letter)[:1]
    return NAMES.get(base, letter)


@lru_cache(maxsize=4_096)
def spell(word: str) -> str:
    """`word` letter by letter; digits one by one."""
    from audio.reading.numbers import DIGITS

    return " ".join(DIGITS[int(char)] if char.isdecimal() else name(char) for char in word if char.isalnum())
