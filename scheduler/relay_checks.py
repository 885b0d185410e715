"""Listening to relays before they go on air, so that somebody can act while there is time.

Every relay that begins within a quarter of an hour is probed, at most every five minutes. What was found is noted with
its address; where nothing usable comes, the units that relay it see a trouble until it does: meanwhile it is probed
every half hour, as long as a programme names it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from audio.relays import looking, pull
from audio.relays.pull import Probed
from core.database import Database
from core.errors import LoaError
from core.outside import Outside
from playlists import relays
from playlists.models import ProgrammeItem, RelaySource
from scheduler import troubles
from scheduler.models import Airing

log = logging.getLogger(__name__)
AHEAD = timedelta(minutes=15)
AGAIN = timedelta(minutes=5)
AGAIN_WHILE_DOWN = timedelta(minutes=30)
AT_ONCE = 2
PATIENCE_SECONDS = 40.0
_MOST_A_ROUND = 4
_MOST_AIRINGS = 20_000
_MOST_UNITS = 50  # of one relay: who sees the units above sees it by one of them
_BATCH = 500
Probe = Callable[[str], Probed]


@dataclass
class Coming:
    """A relay that begins soon or is on air: when it first does, and the units whose airings it is in."""

    url: str
    begins: datetime
    units: set[str] = field(default_factory=set)


def any_relays(session: Session) -> bool:
    """Whether any programme has a relay; most installations have none, and then nothing more is asked."""
    return session.exec(select(ProgrammeItem.id).where(ProgrammeItem.kind == "relay").limit(1)).first() is not None


def coming(session: Session, now: datetime) -> list[Coming]:
    """The relays that begin within `AHEAD`, or are on air, the first to begin first."""
    query = columns(Airing.unit_id, Airing.starts_at, Airing.items).where(  # type: ignore[call-overload]
        col(Airing.state).in_(("issued", "on_air")), col(Airing.starts_at) <= now + AHEAD, col(Airing.ends_at) > now
    )
    found: dict[str, Coming] = {}
    for unit_id, starts_at, items in session.execute(query.limit(_MOST_AIRINGS).execution_options(yield_per=_BATCH)):
        for item in items:
            begins = starts_at + timedelta(seconds=float(item["at"]))
            ends = begins + timedelta(seconds=float(item["seconds"]))
            if item.get("source") and begins <= now + AHEAD and now < ends:
                one = found.setdefault(item["source"], Coming(item["source"], begins))
                one.begins = min(one.begins, begins)
                one.units.add(unit_id)
    return sorted(found.values(), key=lambda each: (each.begins, each.url))


def check(database: Database, outside: Outside, now: datetime, probe: Probe | None = None) -> int:
    """Probe what is due, two at once and each for a bounded time; note it, raise and clear troubles. How many."""
    with database.read() as session:
        if not any_relays(session) and not troubles.subjects(session, "relay"):
            return 0
        soon = coming(session, now)
        known = relays.known(session, [each.url for each in soon])
        standing = troubles.subjects(session, "relay")
        due = [each for each in soon if _is_due(known.get(each.url), now, AGAIN)]
        waiting, stale = _down(session, standing, {each.url for each in soon}, now)
    due = [*due, *waiting][:_MOST_A_ROUND]
    answers = _all_probed([each.url for each in due], probe or partial(pull.probe, outside))
    if due or stale:
        with database.write() as session:
            for each, answer in zip(due, answers, strict=True):
                _note(session, each, answer, standing, now)
            troubles.clear(session, "relay", stale, now)
    return len(due)


def _is_due(row: RelaySource | None, now: datetime, every: timedelta) -> bool:
    # A mark that lies ahead is of a clock that was.
    return row is not None and (row.checked_at is None or not now - every < row.checked_at <= now)


def _down(session: Session, standing: set[str], soon: set[str], now: datetime) -> tuple[list[Coming], list[str]]:
    """Of the standing troubles: relays that are to be probed though they don't begin soon, and what nobody relays."""
    found: dict[str, Coming] = {}
    stale: list[str] = []
    for subject in sorted(standing):
        identity, _, unit_id = subject.partition("@")
        row = session.get(RelaySource, identity)
        named = row is not None and session.exec(select(ProgrammeItem.id).where(ProgrammeItem.relay == row.url)).first()
        if row is None or (not named and row.url not in soon):
            stale.append(subject)
        elif row.url not in soon and _is_due(row, now, AGAIN_WHILE_DOWN):
            found.setdefault(row.url, Coming(row.url, now)).units.add(unit_id)
    return list(found.values()), stale


def _all_probed(urls: Sequence[str], probe: Probe) -> list[Probed | str]:
    """What was found behind each address, or why nothing; one that doesn't answer in time is left to its own end."""
    found: list[Probed | str] = []
    for start in range(0, len(urls), AT_ONCE):
        begun = [_begun(url, probe) for url in urls[start : start + AT_ONCE]]
        found += [_answer(each) for each in begun]
    return found


def _begun(url: str, probe: Probe) -> Future[Probed]:
    answer: Future[Probed] = Future()

    def work() -> None:
        try:
            answer.set_result(probe(url))
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            answer.set_exception(error)

    threading.Thread(target=work, name="relay-probe", daemon=True).start()
    return answer


def _answer(begun: Future[Probed]) -> Probed | str:
    try:
        return begun.result(PATIENCE_SECONDS)
    except NotInTime:
        return f"nothing usable came within {PATIENCE_SECONDS:.0f} s"
    except LoaError as error:
        return str(error)
    except Exception as error:
        log.exception("a relay could not be probed")
        return troubles.describe(error)


def _note(session: Session, one: Coming, answer: Probed | str, standing: set[str], now: datetime) -> None:
    row = session.get(RelaySource, relays.id_of(one.url))
    if row is None:
        return
    if isinstance(answer, Probed):
        row.kind, row.state = looking.kind_of(answer.by, answer.demuxer), "silent" if answer.is_silent else "up"
        row.why, row.name = "", (answer.title or row.name)[:120]
    else:
        row.state, row.why = "down", answer[:300]
    row.checked_at = row.noted_at = now
    session.add(row)
    if row.state == "up":
        troubles.clear(session, "relay", [each for each in standing if each.startswith(row.id)], now)
        return
    for unit_id in sorted(one.units)[:_MOST_UNITS]:
        what = f"{one.url}: {row.why or 'silence'}"
        troubles.report(session, "relay", f"{row.id}@{unit_id}", what, now, unit_id)
