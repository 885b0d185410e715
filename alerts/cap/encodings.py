"""From the bytes of an XML document to UTF-8, by what XML 1.0 says about encodings (appendix F), and a little more.

The reader behind knows four encodings; the world sends more. Only encodings of text are in the list: Python's registry
also holds codecs that unpack archives.
"""

import codecs
import re

from alerts.cap.limits import Limits
from alerts.cap.remarks import NotCap, Remarks
from core.errors import N_

_DECLARED = re.compile(rb"""<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._:-]{0,39})["']""")
_HEAD = 256
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_BARE = (
    (b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
)  # fmt: skip
_WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_KNOWN = frozenset(
    ["utf-8", "ascii", "koi8-r", "koi8-u", "koi8-t", "tis-620", "gb2312", "gbk", "gb18030", "hz", "big5", "big5hkscs",
     "shift_jis", "shift_jisx0213", "shift_jis_2004", "cp932", "euc_jp", "euc_jis_2004", "iso2022_jp", "iso2022_kr",
     "euc_kr",
     "cp949", "johab", "cp874", "mac-roman", "cp437", "cp850", "cp852", "cp866",
     *(f"iso8859-{part}" for part in range(1, 17)), *(f"cp125{page}" for page in range(9)), *_WIDE]
)  # fmt: skip


def as_utf8(document: bytes, limits: Limits, remarks: Remarks) -> bytes:
    """The document in UTF-8 without a byte order mark; whatever its declaration says is to be disregarded from here on.

    Raises NotCap for an empty or too large document, an unknown encoding, or bytes that are not text in their encoding.
    """
    if len(document) > limits.document_bytes:
        raise NotCap(
            N_("The file is larger than %(mb)s MB and is not read."), code="too_large", mb=limits.document_bytes >> 20
        )
    if not document.strip():
        raise NotCap(N_("The file is empty."), code="empty")
    for mark, name in _MARKS:
        if document.startswith(mark):
            return _decoded(document[len(mark) :], name)
    for start, name in _BARE:
        if document.startswith(start):
            return _decoded(document, name)
    if document[:1].isspace():
        document = document.lstrip()
        remarks.add("leading_space", N_("There is white space before the beginning of the document."))
    return _decoded(document, _declared(document, remarks))


def _declared(document: bytes, remarks: Remarks) -> str:
    found = _DECLARED.match(document[:_HEAD])
    if not found:
        return "utf-8"
    said = found.group(1).decode("ascii")
    try:
        name = codecs.lookup(re.sub(r"(?i)^(?:x-)?windows-(?=[0-9])", "cp", said)).name
    except LookupError:
        name = ""
    if name not in _KNOWN:
        raise NotCap(N_("The encoding “%(name)s” is not known here."), code="encoding", name=said)
    if name == "ascii":
        return "utf-8"  # holds it, and is what such files have where they have more
    if name in _WIDE:
        # The declaration was readable byte by byte, so it can't be true; such files come from programs that
        # write text in memory as UTF-16 and save it as UTF-8.
        remarks.add("encoding", N_("The document says it is %(name)s but is not; read as UTF-8."), name=said)
        return "utf-8"
    return name


def _decoded(document: bytes, name: str) -> bytes:
    if name == "utf-8":
        return document.removeprefix(codecs.BOM_UTF8)
    try:
        return document.decode(name).removeprefix("\ufeff").encode()
    except UnicodeError:
        raise NotCap(N_("The file is not text in its encoding (%(name)s)."), code="encoding", name=name) from None
