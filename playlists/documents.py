"""The text of a document that somebody hands in: Word (.docx), OpenDocument (.odt) or plain text.

Our own reading, on `zipfile` and Expat, rather than a library for whole documents: only the part with the text is ever
unpacked, up to a bound; a document type or an entity ends the reading; and tracked changes come out as they would be
printed (what was put in counts, what was struck out doesn't), which libraries made for writing documents get wrong.

What comes out: paragraphs in reading order, one a line; a row of a table is one line, its cells parted by commas.
Headers, footers, notes, comments, hidden and deleted text are left out, and so are the letterhead of an official
document and its list of recipients, which nobody reads aloud.
"""

import re
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO

from core.errors import N_, InvalidInput, TooLarge
from playlists.document_parts import Broken, Line, lines_of, style_names

MOST_BYTES = 5_000_000
MOST_UNPACKED = 20_000_000
MOST_CHARS = 200_000
_MOST_TITLE = 200
_SHORT_TITLE = 120
_OLD_WORD = b"\xd0\xcf\x11\xe0"
_PASSWORD = "EncryptedPackage".encode("utf-16-le")
_NOT_READ = N_(
    "This file can't be read as a Word document. Open it in Word, save it again as .docx, or paste its text."
)
_MOTTO = re.compile(r"CỘNG H(?:ÒA|OÀ) XÃ HỘI CHỦ NGHĨA VIỆT NAM", re.IGNORECASE)
_RECIPIENTS = re.compile(r"(?:^|, )nơi nhận\s*:", re.IGNORECASE)
_KINDS = re.compile(
    r"(THÔNG BÁO|GIẤY MỜI|THƯ MỜI|KẾ HOẠCH|CÔNG ĐIỆN|LỜI KÊU GỌI|THƯ NGỎ|QUYẾT ĐỊNH|BÁO CÁO|CHỈ THỊ|HƯỚNG DẪN|LỊCH)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"(?:về việc|v/v|về)\b", re.IGNORECASE)
_HEADING = re.compile(r"heading [1-3]|title", re.IGNORECASE)


@dataclass(frozen=True)
class Taken:
    """What was taken over. `left_out`: without a letterhead or a list of recipients; `cut`: there was more text."""

    title: str
    text: str
    left_out: bool = False
    cut: bool = False


def take(document: bytes) -> Taken:
    """Title and text of a document of at most 5 MB; its kind is told by its content, never by its name.

    Raises TooLarge, and InvalidInput with a sentence on what to do instead.
    """
    if len(document) > MOST_BYTES:
        raise TooLarge(N_("The file is larger than the %(limit)d MB that are allowed."), limit=MOST_BYTES // 1_000_000)
    if document.startswith(_OLD_WORD):
        raise InvalidInput(_old_word(document), fields={"word": "old"})
    if document.startswith(b"%PDF"):
        raise InvalidInput(
            N_("The text of a PDF can't be taken over. Hand in the Word file, or copy the text and paste it here."),
            fields={"word": "pdf"},
        )
    lines = _packed(document) if document.startswith(b"PK") else _plain(document)
    kept = _without_frame(lines)
    text = "\n".join(line.text for line in kept).strip()
    if not text:
        raise InvalidInput(
            N_("There is no text in this file. Perhaps it holds only a picture of the page."), fields={"word": "empty"}
        )
    return Taken(_title(kept), text[:MOST_CHARS], len(kept) < len(lines), len(text) > MOST_CHARS)


def _old_word(document: bytes) -> str:
    if _PASSWORD in document:
        return N_("This file is protected by a password. Take the password off in Word, or paste the text here.")
    return N_(
        "This is an old Word file (.doc). Open it in Word, choose “Save as” and the type .docx; or paste its text."
    )


def _packed(document: bytes) -> list[Line]:
    try:
        with zipfile.ZipFile(BytesIO(document)) as box:
            names = set(box.namelist())
            if "word/document.xml" in names:
                styles = style_names(_part(box, "word/styles.xml")) if "word/styles.xml" in names else {}
                return lines_of(_part(box, "word/document.xml"), styles)
            if "content.xml" in names:
                return lines_of(_part(box, "content.xml"), {})
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        pass  # torn, encrypted, or packed in a way that nobody packs documents
    except Broken as error:
        raise InvalidInput(error.sentence, fields={"word": "form"}) from None
    raise InvalidInput(_NOT_READ, fields={"word": "form"})


def _part(box: zipfile.ZipFile, name: str) -> bytes:
    """One part, unpacked no further than the bound, whatever the archive says of its size."""
    with box.open(name) as part:
        found = part.read(MOST_UNPACKED + 1)
    if len(found) > MOST_UNPACKED:
        raise InvalidInput(N_("This document is too long to be taken over. Paste the part that is to be read."),
                           fields={"word": "long"})  # fmt: skip
    return found


def _plain(document: bytes) -> list[Line]:
    for encoding in ("utf-8-sig", "utf-16", "cp1258"):
        if encoding == "utf-16" and document[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            continue
        try:
            text = document.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(unicodedata.category(sign) == "Cc" and sign not in "\t\r\n\x0c" for sign in set(text)):
            text = unicodedata.normalize("NFC", text)
            return [Line(" ".join(line.split())) for line in text.splitlines() if line.strip()]
    raise InvalidInput(_NOT_READ, fields={"word": "form"})


def _without_frame(lines: list[Line]) -> list[Line]:
    """Without the tables that hold the letterhead (with the motto of the state) and the list of recipients."""
    frames = {
        line.table for line in lines if line.table and (_MOTTO.search(line.text) or _RECIPIENTS.search(line.text))
    }
    kept = [line for line in lines if line.table not in frames]
    return kept if any(line.text for line in kept) else lines


def _title(lines: list[Line]) -> str:
    """The title as the document has it: in its style, the kind of notice with its matter, a heading, the first line."""
    said = [line for line in lines if line.text]
    for line in said:
        if line.style.lower() == "title":
            return _fitted(line.text)
    for number, line in enumerate(said[:20]):
        if _KINDS.match(line.text) and len(line.text) <= _SHORT_TITLE:
            behind = said[number + 1].text if number + 1 < len(said) else ""
            bare = len(line.text.split()) <= len(line.text[: _end_of_kind(line.text)].split())
            return _fitted(f"{line.text} {behind}" if bare and _ABOUT.match(behind) else line.text)
    for line in said:
        if _HEADING.match(line.style):
            return _fitted(line.text)
    return _fitted(said[0].text, _SHORT_TITLE) if said else ""


def _end_of_kind(text: str) -> int:
    found = _KINDS.match(text)
    return found.end() if found else 0


def _fitted(text: str, most: int = _MOST_TITLE) -> str:
    """One line, in ordinary letters where it was all capitals, cut at a word."""
    text = " ".join(text.split()).strip(" .:;-–")
    words = text.split()
    shouted = sum(word.isupper() for word in words)
    if shouted * 2 > len(words) or (words[:2] and all(word.isupper() for word in words[:2])):
        kind = _end_of_kind(text)
        head = text[:kind].capitalize() if kind else ""
        rest = text[kind:]
        text = head + (rest.lower() if rest.isupper() else rest) if kind else text.capitalize()
    text = re.sub(r"\bv/v\b", "về việc", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=\S )Về việc\b", "về việc", text)
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0] + "…"
