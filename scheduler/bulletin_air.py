"""A bulletin on air in one step: the programme “just this bulletin”, its slots, and the submission, all or nothing.

Who may schedule arranges at once: the slot is there, and stays silent until the bulletin is approved. Who may only
write says what they wish; it is carried out when somebody who may schedule approves. “As soon as can be” always waits
for the approval: only then it is known when that is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, Conflict, InvalidInput, LoaError, NotFound
from core.ids import new_id
from playlists import appending, bulletins, offers, programmes, there
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem
from playlists.offered import TAKEN
from playlists.programmes import Entry
from playlists.there import There
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import air_asking, bulletin_check, slots
from scheduler.air_asking import Asked, When
from scheduler.air_models import AirWishRow
from scheduler.arranged import MAX_SHOWN, OPEN, AirWish, rows_of, wanted
from scheduler.editing import Rules

__all__ = [
    "AirWish",
    "Asked",
    "Sent",
    "When",
    "arrange",
    "ask",
    "carry_out",
    "drop",
    "put_back",
    "send",
    "take_back",
    "wanted",
]

_NAMED = 12


@dataclass(frozen=True)
class Sent:
    """What a request came to: the slots that were made, the wish that waits, whether it was submitted just now."""

    row: str
    slots: tuple[str, ...] = ()
    waits: bool = False
    submitted: bool = False
    problem: LoaError | None = None


def send(
    session: Session, actor: Actor, bulletin_id: str, asked: Asked, rules: Rules, now: datetime, *,
    submit: bool = True, at: str | None = None,
) -> Sent:  # fmt: skip
    """Arrange it, or keep the wish where the actor may only write; with `submit` hand in a draft, all or nothing.

    What was sent to the unit `at` (`playlists.there.find`) is taken with it by who may; for others it is a wish that
    waits until it is taken. Raises InvalidInput, Conflict (clash, limits, audio that could not be made), NotFound,
    Forbidden.
    """
    here = there.find(session, actor, bulletin_id, at)
    unit, version = here.unit, here.version
    if version.state == "withdrawn":
        raise Conflict(N_("This bulletin is withdrawn for good."))
    may = actor.may(Permission.SCHEDULE, unit)
    if not may:
        actor.require(Permission.WRITE, unit)
    if may and here.target is not None and not here.taken and there.may_take(session, actor, here):
        offers.take(session, actor, here.target.offer_id, unit.id, None, now)
    approved = version.state == "approved"
    if may and here.taken and (approved or not asked.soon):
        sent = arrange(session, actor, bulletin_id, asked, rules, now, at=here.sent_to)
    else:
        sent = ask(session, actor, bulletin_id, asked, rules, now, at=here.sent_to)
    submitted = submit and here.target is None and version.state == "draft" and actor.may(Permission.WRITE, unit)
    if submitted:
        bulletins.submit(session, actor, bulletin_id, now)
    return Sent(sent.row, sent.slots, sent.waits, submitted)


def arrange(
    session: Session, actor: Actor, bulletin_id: str, asked: Asked, rules: Rules, now: datetime, *,
    at: str | None = None,
) -> Sent:  # fmt: skip
    """Make the programme “just this bulletin” and a slot for each time, or put it into the programme of a slot.

    The slots are there at once; nothing sounds before the approval. Raises as `slots.create` does; Conflict where it
    was sent to the unit and not taken yet.
    """
    here = there.find(session, actor, bulletin_id, at)
    row = _row(actor, here, asked, rules, now)
    session.add(row)
    session.flush()
    _carry(session, actor, row, here, now)
    return Sent(row.id, tuple(row.slots))


def ask(
    session: Session, actor: Actor, bulletin_id: str, asked: Asked, rules: Rules, now: datetime, *,
    at: str | None = None,
) -> Sent:  # fmt: skip
    """Keep the wish until it can be carried out; a former one that waits is forgotten. It has to make sense now.

    Raises as `bulletin_check.look`, Conflict or InvalidInput for what would not be taken.
    """
    here = there.find(session, actor, bulletin_id, at)
    bulletin, unit = here.bulletin, here.unit
    looked = bulletin_check.look(session, actor, bulletin_id, asked, rules, now, at=here.sent_to)
    if looked.hopeless:
        raise Conflict(
            N_("Something else is on air there at that time. Choose another time."), fields={"when": "clash"}
        )
    if looked.limits:
        raise InvalidInput(
            N_("The limits of the place do not allow that time. Choose another time."), fields={"when": "limits"}
        )
    for former in rows_of(session, here, OPEN):
        former.state = "taken_back"
        session.add(former)
    row = _row(actor, here, asked, rules, now)
    session.add(row)
    session.flush()
    audit.record(
        session, actor=actor.username, action="bulletin.air_wish", subject=bulletin.id, unit_id=unit.id, now=now,
        **_noted(asked),
    )  # fmt: skip
    return Sent(row.id, waits=True)


def carry_out(session: Session, actor: Actor, bulletin_id: str, now: datetime, *, at: str | None = None) -> list[Sent]:
    """After an approval, or once a unit took what was sent to it: arrange what was wished for the bulletin there.

    As far as the actor may schedule there. What can't be done any more (the time is past, something else came first)
    is kept with its reason and undoes nothing of the approval. A version that is not approved yet, or not by enough
    people, leaves everything waiting.
    """
    here = there.find(session, actor, bulletin_id, at)
    if here.version.state != "approved" or not here.taken or not actor.may(Permission.SCHEDULE, here.unit):
        return []
    done: list[Sent] = []
    for row in rows_of(session, here, OPEN):
        try:
            with session.begin_nested():
                _carry(session, actor, row, here, now)
        except LoaError as error:
            row.state, row.reason, row.reason_params = "failed", error.message[:500], _plain(error.params)
            row.done_by, row.done_at = actor.id, now
            session.add(row)
            done.append(Sent(row.id, problem=error))
        else:
            done.append(Sent(row.id, tuple(row.slots)))
    session.flush()
    return done


def put_back(session: Session, actor: Actor, bulletin_id: str, since: datetime, now: datetime) -> int:
    """After an approval given at `since` was taken back: what it carried out waits again; how many requests.

    What somebody who may schedule had put on the timetable before stays there, silent until the next approval.
    """
    here = there.find(session, actor, bulletin_id)
    rows = [
        row for row in rows_of(session, here, ("arranged", "failed"))
        if row.wanted_at < since and row.done_at is not None and row.done_at >= since
    ]  # fmt: skip
    for row in rows:
        _unmake(session, actor, row, now)
        row.state, row.reason, row.reason_params, row.slots, row.joined = "waiting", "", {}, [], None
        row.done_by, row.done_at = None, None
        session.add(row)
    session.flush()
    if rows:
        audit.record(
            session, actor=actor.username, action="bulletin.air_put_back", subject=bulletin_id, unit_id=here.unit.id,
            now=now, count=len(rows),
        )  # fmt: skip
    return len(rows)


def _unmake(session: Session, actor: Actor, row: AirWishRow, now: datetime) -> list[str]:
    """Take off the timetable what came of a request; the programmes it was in."""
    left = [row.joined] if row.joined else []
    for name in row.slots:
        slot, _ = slots.find(session, actor, name)
        left.append(slot.programme_id)
        if slot.withdrawn_at is None:
            slots.withdraw(session, actor, slot.id, now)
    if row.joined:
        appending.take_out(session, actor, row.joined, row.bulletin_id, now)
    return left


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, int | float) else str(value)[:200] for name, value in params.items()}


def _row(actor: Actor, here: There, asked: Asked, rules: Rules, now: datetime) -> AirWishRow:
    return AirWishRow(
        id=new_id("aw"), bulletin_id=here.bulletin.id, unit_id=here.sent_to, wanted=air_asking.written(asked, rules),
        wanted_by=actor.id, wanted_at=now,
    )  # fmt: skip


def _carry(session: Session, actor: Actor, row: AirWishRow, here: There, now: datetime) -> None:
    """Do what a request says, with the actor's rights."""
    bulletin, unit, version = here.bulletin, here.unit, here.version
    actor.require(Permission.SCHEDULE, unit)
    if not here.taken:
        raise Conflict(N_("It has to be taken first, by somebody who may approve here."), code="not_taken")
    kept = air_asking.read(row.wanted)
    asked, rules = kept.asked, kept.rules
    if asked.join:
        slot, _ = slots.find(session, actor, asked.join)
        meant = bulletin_check.imagined(session, here)
        looked = bulletin_check.look(session, actor, bulletin.id, asked, rules, now, at=here.sent_to)
        bulletin_check.joined(session, actor, slot.id, meant, now)
        if not looked.good:
            raise Conflict(
                N_("With it, “%(title)s” would take too long there. Choose another programme, or a time of its own."),
                title=looked.joined, fields={"when": "join"},
            )  # fmt: skip
        row.joined = appending.append(session, actor, slot.programme_id, bulletin.id, now).id
        _noted_at(session, here, row.joined)
    else:
        bulletin_check.keep_within(session, actor, here, asked)
        if asked.soon:
            meant = bulletin_check.imagined(session, here)
            wanted_at, at = bulletin_check.soonest(session, actor, asked, meant, rules, now)
            times = (When(bulletin_check.local_text(at, wanted_at.zone)),)
            asked = Asked(asked.audience, times, lift=asked.lift)
        programme = _alone(session, actor, unit, bulletin, version, now)
        made = [
            slots.create(session, actor, wish, default_zone=rules.default_zone, now=now)[0].id
            for wish in asked.wishes(programme.id)
        ]
        row.slots = made
        _noted_at(session, here, programme.id)
    row.state, row.reason, row.done_by, row.done_at = "arranged", "", actor.id, now
    session.add(row)
    session.flush()
    audit.record(
        session, actor=actor.username, action="bulletin.arrange", subject=bulletin.id, unit_id=unit.id, now=now,
        slots=row.slots, **_noted(asked),
    )  # fmt: skip


