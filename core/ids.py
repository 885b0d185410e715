"""Names of things: a prefix that tells the kind, then time-ordered random characters."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32


def _base32(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _by_the_clock() -> tuple[int, int]:
    return time.time_ns() // 1_000_000, secrets.randbits(55)


_source: ContextVar[Callable[[], tuple[int, int]]] = ContextVar("source of ids", default=_by_the_clock)


@contextmanager
def drawn_from(source: Callable[[], tuple[int, int]]) -> Iterator[None]:
    """Within the block, take time (ms) and chance (55 bits) of new names from `source`: a rehearsal repeats itself."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def new_id(prefix: str) -> str:
    """A fresh name such as `air_01k9…`: 9 characters of time (ms), 11 of chance (55 bits); sorts by age."""
    milliseconds, chance = _source.get()()
    return f"{prefix}_{_base32(milliseconds, 9)}{_base32(chance, 11)}"
