"""Offering our own emergencies: each written down once as a message, and from then on the same for ever.

What came from another system is not offered again: two installations that take each other's alerts would never end.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from alerts.offering import gathering, signing
from alerts.offering.writing import Offer, written
from alerts.sources.models import CapPublished
from core import audit, changes
from core.database import Database
from core.errors import LoaError
from core.settings import Settings
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler.models import Emergency

log = logging.getLogger(__name__)
LOOKS_BACK = timedelta(days=2)
MOST_LISTED = 200
_MOST_A_ROUND = 50
_TAKEN_FROM_OTHERS = "cap:%"


@dataclass(frozen=True)
class Publisher:
    """Writes down what is new."""

    database: Database
    settings: Settings

    def publish(self, now: datetime) -> int:
        """Write messages for emergencies that were raised, replaced or stopped; how many. Twice adds nothing."""
        with self.database.read() as session:
            if not _anybody_public(session) or not (_fresh(session, now) or _stopped(session, now)):
                return 0
        with self.database.write() as session:
            made = 0
            for emergency in _fresh(session, now):
                chain = _chain(session, emergency)
                if chain and gathering.is_public(chain):
                    self._store(session, emergency, gathering.alert(session, emergency, chain, self.settings), now)
                    made += 1
            for emergency, before in _stopped(session, now):
                chain = _chain(session, emergency)
                if chain:
                    self._store(session, emergency, gathering.cancel(before, emergency, chain, self.settings), now)
                    made += 1
        return made

    def _store(self, session: Session, emergency: Emergency, offer: Offer, now: datetime) -> None:
        content = written(offer)
        try:
            content = signing.signed(content, self.settings)
        except LoaError as error:  # unsigned words are better than none
            log.error("an alert is offered without its signature: %s", error)  # noqa: TRY400 - said in a sentence
        session.add(
            CapPublished(
                id=offer.key.identifier, emergency_id=emergency.id, unit_id=emergency.unit_id, msg_type=offer.msg_type,
                title=emergency.title[:300], sender=offer.key.sender, identifier=offer.key.identifier,
                sent=offer.key.sent, expires_at=max(offer.expires, now), content=content.decode(),
            )
        )  # fmt: skip
        session.flush()


def open_feed(session: Session, actor: Actor, unit: Unit, public: bool | None, now: datetime) -> None:
    """Offer emergencies of this unit and those below to everybody, or not; None takes over from above. Audited."""
    actor.require(Permission.ADMINISTER, unit)
    unit.public_alerts = public
    session.add(unit)
    audit.record(
        session, actor=actor.username, action="unit.alerts", subject=unit.id, unit_id=unit.id, now=now, public=public
    )
    changes.announce(session, "registry", [f"unit:{unit.id}"], now)


def offered(session: Session, now: datetime) -> list[CapPublished]:
    """What holds now and is offered to everybody, the newest first."""
    rows = session.exec(
        select(CapPublished)
        .where(col(CapPublished.expires_at) > now)
        .order_by(col(CapPublished.sent).desc(), col(CapPublished.id).desc())
        .limit(MOST_LISTED)
    ).all()
    above = units.with_those_above(session, {row.unit_id for row in rows})
    return [row for row in rows if _is_open(above, row.unit_id)]


def one(session: Session, identity: str) -> CapPublished | None:
    """A message that is offered to everybody, by its address, also when it is over."""
    row = session.get(CapPublished, identity)
    return row if row and _is_open(units.with_those_above(session, {row.unit_id}), row.unit_id) else None


def _is_open(known: dict[str, Unit], unit_id: str) -> bool:
    unit = known.get(unit_id)
    return unit is not None and gathering.is_public(known[each] for each in unit.path.strip("/").split("/"))


def _anybody_public(session: Session) -> bool:
    return session.exec(select(Unit.id).where(col(Unit.public_alerts).is_(True)).limit(1)).first() is not None


def _fresh(session: Session, now: datetime) -> list[Emergency]:
    """Emergencies of these days that were not written down, the first raised first."""
    there = exists().where(col(CapPublished.emergency_id) == Emergency.id)
    query = select(Emergency).where(
        col(Emergency.raised_at) > now - LOOKS_BACK, ~there, col(Emergency.source).not_like(_TAKEN_FROM_OTHERS),
        col(Emergency.stopped_at).is_(None),
    )  # fmt: skip
    return list(session.exec(query.order_by(col(Emergency.raised_at), col(Emergency.id)).limit(_MOST_A_ROUND)).all())


def _stopped(session: Session, now: datetime) -> list[tuple[Emergency, CapPublished]]:
    """Those that others were told of and that were stopped, not replaced, without their being told of that."""
    cancelled = aliased(CapPublished)
    rows = session.exec(
        select(Emergency, CapPublished)
        .join(CapPublished, col(CapPublished.emergency_id) == Emergency.id)
        .where(
            col(Emergency.stopped_at) > now - LOOKS_BACK, col(CapPublished.msg_type) != "Cancel",
            ~exists().where(col(cancelled.emergency_id) == Emergency.id, col(cancelled.msg_type) == "Cancel"),
        )
        .limit(_MOST_A_ROUND)
    ).all()  # fmt: skip
    replaced = _replaced(session, now)
    return [(emergency, before) for emergency, before in rows if emergency.id not in replaced]


def _replaced(session: Session, now: datetime) -> set[str]:
    """Emergencies that an Update has taken the place of."""
    rows = session.exec(
        select(Emergency.replaces)
        .join(CapPublished, col(CapPublished.emergency_id) == Emergency.id)
        .where(col(CapPublished.msg_type) == "Update", col(Emergency.raised_at) > now - 2 * LOOKS_BACK)
    ).all()
    return {identity for names in rows for identity in names}


def _chain(session: Session, emergency: Emergency) -> list[Unit]:
    unit = session.get(Unit, emergency.unit_id)
    return units.ancestors(session, unit) if unit else []
