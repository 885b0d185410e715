"""Times as CAP writes them: 2026-11-23T05:00:00+07:00, with a numeric offset and nothing else (section 3.2)."""

import re
from datetime import UTC, datetime, timedelta, timezone

from alerts.cap.remarks import Remarks
from core.errors import N_

_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?P<t>[Tt]|[ ]{1,2})(?P<clock>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2})?"
    r"(?P<part>[.][0-9]{1,9})?[ ]?(?P<zone>[Zz]|UTC|GMT|[+-](?:[0-9]{2}(?::?[0-9]{2})?|[0-9]:[0-9]{2}))?"
)
_MOST_CHARS = 60
_MOST_OFFSET = timedelta(hours=14)


def instant(
    text: str, field: str, remarks: Remarks, assumed: timezone | None = None
) -> tuple[datetime, timezone] | None:
    """The UTC instant that `text` names, and its offset; None when it can't be read.

    What is only spelled otherwise (“Z”, fractions, a missing colon) is noted and taken. A time without any offset is
    taken with `assumed`, and is not readable without it.
    """
    found = _TIME.fullmatch(text.replace("\u2212", "-")) if len(text) <= _MOST_CHARS else None
    if not found:
        return None
    zone = _offset(found["zone"] or "", assumed)
    if zone is None:
        return None
    date, clock, second = found["date"], found["clock"], found["second"] or ":00"
    late = clock + second == "24:00:00"  # allowed by XML Schema: the end of the day
    try:
        local = datetime.fromisoformat(f"{date}T{'00:00:00' if late else clock + second}").replace(tzinfo=zone)
        moment = (local + timedelta(days=late)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    _note(found, field, remarks)
    return moment, zone


def _offset(text: str, assumed: timezone | None) -> timezone | None:
    if not text:
        return assumed
    if text[0] not in "+-":
        return UTC
    digits = (text[1:] if text[2:3] != ":" else f"0{text[1:]}").replace(":", "").ljust(4, "0")
    distance = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if distance > _MOST_OFFSET or int(digits[2:]) >= 60:  # noqa: PLR2004 - minutes of an hour
        return None
    return timezone(-distance if text[0] == "-" else distance)


def _note(found: re.Match[str], field: str, remarks: Remarks) -> None:
    zone = found["zone"] or ""
    if not zone:
        remarks.add(
            "no_offset", N_("<%(field)s> has no offset from UTC; the one of <sent> is taken."), field, field=field
        )
    elif zone[0] not in "+-":
        remarks.add(
            "letter_zone", N_("<%(field)s> ends in a letter instead of -00:00 and means UTC."), field, field=field
        )
    if (
        found["t"] != "T"
        or not found["second"]
        or found["part"]
        or (zone[:1] in ("+", "-") and len(zone) != len("+07:00"))
    ):
        remarks.add(
            "time_form", N_("<%(field)s> is not written as the standard says, but is clear."), field, field=field
        )
