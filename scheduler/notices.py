"""Messages to people: written once into an outbox, together with the note that they were; then sent, with patience.

1. `write` gathers what is to be told for a short while, so that the outage of a province is one message and not 5,000,
   and puts one notice for each contact into the outbox. Notices and the note that people were told commit together.
2. `send_due` claims one notice after the other, sends it through the door for its kind and marks it sent. A worker that
   is killed in between leaves a claim that runs out: such a notice may go out twice, with the same `Message-ID`, or the
   same `id` in what is posted, by which the other side can tell.
3. What can't be sent is tried again, later each time, and given up after `MOST_TRIES`.
"""

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, update
from sqlmodel import Session, col, select

from core.clock import format_instant, zone
from core.database import Database
from core.errors import LoaError
from core.ids import new_id
from core.settings import Settings
from registry.models import Unit
from scheduler import concerns, mail, troubles, webhook
from scheduler.concern_models import Concern, Contact, Notice

log = logging.getLogger(__name__)
GATHER = timedelta(minutes=2)
MOST_TRIES = 8
KEPT = timedelta(days=30)
NAMED = 20
_LEASE = timedelta(minutes=5)
_FIRST_REST = timedelta(minutes=1)
_LONGEST_REST = timedelta(hours=4)
_A_ROUND = 20
_LISTED = 200
_MOST_ERROR = 300
# What people read is Vietnamese: they are the officials of a commune, and no page's language tells otherwise.
_HEADS = {
    concerns.SILENT: "Mất tín hiệu",
    concerns.FAULT: "Thiết bị báo lỗi",
    concerns.MUTE: "Đã phát nhưng micrô không nghe thấy (kiểm tra tăng âm hoặc loa)",
    concerns.VOLUME: "Âm lượng đang đặt bằng 0",
    concerns.UNHEARD: "Chương trình không cụm loa nào phát được",
    concerns.EVERYBODY: "Không nhận được tín hiệu của cụm loa nào (kiểm tra mạng của máy chủ trước)",
    concerns.SOURCE: "Nguồn cảnh báo không trả lời",
    concerns.WAITING: "Tin cảnh báo đang chờ người quyết định phát",
}
_OVER = {
    concerns.SILENT: "Đã có tín hiệu trở lại",
    concerns.FAULT: "Thiết bị hết báo lỗi",
    concerns.MUTE: "Micrô đã nghe thấy tiếng loa trở lại",
    concerns.VOLUME: "Âm lượng đã được đặt lại",
    concerns.EVERYBODY: "Đã nhận được tín hiệu của các cụm loa trở lại",
    concerns.SOURCE: "Nguồn cảnh báo đã trả lời trở lại",
    concerns.WAITING: "Tin cảnh báo không còn chờ quyết định",
}


@dataclass(frozen=True)
class Told:
    """What one contact is told: what began, and what is over."""

    raised: Sequence[Concern]
    cleared: Sequence[Concern]


def write(session: Session, settings: Settings, now: datetime) -> int:
    """Put notices of what is new, and of what is over, into the outbox; returns how many."""
    raised, cleared = concerns.to_tell(session, settings, now), concerns.to_clear(session, now)
    patience = timedelta(seconds=settings.tell_after_seconds)
    waited = [now - row.since - patience for row in raised if row.kind not in (concerns.UNHEARD, concerns.WAITING)]
    waited += [GATHER for row in raised if row.kind == concerns.WAITING]
    waited += [now - (row.cleared_at or now) for row in raised if row.kind == concerns.UNHEARD]
    waited += [now - row.cleared_at - concerns.CALM for row in cleared if row.cleared_at]
    if not waited or max(waited) < GATHER:
        return 0
    units = {unit.id: unit for unit in session.exec(select(Unit)).all()}
    written = 0
    for contact in session.exec(select(Contact).order_by(col(Contact.id))).all():
        told = Told(_for(contact, raised, units), _for(contact, cleared, units))
        if told.raised or told.cleared:
            session.add(_notice(contact, units[contact.unit_id], told, settings, now))
            written += 1
    for row in raised:
        row.told_at = now
        session.add(row)
    for row in cleared:
        row.clear_told_at = now
        session.add(row)
    session.flush()
    return written


def _for(contact: Contact, rows: Sequence[Concern], units: dict[str, Unit]) -> list[Concern]:
    """Of these what the contact wants and what lies at or below its unit; what concerns all goes to the top units."""
    home = units[contact.unit_id]
    return [
        row for row in rows
        if row.kind in contact.kinds
        and (
            home.parent_id is None
            if row.unit_id is None
            else row.unit_id in units and units[row.unit_id].path.startswith(home.path)
        )
    ]  # fmt: skip


def _notice(contact: Contact, unit: Unit, told: Told, settings: Settings, now: datetime) -> Notice:
    here = zone(unit.zone or settings.zone)
    lines: list[str] = []
    for rows, heads, since in ((told.raised, _HEADS, "từ"), (told.cleared, _OVER, "mất từ")):
        for kind in concerns.KINDS:
            chosen = sorted((row for row in rows if row.kind == kind), key=lambda row: (row.since, row.name))
            if not chosen:
                continue
            lines.append(f"{heads[kind]}: {len(chosen)}" if kind != concerns.EVERYBODY else heads[kind])
            lines += [
                f"  - {plain(row.name)} ({since} {row.since.astimezone(here):%H:%M %d/%m/%Y})"
                for row in chosen[:NAMED] if row.name
            ]  # fmt: skip
            if len(chosen) > NAMED:
                lines.append(f"  … và {len(chosen) - NAMED} trường hợp khác")
            lines.append("")
    address = f"\n{settings.public_url.rstrip('/')}/" if settings.public_url else ""
    identity = new_id("no")
    return Notice(
        id=identity, contact_id=contact.id, subject=_subject(unit, told), created_at=now, due_at=now,
        body="\n".join([f"Đơn vị: {plain(unit.name)}", "", *lines, f"Loa Làng{address}"]),
        data={
            "id": identity, "at": format_instant(now), "unit": unit.code, "name": unit.name,
            "raised": _listed(told.raised), "cleared": _listed(told.cleared),
            "counts": {"raised": len(told.raised), "cleared": len(told.cleared)},
        },
    )  # fmt: skip


