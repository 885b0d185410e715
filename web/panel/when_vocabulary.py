"""Words for times, without accents, in Vietnamese and English: numbers, days, months, and what carries no meaning."""

# Words that only their accents tell apart, and the two months that have names.
ACCENTED = (
    (r"\b(tuần|tháng) tới\b", r"\1 sau"), (r"\btới\b", "đến"),
    (r"(\d{1,2}) tháng (?:chạp|chap)\b", r"\1/12 âm lịch"), (r"(\d{1,2}) tháng (?:giêng|gieng)\b", r"\1/1 âm lịch"),
)  # fmt: skip
NUMBERS = {
    "mot": 1, "hai": 2, "ba": 3, "bon": 4, "tu": 4, "nam": 5, "sau": 6, "bay": 7, "tam": 8, "chin": 9, "muoi": 10,
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "other": 2, "second": 2,
}  # fmt: skip
WEEKDAYS = {
    "thu hai": 0, "thu ba": 1, "thu tu": 2, "thu nam": 3, "thu sau": 4, "thu bay": 5, "chu nhat": 6,
    "t2": 0, "t3": 1, "t4": 2, "t5": 3, "t6": 4, "t7": 5, "cn": 6,
    "monday": 0, "tuesday": 1, "wednesday": 2, "thursday": 3, "friday": 4, "saturday": 5, "sunday": 6,
    "mon": 0, "tue": 1, "wed": 2, "thurs": 3, "fri": 4, "sat": 5, "sun": 6,
    **{f"thu {number}": number - 2 for number in range(2, 8)},
}  # fmt: skip
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
NTH = {
    "dau tien": 1, "dau": 1, "thu nhat": 1, "thu hai": 2, "thu ba": 3, "thu tu": 4, "cuoi cung": -1, "cuoi": -1,
    "first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4,
}  # fmt: skip
FILLERS = frozenset(
    (  # noqa: SIM905 - a hundred words read better so
        "vao luc vao luc hom buoi phat cac la thi o se va and at on the in of a an each please xin hay cho bat dau ke "
        "trong moi ca nhu sau do lan tiep theo ngay gio cung voi day days every from this thong bao thang nay nhung "
        "tong cong"
    ).split()
)
