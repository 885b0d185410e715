"""What a worker does for emergencies besides making their audio: signing them, and taking over from the dead.

Beside the worker that does everything, an installation runs one that does nothing else: no planning and no long
recording is ever before an emergency, and it has a processor's share of its own. The other stands back for a moment.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from audio import queue
from audio.models import RENDERING, Clip
from core.database import Database
from core.signing import Signer
from scheduler import alarm_sounds, emergencies, jobs, troubles
from scheduler.models import Airing, Emergency

# So long a worker leaves emergencies to the one that does nothing else, where there is one.
STANDS_BACK = timedelta(seconds=1.5)
LANES = 2  # what is said, and the words and the signal before it


class Urgency:
    """Looks for one worker. `alarms_wait` and `others_render` hold what the last look found, and are true before it."""

    def __init__(self, database: Database, signer: Signer, holder: str) -> None:
        self._database, self._signer, self._holder = database, signer, holder
        self.alarms_wait = self.others_render = True

    def sign(self, now: datetime, raised_by: datetime) -> int:
        """Sign emergencies whose audio is ready if one waits since `raised_by` or longer; how many are settled."""
        waits = (col(Airing.state) == "planned") & col(Airing.kind).in_(emergencies.KINDS)
        with self._database.read() as session:
            first = session.exec(select(func.min(Airing.created_at)).where(waits)).one()
            self.alarms_wait = first is not None
            if first is None or raised_by < first <= now:  # one of a clock that was ahead is not left to anybody
                return 0
            if not any(_is_settled(session, each, now) for each in session.exec(select(Airing.id).where(waits)).all()):
                return 0
        with self._database.write(urgent=True) as session:
            return emergencies.issue_ready(session, self._signer, now)

    def rescue(self, now: datetime) -> int:
        """Give back what a worker that is no more was making for an emergency: at once, not when its claim runs out."""
        of_others = col(Clip.urgent).is_(True) & (col(Clip.state) == RENDERING) & (col(Clip.claimed_by) != self._holder)
        with self._database.read() as session:
            holders = {each for each in session.exec(select(Clip.claimed_by).where(of_others).distinct()).all() if each}
        self.others_render = bool(holders)
        dead = self._dead(holders)
        if not dead:
            return 0
        with self._database.write(urgent=True) as session:
            return sum(queue.release_dead(session, each, now) for each in dead)

    def release_the_dead(self, now: datetime) -> None:
        """Give back all clips and jobs claimed by a process of this machine that is no more."""
        with self._database.write(urgent=True) as session:
            holders = set(session.exec(select(Clip.claimed_by).where(Clip.state == RENDERING).distinct()).all())
            for each in self._dead({each for each in holders if each} | jobs.holders(session)):
                queue.release_dead(session, each, now)
                jobs.release_holder(session, each)

    def _dead(self, holders: Iterable[str]) -> list[str]:
        host = self._holder.split("/")[0]
        return sorted(each for each in holders if each.split("/")[0] == host and not jobs.alive(each))


def _is_settled(session: Session, airing_id: str, now: datetime) -> bool:
    """Whether signing would change something about it: a look that takes no lock. What can't be read is settled."""
    try:
        airing = session.get_one(Airing, airing_id)
        emergency = session.get(Emergency, airing.emergency_id) if airing.emergency_id else None
        return emergency is None or airing.ends_at <= now or not alarm_sounds.unsettled(session, emergency, airing, now)
    except troubles.PASSING:
        raise
    except Exception:  # noqa: BLE001 - who signs finds out what is wrong with it, and says so
        return True
