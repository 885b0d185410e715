"""What people decide: to put a waiting message on air, where, or not to; and that they have looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from alerts import raising
from alerts.cap.message import Message
from alerts.cap.wording import Wording
from alerts.sources import acting, airing, attention, second, stored
from alerts.sources.aiming import Aim, Part, aim, worded
from alerts.sources.airing import Desk, Spoken
from alerts.sources.land import Land
from alerts.sources.models import CapAlert, CapDocument, CapSource
from core import audit
from core.errors import N_, Conflict, InvalidInput, NotFound
from registry import second_factor
from registry.models import Person, Unit
from registry.rights import EVERYWHERE, Actor, Permission
from scheduler import audience
from scheduler.alarms import Alarm, Said

MOST_WHY = 500


@dataclass(frozen=True)
class View:
    """A message as a person looks at it: where it would sound, and what would be said."""

    row: CapAlert
    source: CapSource
    unit: Unit | None
    message: Message | None
    aim: Aim | None
    spoken: tuple[Spoken, ...]
    words: tuple[Wording, ...]
    decided_by: str


def waiting(session: Session, actor: Actor, *, limit: int = 50) -> list[tuple[CapAlert, CapSource]]:
    """Messages that the actor may decide on, or should look at, the newest first."""
    needs = (col(CapAlert.state) == "waiting") | col(CapAlert.doubts)
    return _listed(session, _where(actor, Permission.ALARM), needs, limit)


def count(session: Session, actor: Actor) -> int:
    """How many messages wait for the actor. Cheap: it is asked on every page."""
    if not actor.may_somewhere(Permission.ALARM):
        return 0
    needs = (col(CapAlert.state) == "waiting") | col(CapAlert.doubts)
    query = select(func.count()).select_from(CapAlert).join(Unit, col(Unit.id) == CapAlert.unit_id, isouter=True)
    return session.exec(query.where(needs, _where(actor, Permission.ALARM))).one()


def log(session: Session, actor: Actor, *, source: str = "", limit: int = 50) -> list[tuple[CapAlert, CapSource]]:
    """What came, the newest first, of units the actor may see; of one source if it is named."""
    of = CapAlert.source_id == source if source else col(CapAlert.id).is_not(None)
    return _listed(session, _where(actor, Permission.SEE), of, limit)  # type: ignore[arg-type]


def _where(actor: Actor, permission: Permission) -> ColumnElement[bool]:
    """Of units where the actor holds a permission; what belongs to no unit is for those who hold it everywhere."""
    nowhere = col(CapAlert.unit_id).is_(None)
    mine = col(CapAlert.unit_id).is_not(None) & actor.within(permission, col(Unit.path))
    own = nowhere & col(CapAlert.source_id).in_(select(CapSource.id).where(CapSource.made_by == actor.id))
    return mine | (nowhere if EVERYWHERE in actor.paths(permission) else own)


def _listed(
    session: Session, which: ColumnElement[bool], needs: ColumnElement[bool], limit: int
) -> list[tuple[CapAlert, CapSource]]:
    rows = session.exec(
        select(CapAlert, CapSource)
        .join(CapSource, col(CapSource.id) == CapAlert.source_id)
        .join(Unit, col(Unit.id) == CapAlert.unit_id, isouter=True)
        .where(which, needs)
        .order_by(col(CapAlert.id).desc())
        .limit(limit)
    ).all()
    return [(row, source) for row, source in rows]


def find(session: Session, actor: Actor, alert_id: str, permission: Permission = Permission.SEE) -> CapAlert:
    """A message that the actor may see; Forbidden where they lack `permission`. Raises NotFound."""
    row = session.get(CapAlert, alert_id)
    unit = session.get(Unit, row.unit_id) if row and row.unit_id else None
    if row is None:
        raise NotFound
    if unit is not None:
        actor.require(permission, unit)
    elif EVERYWHERE not in actor.paths(permission):
        source = session.get_one(CapSource, row.source_id)
        if source.made_by != actor.id:
            raise NotFound
    return row


def view(session: Session, actor: Actor, alert_id: str, land: Land) -> View:
    """A message with all that a person needs to decide on it. Raises NotFound."""
    row = find(session, actor, alert_id)
    source = session.get_one(CapSource, row.source_id)
    unit = session.get(Unit, row.unit_id) if row.unit_id else None
    by = session.get(Person, row.decided_by) if row.decided_by else None
    message = stored.unpacked(row.message) if row.message else None
    if message is None or not row.blocks:
        return View(row, source, unit, message, None, (), (), by.name if by else "")
    aimed, spoken = _planned(session, actor, source, row, message, land)
    everywhere = Part(tuple(row.blocks), aimed.stations or frozenset(land.home))
    words = worded(message.infos, everywhere, land, all_clear=row.all_clear)
    return View(row, source, unit, message, aimed, tuple(spoken), tuple(words), by.name if by else "")


def _planned(
    session: Session, actor: Actor, source: CapSource, row: CapAlert, message: Message, land: Land
) -> tuple[Aim, list[Spoken]]:
    """Where it would sound by this actor's decision: where its source may speak, and the actor too."""
    paths = _both(airing.paths_of(session, source, actor), actor.paths(Permission.ALARM))
    aimed = aim(message.infos, row.blocks, land, paths)
    return aimed, airing.planned(message, aimed, land, paths, all_clear=row.all_clear)


def _both(ones: Sequence[str], others: Sequence[str]) -> list[str]:
    """The unit paths that lie in both: the lower one of each pair."""
    found = {max(one, other, key=len) for one in ones for other in others if _in_line(one, other)}
    return sorted(found)


