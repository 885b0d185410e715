"""Codes that units and stations had before: noted with their times, found by, and kept from others for a while."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from core.errors import N_, Conflict
from core.ids import new_id
from registry.former_models import FormerCode
from registry.models import Station, Unit

UNIT, STATION = "unit", "station"
# Papers, calendars, other systems and printed addresses go on naming a former code for years. If it were given away
# meanwhile they would silently mean another commune: an emergency of a source above would sound in the wrong place.
KEPT = timedelta(days=5 * 365 + 1)
# So many former codes of one unit go into tickets, that stations with an older plan know themselves by.
_ON_THE_WIRE = 3
_CHUNK = 400
MAX_REASON = 500


def unit(session: Session, code: str) -> Unit | None:
    """The unit with this code; else the one that had it last, or into which that one was merged."""
    found = session.exec(select(Unit).where(Unit.code == code)).first()
    if found is not None:
        return found
    subject = _subject(session, UNIT, code)
    return session.get(Unit, subject) if subject else None


def station(session: Session, code: str) -> Station | None:
    """The station with this code; else the one that had it last."""
    found = session.exec(select(Station).where(Station.code == code)).first()
    if found is not None:
        return found
    subject = _subject(session, STATION, code)
    return session.get(Station, subject) if subject else None


def bearer(session: Session, code: str) -> str | None:
    """The unit that had this former code last, merged or not; None for a code that is nobody's former one."""
    query = select(FormerCode.bearer).where(
        FormerCode.kind == UNIT, FormerCode.code == code, col(FormerCode.freed_at).is_(None)
    )
    return session.exec(query.order_by(col(FormerCode.until).desc()).limit(1)).first()


def _subject(session: Session, kind: str, code: str) -> str | None:
    query = select(FormerCode.subject).where(
        FormerCode.kind == kind, FormerCode.code == code, col(FormerCode.freed_at).is_(None)
    )
    return session.exec(query.order_by(col(FormerCode.until).desc()).limit(1)).first()


def check_free(
    session: Session, kind: str, code: str, now: datetime, *, bearer: str = "", who: str = "", reason: str = ""
) -> None:
    """Return if `code` may be given to `bearer`. Raises Conflict where another has it, or had it within five years.

    With a `reason` a former code is freed and given away all the same; who has it now keeps it in any case.
    """
    model = Unit if kind == UNIT else Station
    holder = session.exec(select(model.id).where(model.code == code)).first()
    if holder is not None and holder != bearer:
        raise Conflict(N_("The code “%(taken)s” is taken."), fields={"code": "taken"}, taken=code)
    before = session.exec(
        select(FormerCode).where(
            FormerCode.kind == kind, FormerCode.code == code, col(FormerCode.freed_at).is_(None),
            col(FormerCode.subject) != bearer, col(FormerCode.until) > now - KEPT,
        )
    ).all()  # fmt: skip
    if not before:
        return
    if not reason.strip():
        raise Conflict(
            N_(
                "The code “%(taken)s” was that of “%(name)s”. It still leads there, for five years: papers and other "
                "systems name it. Choose another, or say why it must be given away."
            ),
            fields={"code": "former"}, taken=code, name=before[0].name,
        )  # fmt: skip
    for row in before:
        row.freed_at, row.freed_by, row.freed_reason = now, who[:40], " ".join(reason.split())[:MAX_REASON]
        session.add(row)
    session.flush()


def note(session: Session, thing: Unit | Station, code: str, now: datetime, *, subject: str = "") -> None:
    """Remember that `thing` had this code until now; an address with it leads to `subject` (the thing itself)."""
    kind = UNIT if isinstance(thing, Unit) else STATION
    last = session.exec(
        select(FormerCode.until).where(FormerCode.bearer == thing.id).order_by(col(FormerCode.until).desc()).limit(1)
    ).first()
    session.add(
        FormerCode(
            id=new_id("fc"), kind=kind, code=code, subject=subject or thing.id, bearer=thing.id, name=thing.name,
            since=last or thing.created_at, until=now,
        )
    )  # fmt: skip
    session.flush()


def lead_on(session: Session, former: str, present: str) -> None:
    """Let every code that led to the unit `former` lead to `present`."""
    moved = update(FormerCode).where(col(FormerCode.subject) == former)
    session.execute(moved.values(subject=present))


def history(session: Session, subject: str) -> Sequence[FormerCode]:
    """The former codes that lead to a thing, the newest first: its own, and those of what was merged into it."""
    query = select(FormerCode).where(FormerCode.subject == subject).order_by(col(FormerCode.until).desc()).limit(100)
    return session.exec(query).all()


def every(session: Session) -> Sequence[tuple[str, str, str]]:
    """Every former code of a unit that is in force: the unit it leads to, the code, and the name it had then."""
    query = select(FormerCode.subject, FormerCode.code, FormerCode.name).where(
        FormerCode.kind == UNIT, col(FormerCode.freed_at).is_(None)
    )
    return session.exec(query.order_by(col(FormerCode.until).desc(), col(FormerCode.id))).all()


def on_the_wire(session: Session, unit_ids: Collection[str] | None, *, led: bool) -> dict[str, list[str]]:
    """By unit (None: of all), the latest few of its former codes; with `led` also of those merged into it."""
    key = FormerCode.subject if led else FormerCode.bearer
    query = select(key, FormerCode.code).where(FormerCode.kind == UNIT, col(FormerCode.freed_at).is_(None))
    found: dict[str, list[str]] = {}
    ordered = sorted(unit_ids) if unit_ids is not None else []
    for start in range(0, len(ordered), _CHUNK) if unit_ids is not None else (None,):
        some = query if start is None else query.where(col(key).in_(ordered[start : start + _CHUNK]))
        for identity, code in session.exec(some.order_by(col(FormerCode.until).desc())).all():
            codes = found.setdefault(identity, [])
            if led or len(codes) < _ON_THE_WIRE:
                codes.append(code)
    return found
