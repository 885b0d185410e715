"""Where, when and with whom: roads, wards and houses, days of the week, who is to be asked for."""

import re

from audio.reading import phones
from audio.reading.context import Read, near, word_after, word_before, words_of, wordset
from audio.reading.letters import name
from audio.reading.numbers import cardinal, digits

_WEEKDAY = re.compile(r"T([2-7])(?![^\W_])")
_ROADS = {
    "QL": "quốc lộ",
    "ĐT": "đường tỉnh",
    "DT": "đường tỉnh",
    "TL": "tỉnh lộ",
    "HL": "hương lộ",
    "ĐH": "đường huyện",
    "BĐ": "báo động",
    "NV": "nguyện vọng",
    "TDP": "tổ dân phố",
    "KDC": "khu dân cư",
    "HK": "học kỳ",
    "KV": "khu vực",
    "GĐ": "giai đoạn",
    "Km": "ki lô mét",
    "KM": "ki lô mét",
}
_ROAD = re.compile(r"(QL|ĐT|DT|TL|HL|ĐH|BĐ|NV|TDP|KDC|HK|KV|GĐ|Km|KM)[ .]?(\d{1,4})([A-Z])?(?![^\W_]|/|[.,]\d)")
_PLACES = {
    "Q": "quận", "P": "phường", "H": "huyện", "X": "xã", "Đ": "đường", "KP": "khu phố", "T": "tỉnh", "Kp": "khu phố",
    "F": "phường", "Tp": "thành phố", "TP": "thành phố", "Tx": "thị xã", "Km": "ki lô mét",
}  # fmt: skip
_PLACE = re.compile(
    r"(Q|P|H|X|Đ|KP|Kp|F|T)\.\s?(?=\d|[A-ZĐÀ-Ỹ][^\W\d_A-Z])|(KP|Kp|Q|P|F)\s?(?=\d{1,2}(?![\w/-]|[.,]\d))"
    r"|KP(?=:? ?\d[\d.,]* ?(?:đ|tr|tỷ|nghìn))"
)
_TO = re.compile(r"\s?[-–]\s?")
_VARIETY = wordset("giống lúa gieo sắn ngô mía")
_ALERT = re.compile(r"BĐ ?(I{1,3})(?![^\W_])")
_PERSON = re.compile(r"([aAcCôÔbB])\. ?(?=[A-ZĐÀ-Ỹ][^\W\d_A-Z])")
_ASKED = re.compile(r"(?:\(|gặp |hệ |LH |[-–:,] ?| (?:và|cho|của|với|do|là) )$")
_PERSONS = {"a": "anh", "c": "chị", "ô": "ông", "b": "bà"}
_ON_ROADS = wordset("đường tuyến trên qua đoạn dọc lộ ql tl đt dt")
_DEPUTY = re.compile(
    r"P\.\s?(?:(?=Chủ|Giám|Hiệu|Trưởng|Bí|Trạm|Chánh|CT|BT|HT|TP|chủ|giám|hiệu|trưởng|bí)()"
    r"|(?=(?:Kinh tế|Văn hóa|Nội vụ|Tài|Giáo dục|GD|Tư pháp|TC|VH|KT|Lao động|LĐ|Nông|Quản)))"
)
_UNTIL = re.compile(r"\s?[-–]\s?(?=T[2-7](?![^\W_])|CN(?![^\W_]))")
_ROOM = re.compile(r"\d{3}")
_DAYS = {"2": "hai", "3": "ba", "4": "tư", "5": "năm", "6": "sáu", "7": "bảy"}
_DAY_LEADS = wordset(
    "sáng trưa chiều tối đêm từ đến và nghỉ hai ba tư năm sáu bảy ngày các vào hết tới t2 t3 t4 t5 t6 t7"
)
_WEEKLY = re.compile(
    r"(?<![^\W_])(?:tuần|buổi|lịch|giờ|chủ nhật|CN|sáng|chiều|tối|trưa|ngày|thứ|\d{1,2}[hg](?:\d\d)?"
    r"|T[2-7] ?[-,&] ?T[2-7])(?![^\W_])"
)
_BLOCKS = wordset("nhà tòa toà lô khu dãy block tầng cột trạm mẫu cầu giống tiêu")
_UNITS = wordset("xã huyện tỉnh phường thôn ấp quận tx tp")
_FEW_DIGITS = 3


def road(text: str, pos: int) -> Read | None:
    found = _ROAD.match(text, pos)
    if found is None or phones.telephone_follows(text, found.end(1)):
        return None
    if found[1] == "DT" and not near(text, pos, _ON_ROADS, 4):
        return None
    if found[1] == "BĐ" and word_before(text, pos) in ("tờ", "số"):
        return None
    if found[1] in ("ĐT", "KM") and not _VARIETY.isdisjoint(words_of(text)):
        return None
    number = cardinal(found[2]) if len(found[2]) <= _FEW_DIGITS else digits(found[2])
    said = f"{_ROADS[found[1]]} {number}{' ' + name(found[3]) if found[3] else ''}"
    until = _TO.match(text, found.end())
    if until and found[1] in ("BĐ", "Km", "KM") and text.startswith(found[1], until.end()):
        return Read(f"{said} đến", until.end())
    return Read(said, found.end())


def place(text: str, pos: int) -> Read | None:
    if (day := _WEEKDAY.match(text, pos)) and _of_week(text, pos, day.end()):
        until = _UNTIL.match(text, day.end())
        return Read(f"thứ {_DAYS[day[1]]}{' đến' if until else ''}", until.end() if until else day.end())
    if deputy := _DEPUTY.match(text, pos):
        return Read("phòng" if deputy[1] is None else "phó", deputy.end())
    found = _PLACE.match(text, pos)
    if found is None or (found[1] == "T" and not text[found.end()].isalpha()):
        return None
    key = found[1] or found[2]
    if key is None:
        return Read("kinh phí", found.end())
    if key == "P" and _ROOM.match(text, found.end()):
        return Read("phòng", found.end())
    if found[2] in ("Q", "P", "F") and not _in_address(text, pos, found.end()):
        return None
    if found[1] in ("T", "H", "X") and _UNITS.isdisjoint(words_of(text)):
        return None
    return Read(_PLACES[key], found.end())


def alert(text: str, pos: int) -> Read | None:
    """`BĐIII`: the level of alert of a river."""
    found = _ALERT.match(text, pos)
    return Read(f"báo động {cardinal(str(len(found[1])))}", found.end()) if found else None


def person(text: str, pos: int) -> Read | None:
    """`ô. Tám`, `(a. Nam)`: who is to be asked for."""
    found = _PERSON.match(text, pos)
    if found is None or not (_ASKED.search(text, max(0, pos - 6), pos) or found[1] == "ô"):
        return None
    return Read(_PERSONS[found[1].lower()], found.end())


def _of_week(text: str, pos: int, end: int) -> bool:
    """True of `T6` after a word of time, or before a date; a block or storey of a house is none."""
    if word_before(text, pos) in _DAY_LEADS or word_after(text, end).lower() in ("ngày", "hằng", "hàng"):
        return True
    if near(text, pos, _BLOCKS, 2):
        return False
    return _WEEKLY.search(text, max(0, pos - 40), min(len(text), end + 8)) is not None


def _in_address(text: str, pos: int, end: int) -> bool:
    around = text[max(0, pos - 20) : end + 20].lower()
    return bool(re.search(r"đường|phường|quận|tp|địa chỉ|thành phố|[pq]\.|ở ", around))
