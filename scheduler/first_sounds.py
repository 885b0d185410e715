"""What stations say while something urgent sounds: when it began there. Known long before their reports come."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, func, select

from core.wire import Heartbeat
from scheduler.models import Airing
from scheduler.sound_models import FirstSound

URGENT = ("emergency", "live", "test")
_CHUNK = 400
# A corrected clock is right to some tenths of a second; what tells more than that of the future tells nothing.
_AHEAD = timedelta(seconds=2)


def note(session: Session, beats: Sequence[tuple[str, Heartbeat]], now: datetime) -> int:
    """Keep when what these stations play began, once for each urgent airing; of several instants the earliest.

    One query more than ordinary heartbeats need, and none while nothing is on air; returns how many stations sound
    something urgent. Saying it again changes nothing.
    """
    playing = {(beat.playing, station_id): beat for station_id, beat in beats if beat.playing}
    if not playing:
        return 0
    airings = sorted({airing for airing, _ in playing})
    since: dict[str, datetime] = {}
    for start in range(0, len(airings), _CHUNK):
        query = select(Airing.id, Airing.created_at, Airing.starts_at).where(
            col(Airing.id).in_(airings[start : start + _CHUNK]), col(Airing.kind).in_(URGENT)
        )
        # What began at a station itself was known here only later.
        since.update((airing, min(made, starts)) for airing, made, starts in session.exec(query).all())
    rows = [
        {
            "airing_id": airing, "station_id": station_id, "noted_at": now,
            "began_at": _believed(beat.playing_since, since[airing], now),
        }
        for (airing, station_id), beat in sorted(playing.items(), key=lambda each: each[0]) if airing in since
    ]  # fmt: skip
    if not rows:
        return 0
    is_postgres = session.get_bind().dialect.name == "postgresql"
    statement = (postgresql.insert if is_postgres else sqlite.insert)(FirstSound.__table__)  # type: ignore[attr-defined]
    told = statement.excluded["began_at"]
    earliest = func.least(FirstSound.began_at, told) if is_postgres else func.min(FirstSound.began_at, told)
    session.execute(
        statement.on_conflict_do_update(index_elements=["airing_id", "station_id"], set_={"began_at": earliest}), rows
    )
    return len(rows)


def _believed(told: datetime | None, made_at: datetime, now: datetime) -> datetime:
    """The instant that a station told, where it can be: else the present one, by which it sounded."""
    if told is None or told < made_at or told > now + _AHEAD:
        return now
    return told
