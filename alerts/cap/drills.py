"""Messages that call themselves real and are a test all the same, by their words or by the codes of their countries."""

import re
import unicodedata

from alerts.cap.message import Info, Message

# SAME's codes of tests and demonstrations (47 CFR 11.31), and the event of CAP-CP for the same.
_CODES = frozenset({"RWT", "RMT", "NPT", "DMO", "NST", "TESTMESSAGE"})
_EVENTS = frozenset(
    {"test", "test message", "test alert", "system test", "exercise", "drill", "demo", "required weekly test",
     "required monthly test", "national periodic test", "national test", "practice/demo warning", "practice/demo",
     "diễn tập", "thử nghiệm", "bản tin thử", "bản tin thử nghiệm", "kiểm tra hệ thống"}
)  # fmt: skip
_OPENING = re.compile(
    r"\W*(?:(?:TEST|EXERCISE|DRILL|DIỄN TẬP|THỬ NGHIỆM|BẢN TIN THỬ|PRUEBA|SIMULACRO|ÜBUNG|EXERCICE)\b"
    r"(?:\s*[-–—:.,!*/\])]|\s+(?:TEST|EXERCISE|ONLY|MESSAGE|ALERT)\b|\s*$)"
    r"|(?:Test|Exercise|Drill|Diễn tập|Thử nghiệm|Bản tin thử(?: nghiệm)?)(?:\s*[:!*/\])]|\s+[-–—]\s|\s*$))"
)
_SAYING = re.compile(
    r"\bthis is (?:only |just )?(?:a |an )?(?:test|drill|exercise)\b"
    r"|\bđây (?:chỉ )?là (?:bản tin |tin |cuộc |bài )?(?:thử nghiệm|diễn tập|kiểm tra hệ thống)\b",
    re.IGNORECASE,
)
_LOOKED_AT = 600


def is_drill(message: Message) -> bool:
    """Whether any block, by its codes, its event or what its headline or text begins with, says that it is a test."""
    return any(map(_says_so, message.infos))


def _says_so(info: Info) -> bool:
    if any(pair.value.strip().upper() in _CODES for pair in info.event_codes):
        return True
    event, headline, description = (
        unicodedata.normalize("NFC", text[:_LOOKED_AT]) for text in (info.event, info.headline, info.description)
    )
    if " ".join(event.lower().split()) in _EVENTS:
        return True
    return any(_OPENING.match(text) for text in (headline, event, description)) or any(
        _SAYING.search(text) for text in (headline, description)
    )
