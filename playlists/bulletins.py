"""Bulletins from draft to air: writing, submitting, approving, withdrawing.

Nothing here makes a sound by itself; what an approved version allows is decided when a programme is resolved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from audio import clips, lexicon
from audio.models import Clip
from core import audit, changes
from core.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from playlists import subjects
from playlists.models import Bulletin, BulletinVersion
from registry.models import Unit
from registry.rights import Actor, Permission
from registry.units import clean_name

PRIORITIES = ("ordinary", "priority", "emergency")
_MAX_REASON = 1_000
_MAX_LANGUAGE = 12
_NOT_NOW = {
    "draft": N_("This bulletin is still a draft; that can't be done now."),
    "submitted": N_("This bulletin is waiting for approval; that can't be done now."),
    "approved": N_("This bulletin is approved already; that can't be done now."),
    "rejected": N_("This bulletin was rejected; make a new version of it first."),
    "withdrawn": N_("This bulletin is withdrawn for good."),
}


@dataclass(frozen=True)
class Draft:
    """What a person writes: either `text` to be spoken or `clip` (id of a recording)."""

    title: str
    text: str = ""
    clip: str | None = None
    language: str = "vi"
    field: str = "general"
    priority: str = "ordinary"
    voice: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def create(
    session: Session, actor: Actor, unit: Unit, draft: Draft, *, max_chars: int, now: datetime
) -> BulletinVersion:
    """A new bulletin with its first draft; its speech is queued at once, so that it can be heard."""
    actor.require(Permission.WRITE, unit)
    bulletin = Bulletin(id=new_id("bu"), unit_id=unit.id, created_by=actor.id, created_at=now)
    version = BulletinVersion(
        id=new_id("bv"),
        bulletin_id=bulletin.id,
        number=1,
        clip_id="",
        title="",
        field="",
        written_by=actor.id,
        written_at=now,
    )
    _fill(session, actor, unit, version, draft, max_chars, now)
    session.add(bulletin)
    session.flush()
    session.add(version)
    session.flush()
    _note(session, actor, "bulletin.create", bulletin, now, title=version.title)
    return version


def edit(
    session: Session, actor: Actor, bulletin_id: str, draft: Draft, *, max_chars: int, now: datetime
) -> BulletinVersion:
    """Rewrite a draft; of anything that was decided already, make a new draft version.

    What was approved before goes on sounding until the new version is approved or the bulletin is withdrawn.
    """
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.WRITE, unit)
    if version.state in {"submitted", "withdrawn"}:
        raise Conflict(_NOT_NOW[version.state])
    if version.state != "draft":
        bulletin.latest += 1
        version = BulletinVersion(
            id=new_id("bv"), bulletin_id=bulletin.id, number=bulletin.latest, clip_id="", title="", field="",
            written_by=actor.id, written_at=now,
        )  # fmt: skip
    version.written_by, version.written_at = actor.id, now
    _fill(session, actor, unit, version, draft, max_chars, now)
    session.add(bulletin)
    session.add(version)
    session.flush()
    _note(session, actor, "bulletin.edit", bulletin, now, version=version.number)
    return version


def _fill(
    session: Session, actor: Actor, unit: Unit, version: BulletinVersion, draft: Draft, max_chars: int, now: datetime
) -> None:
    text = text_or_clip(draft.text, draft.clip, max_chars)
    known_priority(draft.priority)
    if not 0 < len(draft.language) <= _MAX_LANGUAGE or not draft.language.replace("-", "").isalnum():
        raise InvalidInput(N_("Give the language by its short code, such as vi."), fields={"language": "form"})
    if draft.valid_until and (draft.valid_until <= now or (draft.valid_from and draft.valid_until <= draft.valid_from)):
        raise InvalidInput(N_("The bulletin would have run out before it starts."), fields={"valid_until": "past"})
    version.title = clean_name(draft.title, "title")
    version.text, version.language, version.voice = text, draft.language, draft.voice or None
    version.field, version.priority = subjects.known(session, draft.field), draft.priority
    version.valid_from, version.valid_until = draft.valid_from, draft.valid_until
    if draft.clip:
        version.clip_id = clip_for(session, actor, draft.clip, unit).id
    else:
        version.clip_id = clips.request_speech(
            session, unit_id=unit.id, text=text, language=draft.language, voice=draft.voice or None,
            created_by=actor.id, now=now, dictionary=lexicon.relevant(lexicon.held(session, unit), text),
        ).id  # fmt: skip


def text_or_clip(text: str, clip: str | None, max_chars: int) -> str:
    """The text without white space around it; empty where a recording is given instead. Raises InvalidInput."""
    text = text.strip()
    if bool(text) == bool(clip):
        raise InvalidInput(N_("Give either a text to be spoken or a recording: exactly one."), fields={"text": "empty"})
    if len(text) > max_chars:
        raise InvalidInput(
            N_("The text has %(length)s characters; at most %(limit)s can be spoken in one bulletin. Split it in two."),
            fields={"text": "long"}, length=len(text), limit=max_chars,
        )  # fmt: skip
    return text


def known_priority(priority: str) -> str:
    """`priority` itself when it is one of the three. Raises InvalidInput."""
    if priority not in PRIORITIES:
        raise InvalidInput(
            N_("There is no priority “%(priority)s”."), fields={"priority": "unknown"}, priority=priority[:40]
        )
    return priority


def clip_for(session: Session, actor: Actor, clip_id: str, unit: Unit) -> Clip:
    """A clip that the actor may see and that belongs to `unit` or a unit above or below it. Raises NotFound."""
    clip = session.get(Clip, clip_id)
    home = session.get(Unit, clip.unit_id) if clip else None
    if clip is None or home is None or not actor.may(Permission.SEE, home):
        raise NotFound(N_("There is no recording “%(clip)s”."), clip=clip_id[:40])
    if not (home.path.startswith(unit.path) or unit.path.startswith(home.path)):
        raise InvalidInput(N_("This recording belongs to another unit."), fields={"clip": "unit"})
    return clip


def submit(session: Session, actor: Actor, bulletin_id: str, now: datetime) -> BulletinVersion:
    """Hand the draft to whoever approves. Raises Conflict when its audio could not be made."""
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.WRITE, unit)
    _expect(version, "draft")
    clip = session.get(Clip, version.clip_id)
    if clip is None or clip.state == "failed":
        raise Conflict(N_("The audio could not be made. Change the text or the recording, then submit again."))
    version.state, version.submitted_by, version.submitted_at = "submitted", actor.id, now
    session.add(version)
    _note(session, actor, "bulletin.submit", bulletin, now, version=version.number)
    return version


def approve(session: Session, actor: Actor, bulletin_id: str, now: datetime) -> BulletinVersion:
    """Answer for the submitted version: from now on it may sound, and it alone of its bulletin.

    Nobody approves what they wrote or submitted themselves, except administrators.
    """
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.APPROVE, unit)
    _expect(version, "submitted")
    if actor.id in {version.written_by, version.submitted_by} and not actor.may(Permission.ADMINISTER, unit):
        raise Forbidden(N_("Somebody else has to approve what you wrote."), code="own_bulletin")
    for before in versions(session, bulletin.id):
        if before.state == "approved":
            before.state = "superseded"
            session.add(before)
    version.state, version.decided_by, version.decided_at = "approved", actor.id, now
    bulletin.approved = version.number
    session.add(version)
    session.add(bulletin)
    _note(session, actor, "bulletin.approve", bulletin, now, version=version.number)
    changes.announce(session, "timetable", [f"bulletin:{bulletin.id}"], now)
    return version


def reject(session: Session, actor: Actor, bulletin_id: str, reason: str, now: datetime) -> BulletinVersion:
    """Send the submitted version back with a reason; an approved version before it goes on sounding."""
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.APPROVE, unit)
    _expect(version, "submitted")
    if not reason.strip():
        raise InvalidInput(N_("Say why, so that the writer can mend it."), fields={"reason": "empty"})
    version.state, version.decided_by, version.decided_at = "rejected", actor.id, now
    version.reason = reason.strip()[:_MAX_REASON]
    session.add(version)
    _note(session, actor, "bulletin.reject", bulletin, now, version=version.number, reason=version.reason)
    return version


def withdraw(session: Session, actor: Actor, bulletin_id: str, now: datetime) -> BulletinVersion:
    """Take the bulletin off the air for good. The writer may take back what is not approved yet."""
    bulletin, unit, version = find(session, actor, bulletin_id)
    may_alone = bulletin.approved is None and bulletin.created_by == actor.id
    actor.require(Permission.WRITE if may_alone else Permission.APPROVE, unit)
    if version.state == "withdrawn":
        raise Conflict(_NOT_NOW[version.state])
    for each in versions(session, bulletin.id):
        if each.state in {"draft", "submitted", "approved"} or each.number == bulletin.latest:
            each.state = "withdrawn"
            session.add(each)
    bulletin.approved = None
    session.add(bulletin)
    _note(session, actor, "bulletin.withdraw", bulletin, now)
    changes.announce(session, "timetable", [f"bulletin:{bulletin.id}"], now)
    return version


def find(session: Session, actor: Actor, bulletin_id: str) -> tuple[Bulletin, Unit, BulletinVersion]:
    """A bulletin the actor may see, its unit and its latest version. Raises NotFound."""
    bulletin = session.get(Bulletin, bulletin_id)
    unit = session.get(Unit, bulletin.unit_id) if bulletin else None
    if bulletin is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    version = session.exec(
        select(BulletinVersion).where(
            BulletinVersion.bulletin_id == bulletin.id, BulletinVersion.number == bulletin.latest
        )
    ).one()
    return bulletin, unit, version


def versions(session: Session, bulletin_id: str) -> Sequence[BulletinVersion]:
    """All versions, the newest first."""
    return session.exec(
        select(BulletinVersion)
        .where(BulletinVersion.bulletin_id == bulletin_id)
        .order_by(col(BulletinVersion.number).desc())
    ).all()


def visible(
    session: Session, actor: Actor, *, state: str | None = None, before: str = "zz", limit: int = 50
) -> list[tuple[Bulletin, Unit, BulletinVersion, Clip]]:
    """Bulletins the actor may see with their latest version and its clip, the newest first, older than id `before`."""
    query = (
        select(Bulletin, Unit, BulletinVersion, Clip)
        .join(Unit, col(Unit.id) == Bulletin.unit_id)
        .join(
            BulletinVersion,
            (col(BulletinVersion.bulletin_id) == Bulletin.id) & (col(BulletinVersion.number) == Bulletin.latest),
        )
        .join(Clip, col(Clip.id) == BulletinVersion.clip_id)
        .where(actor.within(Permission.SEE, col(Unit.path)), col(Bulletin.id) < before)
    )
    if state:
        query = query.where(BulletinVersion.state == state)
    rows = session.exec(query.order_by(col(Bulletin.id).desc()).limit(limit)).all()
    return [(bulletin, unit, version, clip) for bulletin, unit, version, clip in rows]


def _expect(version: BulletinVersion, state: str) -> None:
    if version.state != state:
        raise Conflict(_NOT_NOW[version.state])


def _note(session: Session, actor: Actor, action: str, bulletin: Bulletin, now: datetime, **detail: object) -> None:
    audit.record(
        session, actor=actor.username, action=action, subject=bulletin.id, unit_id=bulletin.unit_id, now=now, **detail
    )