def _in_line(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def put_on_air(
    session: Session, actor: Actor, desk: Desk, alert_id: str, names: Sequence[str] = (), *, code: str = ""
) -> list[str]:
    """Put a waiting message on air, by the right of the actor: where it is meant for, or for `names` instead.

    As the rule of the places has it, `code` is the actor's second factor, or a second person must confirm. Returns the
    emergencies. Raises Conflict for what waits no more, Forbidden, and InvalidInput where nobody would hear it or for a
    wrong code.
    """
    row = _decidable(session, actor, alert_id, desk.now)
    source = session.get_one(CapSource, row.source_id)
    if row.action == "cancel":
        airing.stop(session, actor, row.ends, desk.now)
        row.state = "done"
        return _decided(session, actor, row, "alert.stop", [], desk.now)
    if not row.message:
        raise Conflict(N_("This message can't be put on air."))
    message = stored.unpacked(row.message)
    blocks = row.blocks or list(range(len(message.infos)))
    row.blocks = blocks
    spoken = _chosen(session, actor, row, message, names, desk) if names else None
    if spoken is None:
        _, spoken = _planned(session, actor, source, row, message, desk.land)
    if not spoken:
        raise InvalidInput(
            N_("Nobody would hear it like this. Choose where it is to be heard."), fields={"for": "empty"}
        )
    former = acting.still_there(session, row.ends)
    alarms = airing.alarms_of(source, row, message, spoken, former)
    row.audience = sorted({name for each in spoken for name in each.names})
    row.stations = len(audience.station_ids(session, row.audience))
    row.counts = True
    rule = airing.rule_of(session, actor, alarms)
    if rule == "second_person":
        return _ask(session, actor, desk, row, alarms)
    if rule == "second_factor":
        second_factor.check(session, actor.id, code, desk.now)
    made = airing.air(session, desk, actor, alarms, former)
    row.state = "on_air"
    row.emergencies = [*row.emergencies, *made]
    return _decided(session, actor, row, "alert.air", made, desk.now)


def _ask(session: Session, actor: Actor, desk: Desk, row: CapAlert, alarms: Sequence[tuple[str, Alarm]]) -> list[str]:
    """Let a second person confirm it; nothing is raised yet."""
    asked = []
    for unit_id, alarm in alarms:
        found = raising.ask(
            session, actor, session.get_one(Unit, unit_id), alarm, proof=raising.Proof(), signer=desk.signer,
            settings=desk.settings, now=desk.now,
        )  # fmt: skip
        if isinstance(found, raising.Raised):  # that place asks for no second person
            row.emergencies = [*row.emergencies, found.emergency.id]
        else:
            asked.append(found.pending.id)
    second.ask_for(row, asked)
    row.decided_by, row.decided_at = actor.id, desk.now
    attention.calm(session, row, known_at=desk.now)
    session.add(row)
    session.flush()
    return []


def _chosen(
    session: Session, actor: Actor, row: CapAlert, message: Message, names: Sequence[str], desk: Desk
) -> list[Spoken]:
    """For whom a person has chosen: all blocks, one emergency."""
    heard = audience.read(session, actor, names, Permission.ALARM)
    stations = frozenset(audience.station_ids(session, heard.names) & desk.land.home.keys())
    if not stations:
        return []
    words = worded(message.infos, Part(tuple(row.blocks), stations), desk.land, all_clear=row.all_clear)
    said = tuple(Said(each.language, each.text) for each in words)
    roots = {desk.land.home[each].split("/")[1] for each in stations}
    if not said or len(roots) > 1:
        raise InvalidInput(N_("Choose places below one unit."), fields={"for": "several"})
    unit = desk.land.lowest(stations, f"/{roots.pop()}/")
    return [Spoken(unit, heard.names, len(stations), tuple(row.blocks), said)]


def decline(session: Session, actor: Actor, alert_id: str, why: str, now: datetime) -> CapAlert:
    """Decide that a waiting message is not put on air, and why; what it takes the place of ends all the same."""
    row = _decidable(session, actor, alert_id, now)
    why = " ".join(why.split())
    if not why or len(why) > MOST_WHY:
        raise InvalidInput(
            N_("Say in a few words why, at most %(limit)s characters."), fields={"why": "empty"}, limit=MOST_WHY
        )
    airing.stop(session, actor, acting.still_there(session, row.ends), now)
    row.state, row.decided_why = "declined", why
    _decided(session, actor, row, "alert.decline", [], now, why=why)
    return row


def looked(session: Session, actor: Actor, alert_id: str, now: datetime) -> CapAlert:
    """Note that a person has looked at a message that is on air with doubts about its area."""
    row = find(session, actor, alert_id, Permission.ALARM)
    if row.doubts:
        _decided(session, actor, row, "alert.look", [], now)
    return row


def _decidable(session: Session, actor: Actor, alert_id: str, now: datetime) -> CapAlert:
    row = find(session, actor, alert_id, Permission.ALARM)
    if row.state != "waiting" or (row.ends_at is not None and row.ends_at <= now):
        raise Conflict(N_("Nobody needs to decide on this message any more."))
    return row


def _decided(
    session: Session, actor: Actor, row: CapAlert, action: str, made: list[str], now: datetime, **detail: str
) -> list[str]:
    row.decided_by, row.decided_at, row.ends, row.doubts = actor.id, now, [], False
    attention.calm(session, row, known_at=now)
    session.add(row)
    audit.record(
        session, actor=actor.username, action=action, subject=row.id, unit_id=row.unit_id, now=now,
        sender=row.sender[:200], identifier=row.identifier[:200], emergencies=made, **detail,
    )  # fmt: skip
    session.flush()
    return made


def document(session: Session, row: CapAlert) -> CapDocument | None:
    """The document a message came in, if it was kept."""
    return session.get(CapDocument, row.document) if row.document else None
