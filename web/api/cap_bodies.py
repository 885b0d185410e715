"""What `POST /cap` answers."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class CapMessage(BaseModel):
    """One message: the fields of `loa cap`, and what became of it."""

    model_config = ConfigDict(extra="allow")

    ok: bool
    identifier: str | None = None
    action: str | None = None
    reason: str | None = None
    code: str | None = None
    handling: str | None = None
    state: str | None = None
    stations: int | None = None
    emergencies: list[str] | None = None
    notes: list[str] | None = None
    infos: list[dict[str, Any]] | None = None
    error: str | None = None


class CapAnswer(CapMessage):
    """All messages of a document; the fields of a single one stand at the top as well. `source`: by whose rule."""

    source: str
    messages: list[CapMessage]
