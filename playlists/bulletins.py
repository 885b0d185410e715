"""Bulletins from draft to air: writing, submitting, approving, withdrawing.

Nothing here makes a sound by itself; what an approved version allows is decided when a programme is resolved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from audio import voicing
from audio.models import Clip
from core import audit, changes
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from playlists import approval_rules, renditions, seals, sources, subjects
from playlists.approval_models import Approval
from playlists.models import Bulletin, BulletinVersion
from playlists.renditions import Other
from registry import unit_choices
from registry.models import Person, Unit
from registry.rights import Actor, Permission
from registry.units import clean_name

PRIORITIES = ("ordinary", "priority", "emergency")
_MAX_REASON = 1_000
# Shown for ten seconds; the rest is for a slow network.
TAKEN_BACK_WITHIN = timedelta(seconds=20)
_NOT_NOW = {
    "draft": N_("This bulletin is still a draft; that can't be done now."),
    "submitted": N_("This bulletin is waiting for approval; that can't be done now."),
    "approved": N_("This bulletin is approved already; that can't be done now."),
    "rejected": N_("This bulletin was rejected; make a new version of it first."),
    "withdrawn": N_("This bulletin is withdrawn for good."),
}


@dataclass(frozen=True)
class Draft:
    """What a person writes: either `text` to be spoken or `clip` (id of a recording); `others` in further languages.

    `twice` has it read twice in a row; None does as the unit usually does.
    """

    title: str
    text: str = ""
    clip: str | None = None
    language: str = "vi"
    field: str = "general"
    priority: str = "ordinary"
    voice: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    twice: bool | None = None
    others: tuple[Other, ...] = ()


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
    renditions.replace(session, actor, unit, version, draft.others, max_chars=max_chars, now=now)
    _note(session, actor, "bulletin.create", bulletin, now, title=version.title)
    return version


def edit(
    session: Session, actor: Actor, bulletin_id: str, draft: Draft, *, max_chars: int, now: datetime, aside: str = ""
) -> BulletinVersion:
    """Rewrite a draft; of anything that was decided already, make a new draft version.

    What was approved before goes on sounding until the new version is approved or the bulletin is withdrawn. With a
    reason in `aside` a draft is not rewritten but put aside with it, as a version that came back, for a new one.
    """
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.WRITE, unit)
    if version.state in {"submitted", "withdrawn"}:
        raise Conflict(_NOT_NOW[version.state])
    if aside and version.state == "draft":
        version.state, version.reason = "rejected", aside[:_MAX_REASON]
        version.decided_by, version.decided_at = actor.id, now
        session.add(version)
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
    renditions.replace(session, actor, unit, version, draft.others, max_chars=max_chars, now=now)
    _note(session, actor, "bulletin.edit", bulletin, now, version=version.number)
    return version


def _fill(
    session: Session, actor: Actor, unit: Unit, version: BulletinVersion, draft: Draft, max_chars: int, now: datetime
) -> None:
    text = sources.text_or_clip(draft.text, draft.clip, max_chars)
    known_priority(draft.priority)
    if draft.valid_until and (draft.valid_until <= now or (draft.valid_from and draft.valid_until <= draft.valid_from)):
        raise InvalidInput(N_("The bulletin would have run out before it starts."), fields={"valid_until": "past"})
    version.title = clean_name(draft.title, "title")
    version.text, version.language = text, sources.known_language(draft.language)
    version.voice = draft.voice or None
    version.twice = voicing.held(session, unit, version.language).twice if draft.twice is None else draft.twice
    version.field, version.priority = subjects.known(session, draft.field), draft.priority
    version.valid_from, version.valid_until = draft.valid_from, draft.valid_until
    version.clip_id = sources.clip_of(
        session, actor, unit, text=text, clip=draft.clip, language=version.language, voice=version.voice, now=now
    ).id


def known_priority(priority: str) -> str:
    """`priority` itself when it is one of the three. Raises InvalidInput."""
    if priority not in PRIORITIES:
        raise InvalidInput(
            N_("There is no priority “%(priority)s”."), fields={"priority": "unknown"}, priority=priority[:40]
        )
    return priority


def submit(session: Session, actor: Actor, bulletin_id: str, now: datetime) -> BulletinVersion:
    """Hand the draft to whoever approves. Raises Conflict when its audio could not be made."""
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.WRITE, unit)
    _expect(version, "draft")
    sounds = [session.get(Clip, version.clip_id), *(clip for _, clip in renditions.with_clips(session, version))]
    if any(clip is None or clip.state in sources.LOST for clip in sounds):
        raise Conflict(N_("The audio could not be made. Change the text or the recording, then submit again."))
    version.state, version.submitted_by, version.submitted_at = "submitted", actor.id, now
    session.add(version)
    _note(session, actor, "bulletin.submit", bulletin, now, version=version.number)
    return version


def approve(
    session: Session, actor: Actor, bulletin_id: str, now: datetime, expected: str | None = None
) -> BulletinVersion:
    """Answer for the submitted version: from now on it may sound, and it alone of its bulletin.

    Who may is told by `playlists.approval_rules`. Where two people must, the version stays submitted after the first.
    `expected` is the seal (`playlists.seals`) of what the person had before them. Raises Conflict when that is not it
    any more, Forbidden.
    """
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.APPROVE, unit)
    seals.require(session, version, expected)
    _expect(version, "submitted")
    before = approval_rules.given(session, version.id)
    found = approval_rules.check(session, actor, unit, version, before)
    session.add(Approval(version_id=version.id, person_id=actor.id, deputy_of=found.deputy_of, at=now))
    session.flush()
    detail = _in_stead(session, found.deputy_of)
    if len(before) + 1 < approval_rules.approvals_needed(session, unit, version):
        _note(session, actor, "bulletin.approve_first", bulletin, now, version=version.number, **detail)
        return version
    for former in versions(session, bulletin.id):
        if former.state == "approved":
            former.state = "superseded"
            session.add(former)
    version.state, version.decided_by, version.decided_at = "approved", actor.id, now
    bulletin.approved = version.number
    session.add(version)
    session.add(bulletin)
    _note(session, actor, "bulletin.approve", bulletin, now, version=version.number, **detail)
    changes.announce(session, "timetable", [f"bulletin:{bulletin.id}"], now)
    return version


def _in_stead(session: Session, person_id: str | None) -> dict[str, str]:
    """What the log says of a deputy's act: in whose stead it was done."""
    person = session.get(Person, person_id) if person_id else None
    return {"deputy_of": person.username} if person is not None else {}