def _noted_at(session: Session, here: There, programme_id: str) -> None:
    """Let the offer say which programme has it now; one in line keeps the place it has by itself."""
    if here.target is not None and here.target.state == TAKEN:
        here.target.programme_id = programme_id
        session.add(here.target)


def _freed(session: Session, here: There, programme_ids: Sequence[str]) -> None:
    """Let the offer say that no programme has it any more, so that it can still be declined."""
    if here.target is not None and here.target.state == TAKEN and here.target.programme_id in programme_ids:
        here.target.programme_id = None
        session.add(here.target)


def _noted(asked: Asked) -> dict[str, Any]:
    """What the audit log keeps of a request."""
    kept = {
        "audience": list(asked.audience)[:_NAMED], "soon": asked.soon, "join": asked.join,
        "times": [f"{each.starts} {each.rrule or ''}".strip() for each in asked.times],
    }  # fmt: skip
    return {name: value for name, value in kept.items() if value}


def _alone(
    session: Session, actor: Actor, unit: Unit, bulletin: Bulletin, version: BulletinVersion, now: datetime
) -> Programme:
    """The programme of this unit that holds just this bulletin; made where there is none."""
    mine = select(ProgrammeItem.programme_id).where(ProgrammeItem.bulletin_id == bulletin.id)
    query = select(Programme).where(Programme.unit_id == unit.id, col(Programme.id).in_(mine)).order_by(Programme.id)
    for programme in session.exec(query.limit(MAX_SHOWN)).all():
        if len(programmes.items(session, programme.id)) == 1:
            return programme
    return programmes.create(session, actor, unit, version.title, [Entry(bulletin=bulletin.id)], now)


