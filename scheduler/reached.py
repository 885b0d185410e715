"""In which units a bulletin has been heard, for whoever sent it there."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, func, select

from registry.models import Unit
from scheduler.statistics_models import HeardBulletin


def heard_in(session: Session, bulletin_id: str, places: Sequence[Unit]) -> dict[str, datetime]:
    """When the bulletin was first heard at or below each of these units, where it was. One query."""
    rows = session.exec(
        select(Unit.path, func.min(HeardBulletin.first_at))
        .join(HeardBulletin, col(HeardBulletin.unit_id) == Unit.id)
        .where(HeardBulletin.bulletin_id == bulletin_id)
        .group_by(col(Unit.id), col(Unit.path))
    ).all()
    wanted = {unit.id for unit in places}
    found: dict[str, datetime] = {}
    for path, at in rows:
        for each in wanted.intersection(path.strip("/").split("/")):
            found[each] = min(found.get(each, at), at)
    return found
