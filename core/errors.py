"""The few kinds of errors that people see.

A message is an English sentence with `%(name)s` places, used as the key of the message
catalogue: whoever shows it translates first and fills in `params` afterwards.
"""

from collections.abc import Callable, Mapping
from typing import Any


def N_(message: str) -> str:  # noqa: N802 - the usual name of the marker in gettext
    """Mark `message` for extraction into the message catalogue; returns it unchanged."""
    return message


def filled(params: Mapping[str, Any], translate: Callable[[str], str]) -> dict[str, Any]:
    """The values for a message's places: a tuple is a list of words that are themselves messages."""
    return {
        name: ", ".join(translate(each) for each in value) if isinstance(value, tuple) else value
        for name, value in params.items()
    }


class LoaError(Exception):
    """Base of every error that carries a sentence a person can act on.

    `code` is a stable word for programs; `fields` maps a field of the input to the message about it.
    """

    code = "error"

    def __init__(
        self, message: str, *, code: str | None = None, fields: dict[str, str] | None = None, **params: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.params = params
        self.fields = fields or {}
        if code:
            self.code = code

    def __str__(self) -> str:
        return self.message % filled(self.params, str) if self.params else self.message


class InvalidInput(LoaError):
    code = "invalid_input"


class NotFound(LoaError):
    """Absent, or not visible to who asks: the two look the same on purpose."""

    code = "not_found"

    def __init__(self, message: str = N_("There is nothing under this name, or not for you."), **params: Any) -> None:
        super().__init__(message, **params)


class Conflict(LoaError):
    """The request is well-formed but the present state does not allow it. `clashes` lists with what."""

    code = "conflict"

    def __init__(self, message: str, *, clashes: list[dict[str, Any]] | None = None, **params: Any) -> None:
        super().__init__(message, **params)
        self.clashes = clashes or []


class NotSignedIn(LoaError):
    code = "not_signed_in"


class Forbidden(LoaError):
    code = "forbidden"


class TooMany(LoaError):
    """Too many tries; `retry_after` is in seconds."""

    code = "too_many"

    def __init__(self, message: str, *, retry_after: int, **params: Any) -> None:
        super().__init__(message, **params)
        self.retry_after = retry_after


class TooLarge(LoaError):
    code = "too_large"


class Busy(LoaError):
    """Nothing was changed; the same call may succeed in a moment (locked database, full queue)."""

    code = "busy"


class NoSpace(LoaError):
    """The disk is full or can't be written; nothing half-written was kept."""

    code = "no_space"


class EngineFailed(LoaError):
    """An outside part (speech engine, ffmpeg, player) failed, was too slow or answered garbage."""

    code = "engine_failed"


class BadTicket(LoaError):
    """A signed airing that must not be played. `reason` is one of the wire format's reasons."""

    code = "bad_ticket"

    def __init__(self, message: str, *, reason: str, **params: Any) -> None:
        super().__init__(message, **params)
        self.reason = reason
