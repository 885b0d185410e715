"""Templates of common notices: of a unit, inherited down the tree, besides those that come with the program."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from playlists import bulletins, starters, subjects
from playlists.writing_models import NoticeTemplate
from registry.models import Unit
from registry.rights import Actor, Permission
from registry.units import clean_name

MOST = 200
_MOST_NAME = 100
_MOST_TEXT = 20_000
UNDO = timedelta(days=30)  # so long a deleted one can be brought back
STARTER = "starter-"


@dataclass(frozen=True)
class Notice:
    """What a person fills in for a template."""

    name: str
    title: str
    text: str
    field: str = "general"
    priority: str = "ordinary"


@dataclass(frozen=True)
class Offered:
    """One template to choose from. `unit` is None for those that come with the program, whose `name` is English."""

    id: str
    notice: Notice
    unit: Unit | None


def offered(session: Session, unit: Unit) -> list[Offered]:
    """What may be chosen at `unit`: its own, then those of the units above (the nearest first), then the starters."""
    chain = unit.path.strip("/").split("/")
    rows = session.exec(
        select(NoticeTemplate, Unit)
        .join(Unit, col(Unit.id) == NoticeTemplate.unit_id)
        .where(col(NoticeTemplate.unit_id).in_(chain), col(NoticeTemplate.deleted_at).is_(None))
    ).all()
    ordered = sorted(rows, key=lambda row: (-chain.index(row[1].id), row[0].position, row[0].name, row[0].id))
    return [Offered(row.id, _notice(row), home) for row, home in ordered] + starting()


def starting() -> list[Offered]:
    """Those that come with the program."""
    return [
        Offered(f"{STARTER}{each.code}", Notice(each.name, each.title, each.text, each.field, each.priority), None)
        for each in starters.STARTERS
    ]


def chosen(session: Session, actor: Actor, unit: Unit, identity: str) -> Notice:
    """The template that somebody takes for a bulletin of `unit`. Raises NotFound."""
    actor.require(Permission.WRITE, unit)
    found = next((each for each in offered(session, unit) if each.id == identity), None)
    if found is None:
        raise NotFound
    return found.notice


def _notice(row: NoticeTemplate) -> Notice:
    return Notice(row.name, row.title, row.text, row.field, row.priority)


def deleted(session: Session, unit: Unit, now: datetime) -> Sequence[NoticeTemplate]:
    """What was deleted at this unit within 30 days, the newest first: it can be brought back."""
    query = select(NoticeTemplate).where(NoticeTemplate.unit_id == unit.id, col(NoticeTemplate.deleted_at) > now - UNDO)
    return session.exec(query.order_by(col(NoticeTemplate.deleted_at).desc()).limit(MOST)).all()


def find(session: Session, actor: Actor, identity: str) -> tuple[NoticeTemplate, Unit]:
    """A template where the actor may write, deleted or not. Raises NotFound, Forbidden."""
    row = session.get(NoticeTemplate, identity)
    unit = session.get(Unit, row.unit_id) if row else None
    if row is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    actor.require(Permission.WRITE, unit)
    return row, unit


def create(session: Session, actor: Actor, unit: Unit, notice: Notice, now: datetime) -> NoticeTemplate:
    """One more template of the unit, the last of its list. Raises InvalidInput, Conflict for the 201st."""
    actor.require(Permission.WRITE, unit)
    count, last = session.exec(
        select(func.count(), func.coalesce(func.max(NoticeTemplate.position), 0)).where(
            NoticeTemplate.unit_id == unit.id, col(NoticeTemplate.deleted_at).is_(None)
        )
    ).one()
    if count >= MOST:
        raise Conflict(N_("A unit keeps at most %(limit)s templates."), limit=MOST)
    row = NoticeTemplate(
        id=new_id("nt"), unit_id=unit.id, name="", title="", text="", field="", position=last + 1, changed_by="",
        changed_at=now,
    )  # fmt: skip
    return _filled(session, actor, row, notice, "template.create", now)


def change(session: Session, actor: Actor, identity: str, notice: Notice, now: datetime) -> NoticeTemplate:
    """Write the template anew. Bulletins that were made from it stay as they are."""
    row, _ = find(session, actor, identity)
    if row.deleted_at is not None:
        raise NotFound
    return _filled(session, actor, row, notice, "template.change", now)


def _filled(
    session: Session, actor: Actor, row: NoticeTemplate, notice: Notice, action: str, now: datetime
) -> NoticeTemplate:
    text = notice.text.strip()
    if not text:
        raise InvalidInput(N_("Write the text of the template, with blanks like “[ngày]”."), fields={"text": "empty"})
    if len(text) > _MOST_TEXT:
        raise InvalidInput(
            N_("A template has at most %(limit)s characters."), fields={"text": "long"}, limit=_MOST_TEXT
        )
    name = clean_name(notice.name, "name")
    if len(name) > _MOST_NAME:
        raise InvalidInput(N_("A name has at most %(limit)s characters."), fields={"name": "long"}, limit=_MOST_NAME)
    row.name, row.title, row.text = name, clean_name(notice.title, "title"), text
    row.field, row.priority = subjects.known(session, notice.field), bulletins.known_priority(notice.priority)
    row.changed_by, row.changed_at = actor.id, now
    session.add(row)
    session.flush()
    _note(session, actor, action, row, now)
    return row


def remove(session: Session, actor: Actor, identity: str, now: datetime) -> NoticeTemplate:
    """Take a template out of the lists; `restore` brings it back within 30 days. Again does nothing."""
    row, _ = find(session, actor, identity)
    if row.deleted_at is None:
        row.deleted_at = now
        session.add(row)
        _note(session, actor, "template.delete", row, now)
    return row


def restore(session: Session, actor: Actor, identity: str, now: datetime) -> NoticeTemplate:
    """Bring a deleted template back as it was. Again does nothing."""
    row, _ = find(session, actor, identity)
    if row.deleted_at is not None:
        row.deleted_at = None
        session.add(row)
        _note(session, actor, "template.restore", row, now)
    return row


def prune(session: Session, now: datetime) -> int:
    """Forget what was deleted more than 30 days ago; how many rows went."""
    gone = session.execute(delete(NoticeTemplate).where(col(NoticeTemplate.deleted_at) < now - UNDO))
    return int(getattr(gone, "rowcount", 0))


def _note(session: Session, actor: Actor, action: str, row: NoticeTemplate, now: datetime) -> None:
    audit.record(
        session, actor=actor.username, action=action, subject=row.id, unit_id=row.unit_id, now=now, name=row.name
    )
