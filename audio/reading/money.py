"""Money: đồng in all its spellings, foreign currencies, `1tr5`, `500k`, and prices per something."""

import re

from audio.reading import tables, units
from audio.reading.context import Read, near, words_of, wordset
from audio.reading.numbers import cardinal, decimal

_CURRENCIES = {
    "đ": "đồng", "₫": "đồng", "vnđ": "đồng", "vnd": "đồng", "đồng": "đồng", "d": "đồng", "$": "đô la", "usd": "đô la",
    "us$": "đô la", "€": "ơ rô", "eur": "ơ rô", "euro": "ơ rô", "£": "bảng Anh", "gbp": "bảng Anh", "¥": "yên Nhật",
    "jpy": "yên Nhật", "₩": "uôn", "krw": "uôn", "₹": "rupee", "cny": "nhân dân tệ", "ndt": "nhân dân tệ",
    "rmb": "nhân dân tệ", "aud": "đô la Úc", "sgd": "đô la Xinh ga po", "cad": "đô la Ca na đa", "thb": "bạt Thái",
    "chf": "phrăng Thụy Sĩ",
}  # fmt: skip
_SCALES = {
    "k": "nghìn", "K": "nghìn", "ng": "nghìn", "nghìn": "nghìn", "ngàn": "nghìn", "tr": "triệu", "Tr": "triệu",
    "triệu": "triệu", "tỷ": "tỷ", "tỉ": "tỷ", "t": "tỷ", "vạn": "vạn", "trăm": "trăm", "chục": "chục",
    "nghìn tỷ": "nghìn tỷ", "ngàn tỷ": "nghìn tỷ", "trăm triệu": "trăm triệu", "trăm nghìn": "trăm nghìn",
    "trăm tỷ": "trăm tỷ", "chục triệu": "chục triệu", "triệu tỷ": "triệu tỷ",
}  # fmt: skip
_SCALE = "nghìn tỷ|ngàn tỷ|trăm triệu|trăm nghìn|trăm tỷ|chục triệu|nghìn|ngàn|triệu|tỷ|tỉ|vạn|trăm|chục"
_CODES = (
    r"US\$|[₫$€£¥₩₹]|(?:VNĐ|VND|vnđ|vnd|Vnđ|Vnd|đồng|USD|usd|EUR|eur|euro|EURO|GBP|JPY|KRW|CNY|NDT|RMB|AUD|SGD|CAD|"
    r"THB|CHF|đ|Đ)(?![^\W_])"
)
_BEHIND = re.compile(rf"(?:\s?({_SCALE})|(?:\s(?=[tT]r\.?đ))?([kK]|tr|Tr|ng))?[ .]?(?:(?<=\d)d(?![^\W_])|({_CODES}))")
_SLANG = re.compile(r"(\d{1,4}(?:[.,]\d{1,3})?)\s?(k|K|tr|Tr|t|tỷ|tỉ|triệu|ng)(\d{1,3})?(?![^\W_])(?!(?<=t)/ha)")
_SLANG_LIKELY = re.compile(r"\d+(?:[.,]\d+)?\s?[kKtTn$€]")
_SIGN = re.compile(rf"(US\$|[$€£¥₩₫₹])\s?(\d+(?:[.,]\d+)*)(?:\s?({_SCALE}|k|K|tr)(?![^\W_]))?(?:\s?(USD|VND|VNĐ))?")
_PER = re.compile(r"\s?/\s?(?:1\s)?(?=[^\W_])")
_PER_WORD = re.compile(r"\s?/\s?(\d{1,3} )?([^\W\d_]+)")
_LABELS = wordset("mã lô biển hộ phòng hình điệp")
_TIMES = {"th": "tháng", "h": "giờ", "p": "phút", "s": "giây", "d": "ngày"}
_EPIDEMIC = wordset("điệp trang khuẩn dịch covid")
_MARKED = wordset("môn thi điểm toán văn")
_ENGLISH_GROUP = re.compile(r"[1-9]\d{0,2},\d{3}")
_MARK = re.compile(r"\d{1,2}(?:,\d{1,2})?")
_PERSONS = wordset("bé trẻ cháu gái trai em nam nữ tuổi ông bà anh chị người cụ")
_LASTING = wordset("giờ ngày tuần tháng năm phút giây quý")
_COMRADE = re.compile(r"/[cC](?![^\W_])")
_GAPS = frozenset(" .")
_STARTS = frozenset("ntvckKTUVđĐueEGJCNRASd₫$€£¥₩₹.")
_CENTS = re.compile(r"(\d{1,9})[.,](\d{2}|\d)(?!\d)")


def behind(text: str, pos: int, written: str) -> Read | None:
    """The currency behind a number that ends at `pos`, scale and price unit included; `written` is the number."""
    start = text[pos : pos + 1]
    if (text[pos + 1 : pos + 2] if start in _GAPS else start) not in _STARTS:
        return None
    found = _BEHIND.match(text, pos)
    if found is None or (not found[3] and "d" not in found[0]):
        return None
    scale = _SCALES.get(found[1] or found[2] or "", "")
    if found[3] == "đ" and not scale and _is_mark(text, written):
        return Read("điểm", found.end())
    currency = _CURRENCIES[(found[3] or "đ").lower()]
    if found[3] in ("đ", "Đ") and _COMRADE.match(text, found.end()):
        return None
    if found[3] == "Đ" and not (len(written) > 3 or scale):  # noqa: PLR2004 - `5Đ` is a name, `500Đ` a price
        return None
    per = _per(text, found.end())
    words = " ".join(filter(None, [scale, currency, per.spoken if per else ""]))
    return Read(words, per.end if per else found.end())


