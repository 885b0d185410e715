"""Which message has ended which. The result doesn't depend on the order in which messages arrive.

A message ends what it names in `references`, and also whatever was sent before it and descends from what it names:
senders often name only the first message of a series. Messages that were sent at the same instant don't end each other
that way: so one alert is divided by area.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Protocol

from alerts.cap.message import Key

_MOST_WALKED = 2_000  # messages of one family
_MOST_NAMINGS = 10_000  # of them that are looked at in one question


@dataclass(frozen=True, slots=True)
class Naming:
    """`by` updates (or cancels) `names`."""

    by: Key
    names: Key
    cancels: bool


class Known(Protocol):
    """What is remembered of earlier messages; only of those that are real, public and may speak."""

    def digest(self, key: Key) -> str | None:
        """The content of that message, shortened, if it is known."""

    def sent_as(self, sender: str, identifier: str) -> Collection[datetime]:
        """When messages under that name were sent."""

    def naming(self, keys: Collection[Key]) -> Iterable[Naming]:
        """Who names any of `keys`."""

    def named_by(self, keys: Collection[Key]) -> Iterable[Naming]:
        """What any of `keys` name."""


@dataclass(slots=True)
class Memory:
    """Known, in memory; for the command line and for tests."""

    digests: dict[Key, str] = field(default_factory=dict)
    names: dict[tuple[str, str], set[datetime]] = field(default_factory=dict)
    up: dict[Key, list[Naming]] = field(default_factory=dict)
    down: dict[Key, list[Naming]] = field(default_factory=dict)

    def digest(self, key: Key) -> str | None:
        return self.digests.get(key)

    def sent_as(self, sender: str, identifier: str) -> Collection[datetime]:
        return self.names.get((sender, identifier), ())

    def naming(self, keys: Collection[Key]) -> Iterator[Naming]:
        return (each for key in keys for each in self.up.get(key, ()))

    def named_by(self, keys: Collection[Key]) -> Iterator[Naming]:
        return (each for key in keys for each in self.down.get(key, ()))

    def remember(self, key: Key, digest: str, namings: Iterable[Naming]) -> None:
        """Take note of a message, once it has been decided on."""
        self.digests[key] = digest
        self.names.setdefault((key.sender, key.identifier), set()).add(key.sent)
        for each in namings:
            self.up.setdefault(each.names, []).append(each)
            self.down.setdefault(each.by, []).append(each)


@dataclass(frozen=True, slots=True)
class With:
    """What is known, and one message more."""

    known: Known
    extra: Collection[Naming]

    def digest(self, key: Key) -> str | None:
        return self.known.digest(key)

    def sent_as(self, sender: str, identifier: str) -> Collection[datetime]:
        return self.known.sent_as(sender, identifier)

    def naming(self, keys: Collection[Key]) -> Iterable[Naming]:
        return chain((each for each in self.extra if each.names in keys), self.known.naming(keys))

    def named_by(self, keys: Collection[Key]) -> Iterable[Naming]:
        return chain((each for each in self.extra if each.by in keys), self.known.named_by(keys))


def ancestors(key: Key, known: Known) -> set[Key]:
    """What `key` names, and what that names in turn."""
    return _walked({key}, lambda edge: (each.names for each in known.named_by(edge))) - {key}


def descendants(keys: Collection[Key], known: Known) -> set[Key]:
    """What names any of `keys`, and what names that in turn."""
    return _walked(set(keys), lambda edge: (each.by for each in known.naming(edge)))


def _walked(start: set[Key], step: Callable[[Collection[Key]], Iterable[Key]]) -> set[Key]:
    """All that is reached by steps from `start`: one question to what is known for each step, and a bound on all."""
    found: set[Key] = set()
    edge = start
    while edge and len(found) < _MOST_WALKED:
        edge = set(islice(step(edge), _MOST_NAMINGS)) - found
        found |= edge
    return found


def ender(key: Key, known: Known) -> Naming | None:
    """Who has ended `key`, the newest of them; None if it stands. `known` must hold what `key` itself names."""
    direct = [each for each in known.naming([key]) if each.by != key]
    above = islice(known.naming(ancestors(key, known)), _MOST_NAMINGS)
    later = [each for each in above if each.by != key and each.by.sent > key.sent]
    return max(direct + later, key=lambda each: (each.by.sent, each.cancels), default=None)


def ended_by(key: Key, known: Known) -> set[Key]:
    """What no longer stands now that `key` has come; `known` must hold what `key` names.

    That is what it names, what descends from there and was sent earlier; and where `key` was the missing link between
    others, what these end.
    """
    named = {each.names for each in known.named_by([key])} - {key}
    below = descendants(named, known) - {key}
    linked = {each for each in descendants([key], known) - {key} if ender(each, known)}
    return named | {each for each in below if each.sent < key.sent} | linked
