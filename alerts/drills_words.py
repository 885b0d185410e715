"""What a spoken drill says: before and after, that it is a test, for whoever hears only a part of it."""

BEFORE = "Đây là thử nghiệm hệ thống truyền thanh của {unit}. Đây chỉ là thử nghiệm, bà con không phải làm gì."
WITHOUT_NOTE = "Nếu bà con nghe rõ lời này thì loa ở nơi đó đang hoạt động tốt."
AFTER = (
    "Xin nhắc lại: đây chỉ là thử nghiệm, không có tình huống khẩn cấp nào. Thử nghiệm đến đây là hết. "
    "Xin cảm ơn bà con."
)


def spoken(unit: str, note: str = "") -> str:
    """The whole text of a drill of a unit, in Vietnamese, with `note` between the two sentences."""
    middle = " ".join(note.split()) or WITHOUT_NOTE
    if middle[-1] not in ".!?…":
        middle += "."
    return f"{BEFORE.format(unit=' '.join(unit.split()))} {middle} {AFTER}"
