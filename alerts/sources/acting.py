"""What becomes of a message once it has been decided on: on air, waiting for a person, listed; and what ends with it.

Where a message ends earlier ones and is itself to be decided on by a person, those stay on air until that person has:
silence would be worse than words that are a little old. Whatever the person decides, they end then.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from alerts import alarm_rules
from alerts.cap.chains import ender
from alerts.cap.deciding import Decision
from alerts.cap.message import Key, Message
from alerts.cap.remarks import Remark
from alerts.cap.trust import Handling
from alerts.sources import airing, attention, second, stored
from alerts.sources.aiming import ELSEWHERE, NOBODY, Aim, aim
from alerts.sources.airing import Desk, Spoken
from alerts.sources.memory import Remembered
from alerts.sources.models import CapAlert, CapSource
from core.errors import N_, LoaError
from registry.rights import Actor
from scheduler.models import Emergency

SETTLED = frozenset({"declined", "expired", "done"})
"""States that no later message changes."""

MOST_AN_HOUR = 20
"""Messages that one source may put on air by itself within an hour; with more, something is wrong."""

_SOON = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_RULE = Remark("rule", N_("By the rule of its source a person decides."))
_AREA = Remark("area", N_("Where it is meant to be heard is not clear; a person looks."))
_NOBODY_ANSWERS = Remark(
    "answers", N_("Whoever made the rule of this source may not raise alarms there (any more); a person decides.")
)
_CONFIRMED = Remark("confirm", N_("Emergencies there must be confirmed by a code or a second person."))
_TOO_MANY = Remark("too_many", N_("This source has put very many messages on air within an hour; a person decides."))
_HEARD = Remark("heard", N_("It is on air already, from another source."))
_LISTED = Remark("by_rule", N_("By the rule of its source it is only listed."))


def act(
    session: Session, desk: Desk, source: CapSource, known: Remembered, row: CapAlert, message: Message,
    decision: Decision, actor: Actor | None,
) -> None:  # fmt: skip
    """Carry out what was decided, in the caller's transaction; `actor` is who hands the message in, if a person does.

    Raises nothing for what a person lacks rights for: that waits for another.
    """
    answers = actor or airing.answering(session, source)
    ends = _ended(session, known, decision.stops, row) if decision.counts else []
    if decision.action == "cancel":
        _stop_or_wait(session, desk, row, answers, ends)
    elif decision.action == "ignore":
        _put_aside(session, desk, row, decision, answers, ends)
    else:
        _air(session, desk, source, row, message, decision, answers, ends)


def _ended(session: Session, known: Remembered, stops: Iterable[Key], but: CapAlert) -> list[str]:
    """Mark what no longer stands by whom it was ended; the emergencies that are to end with it.

    The mark follows from what is known, not from the order in which it came.
    """
    ids: list[str] = []
    for row in known.rows(stops):
        if row.id == but.id or row.state in SETTLED or row.sent is None:
            continue
        by = ender(Key(row.sender, row.identifier, row.sent), known)
        if by is None:
            continue
        row.state = "cancelled" if by.cancels else "superseded"
        ids += [*row.emergencies, *row.ends]
        second.call_off(session, row, but.seen_at)
        row.ends, row.doubts = [], False
        attention.calm(session, row, known_at=but.seen_at)
        session.add(row)
    session.flush()
    return list(dict.fromkeys(ids))


def _stop_or_wait(session: Session, desk: Desk, row: CapAlert, answers: Actor | None, ends: Sequence[str]) -> None:
    row.state, row.decided_at = "done", desk.now
    _end(session, desk, row, answers, ends)


def _end(session: Session, desk: Desk, row: CapAlert, answers: Actor | None, ends: Sequence[str]) -> bool:
    """End emergencies; where nobody with the right answers for that, a person is asked. False then."""
    if not ends:
        return True
    try:
        if answers is None:
            raise LoaError(_NOBODY_ANSWERS.message)
        with session.begin_nested():
            airing.stop(session, answers, ends, desk.now)
    except LoaError:
        row.ends = list(ends)
        wait(session, row, [_NOBODY_ANSWERS], desk.now)
        return False
    return True


def _put_aside(
    session: Session, desk: Desk, row: CapAlert, decision: Decision, answers: Actor | None, ends: Sequence[str]
) -> None:
    if decision.handling == Handling.PERSON:
        wait(session, row, [], desk.now)
        return
    row.state = row.code if row.code in ("cancelled", "superseded") else "ignored"
    _end(session, desk, row, answers, ends)


def _air(
    session: Session, desk: Desk, source: CapSource, row: CapAlert, message: Message, decision: Decision,
    answers: Actor | None, ends: Sequence[str],
) -> None:  # fmt: skip
    paths = airing.paths_of(session, source, answers)
    aimed = aim(message.infos, decision.blocks, desk.land, paths)
    spoken = airing.planned(message, aimed, desk.land, paths, all_clear=decision.all_clear)
    _note_aim(row, source, aimed, spoken, desk)
    why = _why_not_at_once(session, desk, source, row, decision, aimed)
    if decision.handling == Handling.LISTED or why in (NOBODY, ELSEWHERE, _HEARD):
        row.state = "listed"
        _say_more(row, [_LISTED if decision.handling == Handling.LISTED or why is None else why])
        _end(session, desk, row, answers, ends)
    elif why is not None:
        row.ends = list(ends)
        wait(session, row, [why], desk.now)
    elif decision.starts_at and decision.starts_at > desk.now + _SOON:
        row.state, row.ends = "coming", list(ends)
    else:
        row.ends = list(ends)
        _put_on_air(session, desk, source, row, message, spoken, answers)


def _note_aim(row: CapAlert, source: CapSource, aimed: Aim, spoken: Sequence[Spoken], desk: Desk) -> None:
    row.stations = len(aimed.stations)
    row.audience = sorted({name for each in spoken for name in each.names})
    if source.unit_id is None and spoken:
        row.unit_id = spoken[0].unit_id if len({each.unit_id for each in spoken}) == 1 else None
        row.unit_id = row.unit_id or _common(desk, aimed)
    _say_more(row, aimed.doubts)


def _common(desk: Desk, aimed: Aim) -> str | None:
    """The lowest unit that has all stations of a message; None where they have none in common."""
    roots = {desk.land.home[each].split("/")[1] for each in aimed.stations}
    return desk.land.lowest(aimed.stations, f"/{roots.pop()}/") if len(roots) == 1 else None


def _why_not_at_once(
    session: Session, desk: Desk, source: CapSource, row: CapAlert, decision: Decision, aimed: Aim
) -> Remark | None:
    """Why it does not go on air by itself; None when it does."""
    if not aimed.stations:
        if aimed.outside:
            return ELSEWHERE if source.unit_id is not None else _NOBODY_ANSWERS
        return _AREA if aimed.doubts and source.unknown_areas == "person" else NOBODY
    others = session.exec(select(CapAlert).where(CapAlert.key == row.key, CapAlert.state == "on_air")).all()
    if others and aimed.stations <= airing.heard_already(session, row, others):
        return _HEARD
    if aimed.vague:
        return _AREA
    if decision.handling != Handling.BY_ITSELF:
        return _RULE
    return _TOO_MANY if _is_flooded(session, source, desk.now) else None


def _is_flooded(session: Session, source: CapSource, now: datetime) -> bool:
    """Whether the source has put so much on air lately that a person should look."""
    lately = select(func.count()).select_from(CapAlert).where(
        CapAlert.source_id == source.id, col(CapAlert.decided_at) > now - _HOUR, CapAlert.decided_by == "",
        col(CapAlert.state).in_(("on_air", "superseded", "cancelled")), col(CapAlert.action) != "cancel",
    )  # fmt: skip
    return session.exec(lately).one() >= MOST_AN_HOUR


def _put_on_air(
    session: Session, desk: Desk, source: CapSource, row: CapAlert, message: Message, spoken: Sequence[Spoken],
    answers: Actor | None,
) -> None:  # fmt: skip
    """On air if whoever answers for it may; else a person is asked."""
    try:
        if answers is None:
            raise LoaError(_NOBODY_ANSWERS.message)
        with session.begin_nested():
            former = still_there(session, row.ends)
            alarms = airing.alarms_of(source, row, message, spoken, former)
            if source.kind == "person" and airing.rule_of(session, answers, alarms) != alarm_rules.USUAL:
                raise LoaError(_CONFIRMED.message)
            row.emergencies = airing.air(session, desk, answers, alarms, former)
    except LoaError as error:
        row.emergencies = []
        why = Remark("why", error.message, error.params)
        wait(session, row, [why] if error.message == _CONFIRMED.message else [_NOBODY_ANSWERS, why], desk.now)
        return
    row.state, row.decided_at = "on_air", desk.now
    row.doubts = _has_doubts(row)
    if row.doubts:
        attention.need(session, row, desk.now)
    session.add(row)


def still_there(session: Session, ids: Iterable[str]) -> list[str]:
    """Those of the emergencies that have not been stopped yet."""
    found = (session.get(Emergency, each) for each in ids)
    return [each.id for each in found if each is not None and each.stopped_at is None]


_DOUBTS = frozenset({"lost", "unknown_codes", "unclear_names", "unreadable", "unplaced", "rough", "no_area"})


def _has_doubts(row: CapAlert) -> bool:
    return any(each["code"] in _DOUBTS for each in row.notes)


def put_on_air_now(session: Session, desk: Desk, source: CapSource, row: CapAlert, message: Message) -> None:
    """A message that was to be heard from now on; if it is over by now it has expired."""
    answers = airing.answering(session, source)
    if row.ends_at is not None and row.ends_at <= desk.now:
        expire(session, desk, source, row)
        return
    paths = airing.paths_of(session, source, answers)
    aimed = aim(message.infos, row.blocks, desk.land, paths)
    _put_on_air(
        session, desk, source, row, message,
        airing.planned(message, aimed, desk.land, paths, all_clear=row.all_clear), answers,
    )  # fmt: skip
    session.add(row)


def expire(session: Session, desk: Desk, source: CapSource, row: CapAlert) -> None:
    """Its time is over: what is on air ends by itself, what waited waits no more, and what it held back ends.

    Where nobody with the right answers for that, the old ones end by their own time.
    """
    answers = airing.answering(session, source)
    held = still_there(session, row.ends if row.state in ("waiting", "coming") else [])
    if answers is not None and held:
        with suppress(LoaError), session.begin_nested():
            airing.stop(session, answers, held, desk.now)
    row.state, row.ends, row.doubts = "expired", [], False
    attention.calm(session, row, known_at=desk.now)
    session.add(row)


def wait(session: Session, row: CapAlert, why: Iterable[Remark], now: datetime) -> None:
    """Let a person decide; people are told."""
    row.state = "waiting"
    _say_more(row, why)
    attention.need(session, row, now)
    session.add(row)


def _say_more(row: CapAlert, remarks: Iterable[Remark]) -> None:
    row.notes = [*row.notes, *stored.notes(remarks)]
