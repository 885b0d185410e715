"""The books after the battle: what must be true in the tables, whoever was killed when."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from posts import SKIP_TOLERANCE, Post
from sqlmodel import Session, col, select

from audio.models import Clip
from core import audit
from scheduler import audience, emergencies, reports, series
from scheduler.models import Airing, AiringOutcome, Emergency, JobState, PlayReport, Slot
from scheduler.series import occurring

OUTCOMES = {"played", "partial", "missed", "refused"}


def faults(
    session: Session, posts: Iterable[Post], begin: datetime, end: datetime, living: Iterable[int] = ()
) -> list[str]:
    """Everything that is not as it must be, once all that began within [begin, end) is over and accounted for."""
    airings = session.exec(select(Airing).where(col(Airing.starts_at) < end)).all()
    every = [
        *_lost(session, begin, end), *_doubled(airings), *_signed_too_late(session, airings), *_not_ended(airings),
        *_unaccounted(session, [each for each in airings if each.state != "withdrawn"], list(posts)),
        *_sounded_twice(posts), *_left_behind(session, {str(pid) for pid in living}),
    ]  # fmt: skip
    broken = audit.verify(session)
    return [*every, *([f"the audit chain is broken at {broken}"] if broken is not None else [])]


def _lost(session: Session, begin: datetime, end: datetime) -> Iterator[str]:
    """Every occurrence that stood when its time came has an airing that was signed, or says why not."""
    for slot in session.exec(select(Slot)).all():
        until = min(end, slot.withdrawn_at or end)
        for occurrence in occurring(series.one(session, slot), max(begin, slot.created_at), until):
            query = select(Airing).where(Airing.slot_id == slot.id, Airing.occurrence_at == occurrence.at)
            found = session.exec(query).all()
            if not found:
                yield f"{slot.id} at {occurrence.at} has no airing"
            elif not any(each.ticket or each.reason for each in found):
                yield f"{slot.id} at {occurrence.at} was not signed, for no reason"


def _doubled(airings: Iterable[Airing]) -> Iterator[str]:
    living = Counter((a.slot_id, a.occurrence_at, a.variant) for a in airings if a.slot_id and a.state != "withdrawn")
    yield from (f"{key} has {number} living airings" for key, number in living.items() if number > 1)
    alarms = Counter(a.emergency_id for a in airings if a.emergency_id)
    yield from (f"{key} has {number} airings" for key, number in alarms.items() if number > 1)


def _signed_too_late(session: Session, airings: Iterable[Airing]) -> Iterator[str]:
    raised = dict(session.exec(select(Emergency.id, Emergency.raised_at)).all())
    for each in airings:
        if each.issued_at is None:
            continue
        latest = {
            "skip": each.starts_at + SKIP_TOLERANCE, "join": each.ends_at, "play": each.not_after,
        }[each.late]  # fmt: skip
        if each.emergency_id:
            latest = raised[each.emergency_id] + emergencies.HOLDS
        if each.issued_at > latest:
            yield f"{each.id} ({each.late}) of {each.starts_at} was signed at {each.issued_at}"


def _not_ended(airings: Iterable[Airing]) -> Iterator[str]:
    for each in airings:
        if each.state not in {"over", "failed", "withdrawn"}:
            yield f"{each.id} of {each.starts_at} is still {each.state} ({each.reason})"
        if each.state in {"failed", "withdrawn"} and not each.reason:
            yield f"{each.id} is {each.state} for no reason"


def _unaccounted(session: Session, airings: Iterable[Airing], posts: list[Post]) -> Iterator[str]:
    """Each airing has one outcome at each of its stations, with a reason, as the station's reports have it."""
    said: dict[tuple[str, str], list[PlayReport]] = {}
    for report in session.exec(select(PlayReport)).all():
        said.setdefault((report.airing_id, report.station_id), []).append(report)
    known = {post.id for post in posts}
    for airing in airings:
        planned = sum(item["seconds"] for item in airing.items)
        for station in audience.station_ids(session, airing.audience) & known:
            outcome = session.get(AiringOutcome, (airing.id, station))
            if outcome is None or airing.reconciled_at is None:
                yield f"{airing.id} ({airing.state}) has no outcome at {station}"
                continue
            if outcome.outcome not in OUTCOMES or (outcome.outcome != "played" and not outcome.reason):
                yield f"{airing.id} at {station}: {outcome.outcome} for no reason"
            expected = reports.judge(said.get((airing.id, station), []), len(airing.items), planned)
            if airing.state == "failed":
                expected = ("missed", airing.reason, 0.0)
            if (outcome.outcome, outcome.reason) != expected[:2] or abs(outcome.played_seconds - expected[2]) > 0.01:
                yield f"{airing.id} at {station}: {outcome.outcome} {outcome.reason}, reported was {expected}"
    told = {report.id for post in posts for report in post.told}
    kept = set(session.exec(select(PlayReport.id)).all())
    if told - kept:
        yield f"{len(told - kept)} reports were taken and lost"


def _sounded_twice(posts: Iterable[Post]) -> Iterator[str]:
    for post in posts:
        yield from (f"{same} sounded at {post.id} as {ids}" for same, ids in post.began.items() if len(set(ids)) > 1)


def _left_behind(session: Session, living: set[str]) -> Iterator[str]:
    for clip in session.exec(select(Clip).where(col(Clip.state).in_(("queued", "rendering")))).all():
        yield f"{clip.id} is still {clip.state}, held by {clip.claimed_by}"
    for clip in session.exec(select(Clip).where(Clip.state != "ready", Clip.state != "failed")).all():
        yield f"{clip.id} is {clip.state}"
    for job in session.exec(select(JobState).where(col(JobState.holder).is_not(None))).all():
        if (job.holder or "").split("/")[1] not in living:
            yield f"{job.name} is still held by {job.holder}"


def signed_in_time(session: Session, slot_ids: Iterable[str], begin: datetime, end: datetime) -> tuple[int, list[str]]:
    """How many airings of these slots were to begin within [begin, end), and which were not signed before."""
    query = select(Airing).where(
        col(Airing.slot_id).in_(list(slot_ids)), col(Airing.starts_at) >= begin, col(Airing.starts_at) < end,
        Airing.state != "withdrawn",
    )  # fmt: skip
    rows = session.exec(query).all()
    late = [a.id for a in rows if a.issued_at is None or a.issued_at > a.starts_at]
    return len(rows), late
