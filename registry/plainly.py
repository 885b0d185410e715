"""Names as they are searched for: small letters without accents, so that “dinh” finds “Đình”."""

import unicodedata
from typing import Any

MAX_WORDS = 6


def plain(text: str) -> str:
    """`text` in small letters without accents, each run of white space one space; `đ` is `d`."""
    apart = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    kept = "".join(each for each in apart if not unicodedata.combining(each))
    return " ".join(kept.split())[:200]


def of_name(context: Any) -> str:
    """The default of a column `plain` beside a column `name`, for rows however they are inserted."""
    return plain(str(context.get_current_parameters().get("name") or ""))


def words(text: str) -> list[str]:
    """What somebody typed to search with, as at most six plain words."""
    return plain(text).split()[:MAX_WORDS]
