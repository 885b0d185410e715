"""The elements of one element: required or not, once or often, and what may stand in them."""

from collections.abc import Callable, Iterable
from datetime import datetime, timezone

from alerts.cap.instants import instant
from alerts.cap.remarks import NotCap, Remarks
from alerts.cap.tree import Node
from core.errors import N_

_INVISIBLE = "\ufeff\u200b\u2060\u00a0 \t\r\n"
_MOST_QUOTED = 60


class Fields:
    """What stands directly in `node`, by name. Notes what is unknown, empty, repeated or out of order."""

    def __init__(self, node: Node, order: tuple[str, ...], remarks: Remarks) -> None:
        self.name = node.name
        self.line = node.line
        self.remarks = remarks
        self._nodes: dict[str, list[Node]] = {}
        last = 0
        for child in node.children():
            if child.name not in order:
                self.note("unknown", N_("<%(field)s> is not of the standard and is passed over."), child.name)
                continue
            place = order.index(child.name)
            if place < last:
                self.note("order", N_("The elements of <%(field)s> are not in the order of the standard."), node.name)
            last = max(last, place)
            self._nodes.setdefault(child.name, []).append(child)

    def note(self, code: str, message: str, field: str) -> None:
        """A remark about the element `field`."""
        self.remarks.add(code, message, field[:_MOST_QUOTED], field=field[:_MOST_QUOTED])

    def nodes(self, name: str) -> list[Node]:
        return self._nodes.get(name, [])

    def every(self, name: str) -> list[str]:
        """The texts of all elements of that name that have one."""
        texts = [node.text().strip(_INVISIBLE) for node in self.nodes(name)]
        if not all(texts):
            self.note("empty", N_("<%(field)s> is empty and counts as absent."), name)
        return [text for text in texts if text]

    def text(self, name: str) -> str:
        """The text of an element that may be there once; the first counts where it was repeated."""
        texts = self.every(name)
        if len(self.nodes(name)) > 1:
            self.note("repeated", N_("<%(field)s> is there more than once; the first counts."), name)
        return texts[0] if texts else ""

    def required(self, name: str) -> str:
        """The text of an element that must be there, once. Raises NotCap."""
        if len(self.nodes(name)) > 1:
            raise NotCap(
                N_("<%(field)s> is there more than once in <%(parent)s> (line %(line)s)."), code="repeated", field=name,
                parent=self.name, line=self.line,
            )  # fmt: skip
        texts = self.every(name)
        if not texts:
            raise NotCap(
                N_("<%(field)s> is missing in <%(parent)s> (line %(line)s)."), code="missing", field=name,
                parent=self.name, line=self.line,
            )  # fmt: skip
        return texts[0]

    def word(self, name: str, allowed: tuple[str, ...]) -> str:
        """A required word of the standard's list."""
        return self._allowed(name, self.required(name), allowed)

    def every_word(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._allowed(name, each, allowed) for each in self.every(name)))

    def _allowed(self, name: str, text: str, allowed: Iterable[str]) -> str:
        if text not in allowed:
            raise NotCap(
                N_("“%(text)s” is no value of <%(field)s> in the standard (line %(line)s)."), code="value",
                text=text[:_MOST_QUOTED], field=name, line=self.line,
            )  # fmt: skip
        return text

    def time(self, name: str, assumed: timezone | None) -> tuple[datetime, timezone] | None:
        """An instant, if it is there. Raises NotCap when it can't be read."""
        text = self.text(name)
        if not text:
            return None
        read = instant(text, name, self.remarks, assumed)
        if read is None:
            raise NotCap(
                N_("“%(text)s” in <%(field)s> is not a time as CAP writes it, with its offset from UTC."), code="time",
                text=text[:_MOST_QUOTED], field=name,
            )  # fmt: skip
        return read

    def number(self, name: str, kind: Callable[[str], float]) -> float | None:
        """A number, if it is there and is one (else noted); never infinite."""
        text = self.text(name)
        try:
            value = kind(text.replace(",", "")) if text else None
            if value is None or abs(value) < 1e12:  # noqa: PLR2004 - also refuses NaN
                return value
        except (ValueError, OverflowError):
            pass
        self.note("number", N_("<%(field)s> is not a number and counts as absent."), name)
        return None
