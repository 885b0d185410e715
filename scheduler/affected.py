"""Which slots a change concerns, so that planning looks at these and no others."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Select, literal
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from core import changes
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem, Rendition
from playlists.offer_models import Offer, OfferTarget
from playlists.offered import IN_LINE
from registry.models import Group, GroupMember, Station, Unit
from registry.rights import within
from scheduler.models import Slot, SlotException, SlotTarget

_CHUNK = 400
_OPEN = ("newest", "rotation")  # items that don't say by name what sounds


def concerned(feed: Iterable[changes.Change]) -> Iterator[str]:
    """Names of what changed: of the timetable; and stations, which count among the listeners of several languages."""
    for row in feed:
        if row.topic == "timetable":
            yield from row.audience
        elif row.topic == "registry":
            yield from (name for name in row.audience if name.startswith("station:"))


def affected_slots(session: Session, names: Iterable[str]) -> set[str] | None:
    """Slots that a change of these things (`slot:`, `bulletin:`, `unit:`, `station:` …) may alter; None for all."""
    by_kind: dict[str, set[str]] = {}
    for name in names:
        kind, _, identity = name.partition(":")
        by_kind.setdefault(kind, set()).add(identity)
    if not by_kind.keys() <= {"slot", "programme", "bulletin", "clip", "daypart", "unit", "station"}:
        return None
    programmes = set(by_kind.get("programme", ()))
    bulletins = set(by_kind.get("bulletin", ()))
    for clip in sorted(by_kind.get("clip", ())):
        said_in = select(Rendition.version_id).where(Rendition.clip_id == clip)
        of_clip = (col(BulletinVersion.clip_id) == clip) | col(BulletinVersion.id).in_(said_in)
        bulletins.update(session.exec(select(BulletinVersion.bulletin_id).where(of_clip)).all())
        by_name = (col(ProgrammeItem.clip_id) == clip) | (col(ProgrammeItem.kind) == "rotation")
        programmes.update(session.exec(select(ProgrammeItem.programme_id).where(by_name)).all())
    for bulletin in sorted(bulletins):
        programmes |= _playing(session, bulletin)
    slots = set(by_kind.get("slot", ())) | _with(session, sorted(programmes))
    for code in by_kind.get("daypart", ()):
        slots.update(session.exec(select(Slot.id).where(Slot.daypart == code)).all())
    for unit in by_kind.get("unit", ()):
        slots |= _at_or_below(session, unit)
    stations = sorted(by_kind.get("station", ()))
    for start in range(0, len(stations), _CHUNK):
        slots |= _heard_by(session, stations[start : start + _CHUNK])
    return slots


def _playing(session: Session, bulletin: str) -> set[str]:
    """Programmes that have the bulletin, or may have found it: the newest of a unit are sought there and below."""
    paths = session.exec(
        select(Unit.path).join(Bulletin, col(Bulletin.unit_id) == Unit.id).where(Bulletin.id == bulletin)
    )
    below = select(Unit.id).where(within(paths.all(), col(Unit.path)))
    by_name = (col(ProgrammeItem.bulletin_id) == bulletin) | (col(ProgrammeItem.kind) == "rotation")
    found = set(session.exec(select(ProgrammeItem.programme_id).where(by_name)).all())
    in_line = select(OfferTarget.programme_id).join(Offer, col(Offer.id) == OfferTarget.offer_id)
    lined = in_line.where(Offer.bulletin_id == bulletin, OfferTarget.state == IN_LINE)
    found.update(each for each in session.exec(lined).all() if each)
    seeking = select(ProgrammeItem.programme_id).join(Programme, col(Programme.id) == ProgrammeItem.programme_id)
    newest = seeking.where(ProgrammeItem.kind == "newest", col(Programme.unit_id).in_(below))
    return found.union(session.exec(newest).all())


def _with(session: Session, programmes: list[str]) -> set[str]:
    """Slots of these programmes, be it at single occurrences only."""
    slots: set[str] = set()
    for start in range(0, len(programmes), _CHUNK):
        chunk = programmes[start : start + _CHUNK]
        slots.update(session.exec(select(Slot.id).where(col(Slot.programme_id).in_(chunk))).all())
        single = select(SlotException.slot_id).where(col(SlotException.programme_id).in_(chunk))
        slots.update(session.exec(single).all())
    return slots


def _at_or_below(session: Session, unit_id: str) -> set[str]:
    """Slots at places that take over what holds at this unit."""
    paths = session.exec(select(Unit.path).where(Unit.id == unit_id)).all()
    units = select(Unit.id).where(within(paths, col(Unit.path)))
    names: tuple[Select[str], ...] = (
        select(literal("unit:") + col(Unit.id)).where(within(paths, col(Unit.path))),
        select(literal("group:") + col(Group.id)).where(col(Group.unit_id).in_(units)),
        select(literal("station:") + col(Station.id)).where(col(Station.unit_id).in_(units)),
    )
    found = select(SlotTarget.slot_id).where(or_(*(col(SlotTarget.name).in_(each) for each in names)))
    return set(session.exec(found).all())


def _heard_by(session: Session, stations: list[str]) -> set[str]:
    """Slots for these stations by name; and of those for units and groups around them what has several languages.

    For these the stations are parted by what they speak.
    """
    own = [f"station:{each}" for each in stations]
    paths = session.exec(
        select(Unit.path).join(Station, col(Station.unit_id) == Unit.id).where(col(Station.id).in_(stations)).distinct()
    ).all()
    groups = session.exec(
        select(GroupMember.group_id).where(col(GroupMember.station_id).in_(stations)).distinct()
    ).all()
    around = sorted({f"unit:{each}" for path in paths for each in path.strip("/").split("/")})
    around += [f"group:{each}" for each in groups]
    named = select(SlotTarget.slot_id).where(col(SlotTarget.name).in_(own))
    slots = set(session.exec(named).all())
    programmes = _in_several_languages()
    for start in range(0, len(around), _CHUNK):
        hearing = select(SlotTarget.slot_id).where(col(SlotTarget.name).in_(around[start : start + _CHUNK]))
        usual = select(Slot.id).where(col(Slot.id).in_(hearing), col(Slot.programme_id).in_(programmes))
        single = select(SlotException.slot_id).where(
            col(SlotException.slot_id).in_(hearing), col(SlotException.programme_id).in_(programmes)
        )
        slots.update(session.exec(usual).all(), session.exec(single).all())
    return slots


def _in_several_languages() -> SelectOfScalar[str]:
    """Programmes in which a bulletin may have more than one language."""
    several = select(BulletinVersion.bulletin_id).join(Rendition, col(Rendition.version_id) == BulletinVersion.id)
    return select(ProgrammeItem.programme_id).where(
        col(ProgrammeItem.kind).in_(_OPEN) | col(ProgrammeItem.bulletin_id).in_(several)
    )