def take_back_approval(session: Session, actor: Actor, bulletin_id: str, now: datetime) -> BulletinVersion:
    """Undo the actor's own approval of a moment ago: the version waits again, and what it replaced may sound again.

    Whether anything has sounded meanwhile is for the caller to know. Raises Conflict when it is too late, or when it
    wasn't the actor who decided.
    """
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.APPROVE, unit)
    mine = next((each for each in approval_rules.given(session, version.id) if each.person_id == actor.id), None)
    if mine is None or version.state not in {"submitted", "approved"} or (
        version.state == "approved" and version.decided_by != actor.id
    ):  # fmt: skip
        raise Conflict(N_("There is no approval of yours to take back."))
    if now - mine.at > TAKEN_BACK_WITHIN:
        raise Conflict(N_("It is too late to take the approval back. Withdraw the bulletin if it must not sound."))
    session.delete(mine)
    if version.state == "approved":
        former = next((each for each in versions(session, bulletin.id) if each.state == "superseded"), None)
        if former is not None:
            former.state = "approved"
            session.add(former)
        bulletin.approved = former.number if former is not None else None
        version.state, version.decided_by, version.decided_at = "submitted", None, None
        session.add(version)
        session.add(bulletin)
        changes.announce(session, "timetable", [f"bulletin:{bulletin.id}"], now)
    _note(session, actor, "bulletin.unapprove", bulletin, now, version=version.number)
    return version


def reject(
    session: Session, actor: Actor, bulletin_id: str, reason: str, now: datetime, expected: str | None = None
) -> BulletinVersion:
    """Send the submitted version back with a reason; an approved version before it goes on sounding.

    Whoever may approve somewhere may send back, whatever the rules ask of those who approve. `expected` is as in
    `approve`.
    """
    bulletin, unit, version = find(session, actor, bulletin_id)
    actor.require(Permission.APPROVE, unit)
    seals.require(session, version, expected)
    _expect(version, "submitted")
    if not reason.strip():
        raise InvalidInput(N_("Say why, so that the writer can mend it."), fields={"reason": "empty"})
    version.state, version.decided_by, version.decided_at = "rejected", actor.id, now
    version.reason = reason.strip()[:_MAX_REASON]
    session.add(version)
    stead = next((each.of_id for each in actor.stands_in if unit.path.startswith(each.path)), None)
    detail = {} if actor.holds(Permission.APPROVE, unit) else _in_stead(session, stead)
    _note(session, actor, "bulletin.reject", bulletin, now, version=version.number, reason=version.reason, **detail)
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
        .where(col(Bulletin.id) < before)
    )
    few = unit_choices.ids_if_few(session, actor, Permission.SEE)
    if few is None:
        query = query.where(actor.within(Permission.SEE, col(Unit.path)))
    else:
        query = query.where(col(Bulletin.unit_id).in_(few))
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
