"""`references` and `addresses`: lists that senders write in many ways."""

import re
from datetime import UTC

from alerts.cap.instants import instant
from alerts.cap.message import Reference
from alerts.cap.remarks import NotCap, Remarks
from core.errors import N_

_TIME = re.compile(r"\s*([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{5,18}(?:[Zz]|[+-][0-9:]{2,5})?)(?=[\s,;]|$)")
_TRIPLE = 3
_MOST_QUOTED = 60


def references(text: str, most: int, remarks: Remarks) -> tuple[Reference, ...]:
    """The messages named in `text`, each once, in order.

    The standard's form is `sender,identifier,sent`, parted by white space. Also read: white space or line ends around
    the commas, names with spaces in them, semicolons between the triples, a missing time. Raises NotCap for more than
    `most`.
    """
    pieces = [piece.strip() for piece in text.split(",")]
    if len(pieces) > most * (_TRIPLE - 1) + 1:
        raise NotCap(N_("The document has too many parts."), code="too_many")
    found = _regular(pieces, remarks)
    if found is None:
        remarks.add("references", N_("<references> is not written as the standard says; what is clear of it is used."))
        found = _loose(text, remarks)
    return tuple(dict.fromkeys(found))


def _regular(pieces: list[str], remarks: Remarks) -> list[Reference] | None:
    """Between two commas stands an identifier, or a time with the next sender after it."""
    if len(pieces) < _TRIPLE or len(pieces) % 2 == 0:
        return None
    found, sender = [], pieces[0]
    for place in range(1, len(pieces), 2):
        time = _TIME.match(pieces[place + 1])
        sent = instant(time.group(1), "references", remarks, UTC) if time else None
        if not time or sent is None or not sender or not pieces[place]:
            return None
        found.append(Reference(sender, pieces[place], sent[0]))
        sender = pieces[place + 1][time.end() :].strip(" \t\r\n;")
    return None if sender else found


def _loose(text: str, remarks: Remarks) -> list[Reference]:
    """Each word for itself: a triple, a sender with an identifier, or at least an identifier."""
    found = []
    for word in text.replace(";", " ").split():
        parts = [part for part in word.split(",") if part]
        if len(parts) < _TRIPLE - 1:
            remarks.add(
                "reference", N_("“%(text)s” in <references> names no sender and no time."), word[:_MOST_QUOTED],
                text=word[:_MOST_QUOTED],
            )  # fmt: skip
            found += [Reference("", part, None) for part in parts]
            continue
        sent = instant(parts[-1], "references", remarks, UTC) if len(parts) >= _TRIPLE else None
        middle = parts[1:-1] if sent else parts[1:]
        found.append(Reference(parts[0], ",".join(middle), sent[0] if sent else None))
    return found


def words(text: str) -> tuple[str, ...]:
    """A list parted by white space, in which quotation marks hold words together (`addresses`, `incidents`)."""
    return tuple(quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', text) if quoted or bare)