def drop(session: Session, actor: Actor, bulletin_id: str, name: str, now: datetime, *, at: str | None = None) -> None:
    """Take one of what `wanted` lists away: a slot off the timetable, a bulletin out of a programme, a wish back.

    Raises NotFound, Forbidden; Conflict where a slot holds more than this bulletin and it can't be taken out.
    """
    here = there.find(session, actor, bulletin_id, at)
    bulletin, unit = here.bulletin, here.unit
    row = session.get(AirWishRow, name)
    if row is not None and (row.bulletin_id, row.unit_id) == (bulletin.id, here.sent_to):
        if row.wanted_by != actor.id:
            actor.require(Permission.SCHEDULE, unit)
        if row.state in OPEN:
            row.state = "taken_back"
            session.add(row)
            audit.record(
                session, actor=actor.username, action="bulletin.air_drop", subject=bulletin.id, unit_id=unit.id, now=now
            )
        return
    slot, place = slots.find(session, actor, name)
    if here.sent_to and not place.path.startswith(unit.path):
        raise NotFound
    items = programmes.items(session, slot.programme_id)
    if not any(item.bulletin_id == bulletin.id for item in items):
        raise NotFound
    if len(items) == 1:
        slots.withdraw(session, actor, slot.id, now)
        _freed(session, here, [slot.programme_id])
    elif not appending.take_out(session, actor, slot.programme_id, bulletin.id, now):
        raise Conflict(N_("Change the programme itself: this bulletin can't be taken out of it alone."))


def take_back(
    session: Session, actor: Actor, bulletin_id: str, row_id: str, now: datetime, *, at: str | None = None
) -> None:
    """Undo a request just made, by who made it: its slots off the timetable, its bulletin a draft again.

    What was sent to the unit stays taken there. Raises NotFound; Conflict when the bulletin was decided on meanwhile,
    or something of it has begun.
    """
    here = there.find(session, actor, bulletin_id, at)
    bulletin, unit, version = here.bulletin, here.unit, here.version
    row = session.get(AirWishRow, row_id)
    if row is None or (row.bulletin_id, row.unit_id) != (bulletin.id, here.sent_to) or row.wanted_by != actor.id:
        raise NotFound
    if row.state == "taken_back":
        return
    if row.state == "waiting" and version.state == "approved" and here.target is None:
        raise Conflict(N_("It was decided on meanwhile and can't be taken back here any more."))
    _freed(session, here, _unmake(session, actor, row, now))
    row.state = "taken_back"
    session.add(row)
    if version.state == "submitted" and version.submitted_by == actor.id and version.submitted_at == row.wanted_at:
        version.state, version.submitted_by, version.submitted_at = "draft", None, None
        session.add(version)
    session.flush()
    audit.record(
        session, actor=actor.username, action="bulletin.air_undo", subject=bulletin.id, unit_id=unit.id, now=now,
        version=version.number,
    )  # fmt: skip
