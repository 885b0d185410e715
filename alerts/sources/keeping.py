"""What time alone brings: messages whose hour has come, those that are over, and those that nobody needs any more."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from alerts.sources import acting, second
from alerts.sources.airing import Desk
from alerts.sources.models import CapAlert, CapDocument, CapNaming, CapSource
from alerts.sources.taking import Taker

log = logging.getLogger(__name__)
KEPT = timedelta(days=90)
_MOST_A_ROUND = 100
_LIVING = ("on_air", "coming", "waiting", second.ASKED)


@dataclass(frozen=True)
class Keeper:
    """Looks after what was taken in."""

    taker: Taker

    def look(self, now: datetime) -> int:
        """Put on air what was to be heard from now on, look again at what came too early, end what is over. How many.

        Each in a transaction of its own; one that fails is tried again, and holds up no other.
        """
        with self.taker.database.read() as session:
            ended = self._ids().where(col(CapAlert.state).in_(_LIVING), col(CapAlert.ends_at) <= now)
            over = list(session.exec(ended).all())
            again = list(session.exec(self._ids().where(col(CapAlert.again_at) <= now)).all())
            begun = self._ids().where(CapAlert.state == "coming", col(CapAlert.starts_at) <= now)
            again += [each for each in session.exec(begun).all() if each not in over]
            asked = list(session.exec(self._ids().where(CapAlert.state == second.ASKED)).all())
        for identity in over:
            self._expire(identity, now)
        for identity in asked:
            with self.taker.database.write() as writing:
                row = writing.get(CapAlert, identity)
                if row is not None and row.state == second.ASKED:
                    second.follow(writing, row, now)
        for identity in dict.fromkeys(again):
            self.taker.again(identity, now)
        return len(over) + len(again)

    @staticmethod
    def _ids() -> SelectOfScalar[str]:
        return select(CapAlert.id).order_by(col(CapAlert.id)).limit(_MOST_A_ROUND)

    def _expire(self, identity: str, now: datetime) -> None:
        with self.taker.database.read() as session:
            land = self.taker.surveyor.land(session)
        with self.taker.database.write() as session:
            row = session.get(CapAlert, identity)
            if row is None or row.state not in _LIVING:
                return
            source = session.get_one(CapSource, row.source_id)
            acting.expire(session, Desk(self.taker.settings, self.taker.signer, land, now), source, row)

    def prune(self, now: datetime) -> None:
        """Forget what came, and ended, three months ago: by then it has expired wherever it comes from again."""
        limit = now - KEPT
        with self.taker.database.write() as session:
            session.execute(
                delete(CapAlert).where(
                    col(CapAlert.seen_at) < limit, col(CapAlert.state).not_in(_LIVING),
                    col(CapAlert.ends_at).is_(None) | (col(CapAlert.ends_at) < limit),
                )
            )  # fmt: skip
            session.execute(delete(CapNaming).where(col(CapNaming.by_sent) < limit))
            held = exists().where(col(CapAlert.document) == CapDocument.sha256)
            session.execute(delete(CapDocument).where(col(CapDocument.received_at) < limit, ~held))
