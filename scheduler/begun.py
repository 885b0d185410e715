"""Whether something has begun to sound since an instant."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from scheduler.models import Airing

_MOST = 1_000
_LONGEST = timedelta(minutes=5)


def has_begun(session: Session, bulletin_id: str, since: datetime, now: datetime) -> bool:
    """Whether a signed airing with the bulletin in it began after `since` (at most five minutes back). One query."""
    since = max(since, now - _LONGEST)
    rows = session.exec(
        select(Airing.items)
        .where(
            col(Airing.starts_at) > since, col(Airing.starts_at) <= now, Airing.ticket != "",
            Airing.state != "withdrawn",
        )
        .limit(_MOST)
    ).all()  # fmt: skip
    return any(item.get("bulletin") == bulletin_id for items in rows for item in items)
