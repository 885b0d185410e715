"""Messages to the people who may answer what was offered to their unit and have not: into the outbox, one each."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from core.clock import format_instant
from core.ids import new_id
from core.settings import Settings
from playlists.models import Bulletin, BulletinVersion
from registry.models import Unit
from scheduler.concern_models import Contact, Notice
from scheduler.notices import plain

_WAYS = ("email", "webhook")
_CHUNK = 400
_NAMED = 5


def write(
    session: Session, bulletin_id: str, people: Mapping[str, Sequence[Unit]], settings: Settings, now: datetime
) -> int:
    """One notice for each of these people (by id, with the units they may answer for) who is a contact; how many.

    Where somebody left several addresses, the first e-mail address is taken.
    """
    title = session.exec(
        select(BulletinVersion.title)
        .join(Bulletin, col(Bulletin.id) == BulletinVersion.bulletin_id)
        .where(Bulletin.id == bulletin_id, col(BulletinVersion.number) == Bulletin.approved)
    ).one()
    written = 0
    ids = sorted(people)
    for start in range(0, len(ids), _CHUNK):
        query = select(Contact).where(
            col(Contact.person_id).in_(ids[start : start + _CHUNK]), col(Contact.way).in_(_WAYS)
        )
        nearest: dict[str, Contact] = {}
        for contact in sorted(session.exec(query).all(), key=lambda each: (_WAYS.index(each.way), each.id)):
            nearest.setdefault(contact.person_id or "", contact)
        for person, contact in sorted(nearest.items()):
            session.add(_notice(contact, people[person], title, bulletin_id, settings, now))
            written += 1
    session.flush()
    return written


def _notice(
    contact: Contact, units: Sequence[Unit], title: str, bulletin_id: str, settings: Settings, now: datetime
) -> Notice:
    unit, names = units[0], ", ".join(plain(each.name) for each in units[:_NAMED])
    names += f" và {len(units) - _NAMED} đơn vị khác" if len(units) > _NAMED else ""
    identity, address = new_id("no"), f"{settings.public_url.rstrip('/')}/offers" if settings.public_url else ""
    # What people read is Vietnamese: they are the officials of a commune, and no page's language tells otherwise.
    body = [
        f"Đơn vị: {names}", "", f"Bản tin từ cấp trên đang chờ đơn vị trả lời: {plain(title)}",
        "Mời mở mục “Từ cấp trên” để nhận, chọn nơi và giờ phát, hoặc từ chối kèm lý do.", address, "", "Loa Làng",
    ]  # fmt: skip
    return Notice(
        id=identity, contact_id=contact.id, subject=plain(f"[Loa Làng] Bản tin chờ trả lời – {unit.name}")[:200],
        body="\n".join(body), created_at=now, due_at=now,
        data={
            "id": identity, "at": format_instant(now), "unit": unit.code, "name": unit.name, "offer": bulletin_id,
            "title": title, "raised": [], "cleared": [], "counts": {"raised": 0, "cleared": 0},
        },
    )  # fmt: skip
