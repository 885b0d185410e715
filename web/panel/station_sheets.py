"""The rows of an Excel workbook that somebody hands in: bounded before anything of it is unpacked."""

import io
import zipfile
from datetime import date, datetime, time

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import N_, InvalidInput

MAX_UNPACKED = 40 * 1024 * 1024
_MAX_COLUMNS = 12
_UNREADABLE = N_("The workbook can't be read. Save it again as Excel (.xlsx), or as CSV.")
_MAGIC = b"PK\x03\x04"


def is_workbook(content: bytes) -> bool:
    """Whether this looks like an .xlsx file, by what is in it."""
    return content.startswith(_MAGIC)


def rows(content: bytes, most: int) -> list[list[str]]:
    """The cells of the first sheet as text, empty rows left out, at most `most` + 2 rows. Raises InvalidInput."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
                raise InvalidInput(N_("The workbook is too large. Keep the list of stations alone in it."))
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        try:
            found: list[list[str]] = []
            for cells in book.worksheets[0].iter_rows(max_col=_MAX_COLUMNS, values_only=True):
                row = [_text(cell) for cell in cells]
                if any(row):
                    found.append(row)
                if len(found) > most + 1:
                    break
            return found
        finally:
            book.close()
    except InvalidInput:
        raise
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        KeyError,
        ValueError,
        IndexError,
        OSError,
        TypeError,
        AttributeError,
        SyntaxError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:  # fmt: skip - what openpyxl raises for files that are damaged in one way or another
        raise InvalidInput(_UNREADABLE, fields={"file": "form"}) from error


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)  # noqa: PLR2004 - digits of a double
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell).strip()[:500]
