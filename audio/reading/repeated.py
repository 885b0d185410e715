"""Numbers that their own words follow in brackets, as forms and decisions have them: `03 (ba) ngày`."""

import re

from audio.reading.context import Read
from audio.reading.numbers import cardinal

_TWICE = re.compile(r"(\d{1,3}(?:\.\d{3}){1,4}|\d{1,9}) ?\(([^()\d\n]{2,120})\)")
_SAME = (("ngàn", "nghìn"), ("lẻ", "linh"), ("mươi tư", "mươi bốn"), ("tỉ", "tỷ"), ("bẩy", "bảy"))


def once(text: str, pos: int) -> Read | None:
    """The number at `pos` alone, when the brackets behind it hold nothing but the same number in words."""
    found = _TWICE.match(text, pos)
    if found is None:
        return None
    said = cardinal(found[1].replace(".", "").lstrip("0") or "0")
    return Read(said, found.end()) if _in_one_way(found[2].lower().strip()) == _in_one_way(said) else None


def _in_one_way(words: str) -> str:
    for one, other in _SAME:
        words = words.replace(one, other)
    return words