def _subject(unit: Unit, told: Told) -> str:
    if told.raised:
        kinds = list(dict.fromkeys(row.kind for row in told.raised))
        what = _HEADS[kinds[0]].split(" (")[0] if len(kinds) == 1 else "Cần kiểm tra"
        count = f" ({len(told.raised)})" if len(told.raised) > 1 else ""
        return plain(f"[Loa Làng] {what}{count} – {unit.name}")[:200]
    return plain(f"[Loa Làng] Đã trở lại bình thường ({len(told.cleared)}) – {unit.name}")[:200]


def plain(text: str) -> str:
    """Without control characters: names are typed by people, and a line end in one must not begin a header."""
    return "".join(" " if unicodedata.category(each).startswith(("C", "Z")) else each for each in text)


def _listed(rows: Sequence[Concern]) -> list[dict[str, Any]]:
    return [
        {"kind": row.kind, "subject": row.subject, "name": row.name, "since": format_instant(row.since)}
        for row in rows[:_LISTED]
    ]


def write_test(session: Session, contact: Contact, unit: Unit, now: datetime) -> Notice:
    """A message that says nothing but that messages arrive."""
    identity = new_id("no")
    notice = Notice(
        id=identity, contact_id=contact.id, subject=plain(f"[Loa Làng] Tin thử – {unit.name}")[:200],
        body=f"Đây là tin thử của hệ thống Loa Làng cho đơn vị {plain(unit.name)}. Không cần làm gì.",
        data={"id": identity, "at": format_instant(now), "unit": unit.code, "name": unit.name, "test": True,
              "raised": [], "cleared": [], "counts": {"raised": 0, "cleared": 0}},
        created_at=now, due_at=now,
    )  # fmt: skip
    session.add(notice)
    session.flush()
    return notice


def send_due(database: Database, settings: Settings, holder: str, now: datetime, most: int = _A_ROUND) -> int:
    """Send what is due, one after the other; how many went out."""
    sent = 0
    for _ in range(most):
        claimed = _claim(database, holder, now)
        if claimed is None:
            break
        notice, contact = claimed
        error = ""
        try:
            deliver(settings, contact, notice)
        except LoaError as trouble:
            error = str(trouble)
        except Exception as trouble:  # whatever a door raises, the next notice must go out
            log.exception("a notice could not be sent")
            error = f"{type(trouble).__name__}: {trouble}"
        _note(database, notice.id, holder, now, error)
        sent += not error
    return sent


def deliver(settings: Settings, contact: Contact, notice: Notice) -> None:
    """Send a notice through the door for its contact. Raises LoaError, with why, when it could not be handed over."""
    if contact.way == "email":
        mail.send(settings, contact.address, notice.subject, notice.body, notice.id, notice.created_at)
    else:
        webhook.post(settings, contact.address, contact.secret, notice.data)


def any_due(session: Session, now: datetime) -> bool:
    """Whether `send_due` would find something: a look that takes no lock."""
    return session.exec(select(Notice.id).where(_due(now)).limit(1)).first() is not None


def _due(now: datetime) -> Any:
    until = col(Notice.claimed_until)
    free = or_(until.is_(None), until <= now, until > now + _LEASE)
    return (
        col(Notice.sent_at).is_(None) & col(Notice.failed_at).is_(None) & (col(Notice.due_at) <= now) & free
    )  # fmt: skip


def _claim(database: Database, holder: str, now: datetime) -> tuple[Notice, Contact] | None:
    with database.read() as session:
        if not any_due(session, now):
            return None
    with database.write() as session:
        found = session.exec(select(Notice.id).where(_due(now)).order_by(col(Notice.due_at)).limit(1)).first()
        if found is None:
            return None
        session.execute(
            update(Notice).where(col(Notice.id) == found, _due(now))
            .values(claimed_by=holder, claimed_until=now + _LEASE, tries=Notice.tries + 1)
        )  # fmt: skip
        row = session.exec(
            select(Notice, Contact).join(Contact, col(Contact.id) == Notice.contact_id).where(Notice.id == found)
        ).one()
        session.expunge_all()
        return row[0], row[1]


def _note(database: Database, notice_id: str, holder: str, now: datetime, error: str) -> None:
    with database.write() as session:
        notice = session.get(Notice, notice_id)
        if notice is None or notice.claimed_by != holder:
            return
        notice.claimed_by, notice.claimed_until, notice.error = None, None, error[:_MOST_ERROR]
        contact = session.get(Contact, notice.contact_id)
        if not error:
            notice.sent_at = now
            troubles.clear(session, "notice", [notice.contact_id], now)
        elif notice.tries >= MOST_TRIES:
            notice.failed_at = now
            unit_id = contact.unit_id if contact else None
            troubles.report(session, "notice", notice.contact_id, error, now, unit_id)
        else:
            notice.due_at = now + min(_FIRST_REST * 2 ** (notice.tries - 1), _LONGEST_REST)
        session.add(notice)


def prune(session: Session, now: datetime) -> None:
    """Forget what went out, or was given up, a month ago."""
    session.execute(delete(Notice).where(col(Notice.created_at) < now - KEPT))