def in_english_groups(written: str, behind_it: str) -> bool:
    """True of `1,200` before `đ` or `đồng`: nobody prices to a thousandth, so the comma parts thousands."""
    return _ENGLISH_GROUP.fullmatch(written) is not None and behind_it.startswith("đồng")


def _is_mark(text: str, written: str) -> bool:
    """True of `8,5đ` in a sentence about an examination."""
    return _MARK.fullmatch(written) is not None and not _MARKED.isdisjoint(words_of(text))


def price_per(text: str, pos: int) -> Read | None:
    """What a price is for, at its slash."""
    return _per(text, pos)


def _per(text: str, pos: int, *, chained: bool = False) -> Read | None:
    """`/kg` and `/người` say `một`, `/ngày` says `trên`, and `một` again behind another (`/người/ngày`)."""
    found = _PER_WORD.match(text, pos)
    if found is None:
        slash = _PER.match(text, pos)
        unit = units.unit_at(text, slash.end()) if slash else None
        return Read(f"một {unit.spoken}", unit.end) if unit else None
    word = _TIMES.get(found[2], found[2])
    if word.isupper() and word.lower() in _CURRENCIES:
        return Read(f"một {_CURRENCIES[word.lower()]}", found.end())
    if word in _LASTING and not found[1] and not chained:
        rest = _per(text, found.end(), chained=True)
        return Read(f"trên {word}{' ' + rest.spoken if rest else ''}", rest.end if rest else found.end())
    unit = units.unit_at(text, found.start(2))
    said, end = (unit.spoken, unit.end) if unit else (_whole(word), found.end())
    rest = _per(text, end, chained=True)
    count = cardinal(found[1].strip()) if found[1] else "một"
    return Read(f"{count} {said}{' ' + rest.spoken if rest else ''}", rest.end if rest else end)


def _whole(word: str) -> str:
    """`HS` and `NLĐ` in their words, any other word as it is."""
    entries = tables.abbreviations().get(word) if word.isupper() else None
    return entries[-1].spoken if entries else word


def with_cents(text: str, pos: int) -> Read | None:
    """`10,5$` as it is paid: mười đô la năm mươi xu."""
    found = _CENTS.match(text, pos)
    if found is None or text[found.end() : found.end() + 1] not in ("$", "€"):
        return None
    currency = _CURRENCIES[text[found.end()]]
    cents = cardinal(found[2].ljust(2, "0"))
    whole = "" if int(found[1]) == 0 else f"{cardinal(found[1])} {currency} "
    return Read(f"{whole}{cents} xu" if cents != "không" else whole.strip(), found.end() + 1)


def slang(text: str, pos: int) -> Read | None:
    """`500k`, `1tr5`, `2tr250`, `1,2tr`: thousands and millions as people type them."""
    start = pos + 1 if text[pos] == "-" else pos
    if not _SLANG_LIKELY.match(text, start):
        return None
    if cents := with_cents(text, start):
        return cents
    found = _SLANG.match(text, start)
    if found is None:
        return None
    number, scale, rest = found.groups()
    if scale in ("t", "ng") and found[0][len(number)] == " ":
        return None
    if scale == "t" and not rest and near(text, pos, _PERSONS, 6):
        return Read(f"{decimal(number)} tuổi", found.end())
    if scale == "K" and (
        near(text, pos, _LABELS, 2) or (found[0] == "5K" and not _EPIDEMIC.isdisjoint(words_of(text)))
    ):
        return None
    said = f"{decimal(number)} {_SCALES[scale]}"
    if rest:
        below = {"tr": "nghìn", "triệu": "nghìn", "tỷ": "triệu", "t": "triệu"}.get(_plain(scale), "")
        if not below:
            return None
        said += f" {cardinal(rest.ljust(3, '0'))} {below}"
    tail = behind(text, found.end(), number + "000")
    if tail:
        return Read(f"{said} {tail.spoken}", tail.end)
    per = _per(text, found.end()) if rest or scale in ("k", "K", "tr", "Tr") else None
    return Read(f"{said}{' ' + per.spoken if per else ''}", per.end if per else found.end())


def _plain(scale: str) -> str:
    return scale.lower().replace("tỉ", "tỷ")


def before(text: str, pos: int) -> Read | None:
    """A currency sign before its number, said behind it."""
    found = _SIGN.match(text, pos)
    if found is None:
        return None
    sign, number, scale, _ = found.groups()
    said = decimal(number)
    if re.fullmatch(r"\d{1,3},\d00?", number):
        said = said.removesuffix(" không")
    per = _per(text, found.end())
    words = [said, _SCALES.get(scale or "", ""), _CURRENCIES[sign.lower()], per.spoken if per else ""]
    return Read(" ".join(filter(None, words)), per.end if per else found.end())
