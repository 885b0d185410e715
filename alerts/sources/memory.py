"""What is remembered of a source's earlier messages, in the tables (`alerts.cap.chains.Known`).

Each source has a memory of its own: what one delivers can't keep another's messages off the air, nor end them.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from alerts.cap.chains import Naming
from alerts.cap.message import Key
from alerts.sources.models import CapAlert, CapNaming
from core.clock import format_instant

_CHUNK = 400


def hashed(*parts: str) -> str:
    """One name for several parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def key_of(key: Key) -> str:
    """The name of a message in the tables."""
    return hashed(key.sender, key.identifier, format_instant(key.sent))


class Remembered:
    """The memory of one source, seen through a session."""

    def __init__(self, session: Session, source_id: str) -> None:
        self._session, self._source = session, source_id

    def digest(self, key: Key) -> str | None:
        query = select(CapAlert.digest).where(*self._counted(), CapAlert.key == key_of(key))
        return self._session.exec(query.limit(1)).first()

    def sent_as(self, sender: str, identifier: str) -> Collection[datetime]:
        query = select(CapAlert.sent).where(*self._counted(), CapAlert.name == hashed(sender, identifier))
        return {each for each in self._session.exec(query).all() if each}

    def naming(self, keys: Collection[Key]) -> Iterable[Naming]:
        return self._edges(col(CapNaming.names_key), keys)

    def named_by(self, keys: Collection[Key]) -> Iterable[Naming]:
        return self._edges(col(CapNaming.by_key), keys)

    def remember(self, namings: Iterable[Naming]) -> None:
        """Take note of what a message names; noting it twice changes nothing."""
        fresh = {(key_of(each.by), key_of(each.names)): each for each in namings}
        for (by, names), each in fresh.items():
            self._session.add(
                CapNaming(
                    source_id=self._source, by_key=by, names_key=names, by_sender=each.by.sender,
                    by_identifier=each.by.identifier, by_sent=each.by.sent, names_sender=each.names.sender,
                    names_identifier=each.names.identifier, names_sent=each.names.sent, cancels=each.cancels,
                )
            )  # fmt: skip
        self._session.flush()

    def rows(self, keys: Iterable[Key]) -> list[CapAlert]:
        """The messages of these names that count, as they were taken in."""
        found: list[CapAlert] = []
        for chunk in _chunks(sorted({key_of(each) for each in keys})):
            found += self._session.exec(select(CapAlert).where(*self._counted(), col(CapAlert.key).in_(chunk))).all()
        return found

    def _counted(self) -> tuple[bool, bool]:
        return CapAlert.source_id == self._source, col(CapAlert.counts).is_(True)  # type: ignore[return-value]

    def _edges(self, column: object, keys: Collection[Key]) -> Iterator[Naming]:
        for chunk in _chunks(sorted({key_of(each) for each in keys})):
            query = select(CapNaming).where(CapNaming.source_id == self._source, column.in_(chunk))  # type: ignore[attr-defined]
            for row in self._session.exec(query.order_by(col(CapNaming.id))).all():
                yield Naming(
                    Key(row.by_sender, row.by_identifier, row.by_sent),
                    Key(row.names_sender, row.names_identifier, row.names_sent),
                    row.cancels,
                )


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
