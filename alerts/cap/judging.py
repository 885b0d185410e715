"""A document from end to end: read, decided on and remembered. For a stream of documents in the order they came."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from alerts.cap.chains import Memory
from alerts.cap.deciding import Decision, SignatureState, decide, digest
from alerts.cap.message import Message
from alerts.cap.reading import messages, understood
from alerts.cap.remarks import NotCap
from alerts.cap.tree import Document, read
from alerts.cap.trust import Trust
from core.errors import N_

Outcome = tuple[Message, Decision] | NotCap
Examined = tuple[Message | NotCap, SignatureState]


def received(document: bytes, now: datetime, certificates: Sequence[Any] = ()) -> list[Examined]:
    """The messages of a document, each with what its signature is worth; a verified one as it was signed.

    A document that can't be read has one outcome, the reason. Never raises for what is in it.
    """
    try:
        found = read(document)
        return _examined(document, found, now, certificates)
    except NotCap as error:
        return [(error, "none")]
    except (RecursionError, MemoryError):
        return [(NotCap(N_("The document has too many parts."), code="too_many"), "none")]


def _examined(document: bytes, found: Document, now: datetime, certificates: Sequence[Any]) -> list[Examined]:
    read_so_far = understood(found)
    signed = any(alert.signatures for alert in found.alerts)
    if not signed or not certificates:
        return [
            (each, "unchecked" if a.signatures else "none") for each, a in zip(read_so_far, found.alerts, strict=True)
        ]
    from alerts.cap.signatures import examined

    verdicts = examined(document, certificates, now)
    if len(verdicts) != len(found.alerts):
        return [(each, "failed") for each in read_so_far]
    outcomes: list[Examined] = []
    for message, alert, verdict in zip(read_so_far, found.alerts, verdicts, strict=True):
        if verdict.state == "verified":
            outcomes.append((_as_signed(verdict.signed, alert.signatures, found.envelope_status), verdict.state))
        else:
            outcomes.append((message, verdict.state))
    return outcomes


def _as_signed(signed: bytes, signatures: int, envelope_status: str) -> Message | NotCap:
    """What was signed takes the place of what was sent; what an envelope says still counts against it."""
    (message,) = messages(signed)
    if isinstance(message, NotCap):
        return message
    return replace(message, signatures=signatures, envelope_status=envelope_status)


def judged(
    document: bytes, now: datetime, memory: Memory, trust: Trust, certificates: Sequence[Any] = ()
) -> list[Outcome]:
    """What becomes of each message of a document, in order; `memory` is carried on. Never raises for what is in it."""
    outcomes: list[Outcome] = []
    for message, signature in received(document, now, certificates):
        if isinstance(message, NotCap):
            outcomes.append(message)
            continue
        decision = decide(message, now, memory, trust, signature)
        if decision.counts:
            memory.remember(message.key, digest(message), decision.namings)
        outcomes.append((message, decision))
    return outcomes
