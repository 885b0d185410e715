"""A report as an Excel workbook: one sheet for each table, numbers as numbers, texts as texts."""

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from scheduler.statistics import Report, Row

MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MAX_TITLE = 31  # Excel's limit
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
_WIDEST = 60
_CONTROL = {code: None for code in range(32) if code not in {9, 10}}
Translate = Callable[[str], str]


def written(told: Report, tables: Sequence[tuple[str, list[Row]]], zone: ZoneInfo, say: Translate) -> bytes:
    """The workbook. `tables` pairs a title with its rows; `say` translates the headings."""
    book = Workbook(write_only=True)
    months = told.months[0] if len(told.months) == 1 else f"{told.months[0]} – {told.months[-1]}"
    heads = [say("Bulletins heard"), say("Minutes planned"), say("Minutes played"), say("Played, percent")]
    _sheet(book, say("Report"), [[told.unit.name, months]], [say("Month"), *heads], map(_figures, told.by_month))
    for title, rows in tables:
        _sheet(book, title, [], [title, *heads], map(_figures, rows))
    _sheet(
        book, say("Stations"), [],
        [
            say("Station"), say("Unit"), say("Played whole"), say("Played in part"), say("Missed"),
            *heads[1:],
        ],
        (
            [
                row.station.name, row.unit.name, row.played, row.partial, row.missed, _minutes(row.planned),
                _minutes(row.played_seconds), _percent(row.share),
            ]
            for row in told.stations
        ),
    )  # fmt: skip
    _sheet(
        book, say("Emergencies"), [],
        [
            say("When"), say("What"), say("Unit"), say("Stations"), say("Stations that played it"),
            say("Minutes until the first"), say("Minutes until 95 percent"),
        ],
        (
            [
                _local(row.at, zone), row.title, row.unit, row.stations, row.heard,
                None if row.first is None else round(row.first / 60, 2),
                None if row.most is None else round(row.most / 60, 2),
            ]
            for row in told.alarms
        ),
    )  # fmt: skip
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _figures(row: Row) -> list[Any]:
    return [row.name or row.code, row.bulletins, _minutes(row.planned), _minutes(row.played), _percent(row.share)]


def _minutes(seconds: float) -> float:
    return round(seconds / 60, 1)


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """Excel knows no zones: the time on the wall there."""
    return at.astimezone(zone).replace(tzinfo=None)


def _sheet(
    book: Any, title: str, above: Iterable[Sequence[Any]], heads: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    sheet = book.create_sheet(title.translate(_FORBIDDEN)[:_MAX_TITLE])
    for number, head in enumerate(heads, start=1):  # before the first row: such a sheet is written as it comes
        sheet.column_dimensions[get_column_letter(number)].width = min(max(len(head) + 2, 12), _WIDEST)
    sheet.column_dimensions["A"].width = 36
    for row in above:
        sheet.append([_cell(sheet, value, bold=True) for value in row])
    sheet.append([_cell(sheet, head, bold=True) for head in heads])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any, *, bold: bool = False) -> WriteOnlyCell:
    """A cell; a text stays a text, also one that begins as a formula does."""
    cell = WriteOnlyCell(sheet, value.translate(_CONTROL) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    return cell
