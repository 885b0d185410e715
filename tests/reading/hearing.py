"""What a listener hears of a text, and the readings that a cell of the tables allows."""

import itertools
import re
import unicodedata

_EQUAL = {"uỷ": "ủy", "khoá": "khóa", "hoá": "hóa", "thuỷ": "thủy", "pê": "phê", "ngàn": "nghìn", "lẻ": "linh"}


def heard(text: str) -> str:
    """What a listener hears of `text`: words without case, marks and the spellings that sound alike."""
    words = re.sub(r"[^\w\s]", " ", unicodedata.normalize("NFC", text).lower()).split()
    return " ".join(_EQUAL.get(word, word) for word in words)


def readings(expected: str) -> set[str]:
    """Every reading a table cell allows: `a || b` is one or the other, `[a|b]` inside it any of its parts."""
    found = set()
    for whole in expected.split(" || "):
        parts = [part[1:-1].split("|") if part.startswith("[") else [part] for part in re.split(r"(\[[^\]]*\])", whole)]
        found |= {heard("".join(chosen)) for chosen in itertools.product(*parts)}
    return found
