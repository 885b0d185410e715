"""Languages of info blocks: their tags, and which of them a loudspeaker is given."""

import re
import unicodedata
from collections.abc import Sequence

DEFAULT = "en-US"
"""What the standard lets a block without `language` mean."""

VIETNAMESE = "vi"
_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
# Three letters and names that stand for two letters in real messages.
_SHORT = {
    "vie": "vi", "eng": "en", "fra": "fr", "fre": "fr", "deu": "de", "ger": "de", "spa": "es", "por": "pt", "jpn": "ja",
    "zho": "zh", "chi": "zh", "kor": "ko", "tha": "th", "lao": "lo", "khm": "km", "mya": "my", "ind": "id", "rus": "ru",
    "ara": "ar", "hin": "hi", "ita": "it", "vietnamese": "vi", "english": "en", "vn": "vi", "tiếng việt": "vi",
}  # fmt: skip
_ONLY_VIETNAMESE = frozenset("ăđơư") | frozenset("ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ")
_VIETNAMESE_SHARE = 0.08
_LEAST_LETTERS = 8


def base(tag: str) -> str:
    """The language of a tag without region and script: `vi` for `vi-VN`, `vie`, `VI_vn`, `Vietnamese`."""
    whole = unicodedata.normalize("NFC", tag.strip().lower())
    first = re.split(r"[-_\s]", whole, maxsplit=1)[0]
    return _SHORT.get(whole) or _SHORT.get(first) or first


def is_tag(text: str) -> bool:
    """Whether it has the form of a language tag (the schema's `xs:language`)."""
    return bool(_TAG.fullmatch(text))


def looks_vietnamese(text: str) -> bool:
    """Whether letters that hardly any other language has are as frequent as in Vietnamese text."""
    letters = [each for each in unicodedata.normalize("NFC", text[:4_000]).lower() if each.isalpha()]
    special = sum(each in _ONLY_VIETNAMESE for each in letters)
    return len(letters) >= _LEAST_LETTERS and special >= len(letters) * _VIETNAMESE_SHARE


def chosen(offered: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Which of the `offered` languages (bases, in the message's order) a loudspeaker for `wanted` ones is given.

    Each wanted one that is there, in the order wanted. Where none is: Vietnamese, else English, else the first of the
    message: one language that is not theirs is better than silence, and better than all of them one after the other.
    """
    there = list(dict.fromkeys(map(base, offered)))
    theirs = [language for language in dict.fromkeys(map(base, wanted)) if language in there]
    if theirs or not there:
        return theirs
    return [next((each for each in (VIETNAMESE, "en") if each in there), there[0])]
