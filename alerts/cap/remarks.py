"""What is said about a message: why it is refused or left unaired, and what was put right while reading it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import InvalidInput

_MOST_REMARKS = 40


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence for people: a key of the message catalogue with its parameters, and a stable word for programs."""

    code: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message % self.params if self.params else self.message


class NotCap(InvalidInput):
    """What was handed in is not a message of the Common Alerting Protocol that may be used; `code` says why."""


class Remarks:
    """Remarks as they come up, each kind about the same thing kept once, and not more than a page of them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Remark] = {}

    def add(self, code: str, message: str, about: str = "", **params: Any) -> None:
        """Note `message` unless this `code` was noted `about` the same thing already."""
        if len(self._kept) < _MOST_REMARKS:
            self._kept.setdefault((code, about), Remark(code, message, params))

    def all(self) -> tuple[Remark, ...]:
        return tuple(self._kept.values())
