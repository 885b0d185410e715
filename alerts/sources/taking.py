"""A document from a source: read, judged, remembered, and acted on; each message in one transaction of its own.

What is heavy (parsing, signatures, the lie of the land) is done before. Then one transaction decides on what is known,
remembers the message, ends what it ends and raises what goes on air: killed at any instant, a message was taken in
whole or not at all, and is taken in when it comes again. One bad message holds up no other.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from alerts.cap.deciding import Decision, SignatureState, decide, digest
from alerts.cap.judging import received
from alerts.cap.message import Message
from alerts.cap.remarks import NotCap, Remark
from alerts.cap.signatures import certificates
from alerts.sources import acting, rules, stored
from alerts.sources.airing import Desk
from alerts.sources.land import Land, Surveyor
from alerts.sources.memory import Remembered, hashed, key_of
from alerts.sources.models import CapAlert, CapSource
from core.database import Database
from core.errors import N_, InvalidInput
from core.ids import new_id
from core.settings import Settings
from core.signing import Signer
from registry.rights import Actor
from scheduler import troubles

log = logging.getLogger(__name__)
_MOST_TITLE = 300
_REFUSED = "refused"
Examined = list[tuple[Message | NotCap, SignatureState]]
Run = Callable[[Callable[..., Examined], tuple[Any, ...]], Examined]


@dataclass(frozen=True)
class Taken:
    """What became of one message: `row` as it is stored, None where it was not looked at again."""

    message: Message | NotCap
    decision: Decision | None
    row: CapAlert | None


@dataclass
class Taker:
    """Takes documents in. Safe to share between threads."""

    database: Database
    settings: Settings
    signer: Signer
    surveyor: Surveyor = field(default_factory=Surveyor)

    def take(
        self,
        source_id: str,
        document: bytes,
        now: datetime,
        *,
        actor: Actor | None = None,
        run: Run | None = None,
        most: int | None = None,
    ) -> list[Taken]:
        """Take in all messages of a document, in order. `actor` is who hands it in, if a person does.

        `run(function, arguments)` calls what is heavy and touches nothing, where that should be done elsewhere. Raises
        InvalidInput for more than `most` messages, before any is taken, and what `Database.write` raises.
        """
        with self.database.read() as session:
            source = session.get_one(CapSource, source_id)
            land = self.surveyor.land(session)
        own = certificates(source.certificates)
        found = run(received, (document, now, own)) if run else received(document, now, own)
        if most is not None and len(found) > most:
            raise InvalidInput(N_("A call takes at most %(limit)s messages."), limit=most)
        taken = []
        for index, (message, signature) in enumerate(found):
            with self.database.write() as session:
                keeper = _Keeper(session, self._desk(land, now), source_id, actor)
                if isinstance(message, NotCap):
                    taken.append(keeper.refused(message, document, index))
                else:
                    taken.append(keeper.take(message, signature, document))
        return taken

    def again(self, alert_id: str, now: datetime) -> Taken | None:
        """Look once more at a message that came too early, or whose time to be heard has come."""
        with self.database.read() as session:
            land = self.surveyor.land(session)
        with self.database.write() as session:
            row = session.get(CapAlert, alert_id)
            if row is None or not row.message:
                return None
            keeper = _Keeper(session, self._desk(land, now), row.source_id, None)
            return keeper.again(row)

    def _desk(self, land: Land, now: datetime) -> Desk:
        return Desk(self.settings, self.signer, land, now)


@dataclass
class _Keeper:
    """One message in one transaction."""

    session: Session
    desk: Desk
    source_id: str
    actor: Actor | None

    def __post_init__(self) -> None:
        self.source = self.session.get_one(CapSource, self.source_id)
        self.known = Remembered(self.session, self.source_id)

    def refused(self, error: NotCap, document: bytes, index: int) -> Taken:
        """Note what could not be read, once, however often it comes."""
        key = hashed(_REFUSED, hashlib.sha256(document).hexdigest(), str(index))
        row = self._seen(key, key)
        if row is None:
            row = self._fresh(key, key, key)
            row.code, row.state = error.code, "ignored"
            row.notes = stored.notes([Remark(error.code, error.message, error.params)])
            row.document = stored.keep(self.session, document, self.desk.now)
            self.session.add(row)
        return Taken(error, None, row)

    def take(self, message: Message, signature: SignatureState, document: bytes) -> Taken:
        decision = decide(message, self.desk.now, self.known, rules.read(self.source.trust), signature)
        key, content = key_of(message.key), digest(message)
        row = self._seen(key, content)
        if row is not None and not decision.counts:
            return Taken(message, decision, row)
        if row is None:
            row = self._fresh(key, hashed(message.sender, message.identifier), content)
            row.document = stored.keep(self.session, document, self.desk.now)
        row.signature = signature
        self._act(row, message, decision)
        return Taken(message, decision, row)

    def again(self, row: CapAlert) -> Taken | None:
        message = stored.unpacked(row.message)
        if row.state == "coming":
            acting.put_on_air_now(self.session, self.desk, self.source, row, message)
            return Taken(message, None, row)
        row.again_at = None
        decision = decide(
            message, self.desk.now, self.known, rules.read(self.source.trust), _state(row.signature)
        )  # fmt: skip
        if row.state in ("waiting", "ignored") and not row.counts:
            self._act(row, message, decision)
        return Taken(message, decision, row)

    def _act(self, row: CapAlert, message: Message, decision: Decision) -> None:
        _describe(row, message, decision)
        self.session.add(row)
        self.session.flush()
        if decision.counts:
            self.known.remember(decision.namings)
        try:
            with self.session.begin_nested():
                acting.act(self.session, self.desk, self.source, self.known, row, message, decision, self.actor)
        except troubles.PASSING:
            raise
        except Exception as error:  # what one message can't bear must not stop the poll
            log.exception("a message of source %s could not be acted on", self.source_id)
            self.session.refresh(row)
            why = Remark("failed", _FAILED, {"why": troubles.describe(error)[:200]})
            acting.wait(self.session, row, [why], self.desk.now)
        self.session.add(row)
        self.session.flush()

    def _seen(self, key: str, content: str) -> CapAlert | None:
        query = select(CapAlert).where(
            CapAlert.source_id == self.source_id, CapAlert.key == key, CapAlert.digest == content
        )
        row = self.session.exec(query.order_by(col(CapAlert.id))).first()
        if row is not None:
            row.seen_at, row.times_seen = self.desk.now, row.times_seen + 1
            self.session.add(row)
        return row

    def _fresh(self, key: str, name: str, content: str) -> CapAlert:
        now = self.desk.now
        return CapAlert(
            id=new_id("ca"), source_id=self.source_id, unit_id=self.source.unit_id, received_at=now, seen_at=now,
            key=key, name=name, digest=content, state="ignored",
        )  # fmt: skip


_FAILED = N_("Something went wrong with it (%(why)s).")


def _state(text: str) -> SignatureState:
    """What a signature was worth when the message came: it is not checked again."""
    return text  # type: ignore[return-value]


def _describe(row: CapAlert, message: Message, decision: Decision) -> None:
    info = message.infos[decision.blocks[0]] if decision.blocks else (message.infos[0] if message.infos else None)
    row.sender, row.identifier, row.sent = message.sender, message.identifier, message.sent
    row.title = (info.headline or info.event if info else message.note)[:_MOST_TITLE]
    row.severity = info.severity if info else ""
    row.status, row.msg_type = message.status, message.msg_type
    row.action, row.handling, row.code = decision.action, decision.handling.name.lower(), decision.reason.code
    row.notes = stored.notes([decision.reason, *decision.remarks])
    row.counts, row.blocks, row.all_clear = decision.counts, list(decision.blocks), decision.all_clear
    row.starts_at, row.ends_at, row.again_at = decision.starts_at, decision.ends_at, decision.again_at
    row.message = stored.packed(message)
