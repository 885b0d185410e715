"""What an emergency says of itself: when it was issued (Decision 03/2020), and that a drill is one."""

from datetime import datetime

# A station that plays none of these hears Vietnamese: a person there speaks it, or somebody beside them.
_USUAL = "vi"


def spoken_in(language: str) -> str:
    """The language in which words about a message in `language` are said."""
    base = language.partition("-")[0]
    return base if base in {"vi", "en"} else _USUAL


def about(language: str, local: datetime, *, repeated: bool, drill: bool) -> str:
    """The words about a message issued at `local`, in `spoken_in(language)`; empty where there is nothing to say."""
    if spoken_in(language) == "en":
        issued = f"issued at {local:%H:%M} on {local:%d %B}."
        if drill:
            return "This is a test. It is not a real emergency." + (f" {issued.capitalize()}" if repeated else "")
        return f"Emergency message, {issued}" if repeated else ""
    issued = f"phát lúc {local.hour} giờ {local.minute} phút, ngày {local.day} tháng {local.month}."
    if drill:
        return "Đây là diễn tập, không phải tình huống thật." + (f" Bản tin {issued}" if repeated else "")
    return f"Thông báo khẩn cấp, {issued}" if repeated else ""
