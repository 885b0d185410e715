"""Messages and documents as they lie in the tables: compressed, and read back as they were."""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter
from sqlmodel import Session

from alerts.cap.message import Message
from alerts.cap.remarks import Remark
from alerts.sources.models import CapDocument

MOST_DOCUMENT_BYTES = 2 << 20
"""Compressed; of what is larger only the messages are kept."""


@cache
def _adapter() -> TypeAdapter[Message]:
    return TypeAdapter(Message)


def packed(message: Message) -> bytes:
    """A message for a column."""
    return zlib.compress(_adapter().dump_json(message))


def unpacked(content: bytes) -> Message:
    """A message from a column, the same to the last byte; only what `packed` wrote is read."""
    return cast(Message, _in_utc(_adapter().validate_json(zlib.decompress(content))))


def _in_utc(value: Any) -> Any:
    """With the standard library's UTC in every instant: pydantic has one of its own, which looks different."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _in_utc(getattr(value, each.name)) for each in fields(value)})
    if isinstance(value, tuple) and any(is_dataclass(each) or isinstance(each, datetime) for each in value):
        return tuple(_in_utc(each) for each in value)
    return value


def keep(session: Session, document: bytes, now: datetime) -> str | None:
    """The name of the kept document; None for one that is too large."""
    name = hashlib.sha256(document).hexdigest()
    if session.get(CapDocument, name) is not None:
        return name
    content = zlib.compress(document)
    if len(content) > MOST_DOCUMENT_BYTES:
        return None
    session.add(CapDocument(sha256=name, size=len(document), content=content, received_at=now))
    session.flush()
    return name


def notes(remarks: Iterable[Remark]) -> list[dict[str, Any]]:
    """Remarks as plain values; they are translated when they are shown."""
    return [
        {"code": each.code, "message": each.message, "params": {k: str(v) for k, v in each.params.items()}}
        for each in remarks
    ]


def remarks(stored: Iterable[dict[str, Any]]) -> list[Remark]:
    """Remarks from a column."""
    return [Remark(each["code"], each["message"], each.get("params") or {}) for each in stored]


def opened(document: CapDocument) -> bytes:
    """A kept document as it came."""
    return zlib.decompress(document.content)
