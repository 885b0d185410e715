"""Script API: bulletins and programmes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from sqlmodel import Session

from audio.models import Clip
from core.errors import N_, InvalidInput, NotFound
from playlists import approval_rules, bulletins, programmes, renditions
from playlists.models import Bulletin, BulletinVersion, Programme, Rendition
from playlists.relays import Relay
from playlists.renditions import Other
from registry import units
from registry.models import Unit
from scheduler import bulletin_air
from web import trying
from web.access import actor, for_scripts
from web.api.bodies import (
    BulletinAnswer,
    BulletinBody,
    BulletinEdit,
    EntryBody,
    ProgrammeAnswer,
    ProgrammeBody,
    ReasonBody,
    VersionAnswer,
)
from web.api.reading import answer, body, cursor, listed, local_or_instant, page_size
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/bulletins", create_bulletin),
        ("GET", "/bulletins", list_bulletins),
        ("GET", "/bulletins/<identity>", show_bulletin),
        ("PUT", "/bulletins/<identity>", edit_bulletin),
        ("POST", "/bulletins/<identity>/submit", submit_bulletin),
        ("POST", "/bulletins/<identity>/approve", approve_bulletin),
        ("POST", "/bulletins/<identity>/reject", reject_bulletin),
        ("POST", "/bulletins/<identity>/withdraw", withdraw_bulletin),
        ("POST", "/programmes", create_programme),
        ("GET", "/programmes", list_programmes),
        ("GET", "/programmes/<identity>", show_programme),
        ("PUT", "/programmes/<identity>", edit_programme),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


def _draft(wanted: BulletinBody, default_zone: str) -> bulletins.Draft:
    return bulletins.Draft(
        title=wanted.title, text=wanted.text or "", clip=wanted.clip or None, language=wanted.language,
        field=wanted.field, priority=wanted.priority, voice=wanted.voice or None,
        valid_from=_moment(wanted.valid_from, default_zone),
        valid_until=_moment(wanted.valid_until, default_zone, end=True),
        twice=wanted.read_twice,
        others=tuple(
            Other(each.language, each.text or "", each.clip or None, each.voice or None) for each in wanted.versions
        ),
    )  # fmt: skip


def _moment(value: datetime | str | None, default_zone: str, *, end: bool = False) -> datetime | None:
    if value is None or value == "":
        return None
    return local_or_instant(value if isinstance(value, str) else value.isoformat(), default_zone, end=end)


def _bulletin(
    bulletin: Bulletin, unit: Unit, version: BulletinVersion, clip: Clip, others: Sequence[tuple[Rendition, Clip]]
) -> BulletinAnswer:
    return BulletinAnswer(
        id=bulletin.id, state=version.state, version=version.number, approved_version=bulletin.approved, unit=unit.code,
        title=version.title, text=version.text, clip=clip.id, clip_state=clip.state, spoken_by=clip.spoken_by or "",
        degraded=clip.degraded, seconds=clip.seconds, language=version.language, field=version.field,
        priority=version.priority, voice=version.voice, valid_from=version.valid_from, valid_until=version.valid_until,
        reason=version.reason, read_twice=version.twice, versions=[_other(row, sound) for row, sound in others],
    )  # fmt: skip


def _other(row: Rendition, clip: Clip) -> VersionAnswer:
    return VersionAnswer(
        language=row.language, text=row.text, clip=clip.id, clip_state=clip.state, spoken_by=clip.spoken_by or "",
        degraded=clip.degraded, seconds=clip.seconds, voice=row.voice,
    )  # fmt: skip


def _shown(session: Session, identity: str, status: int = 200) -> Response:
    bulletin, unit, version = bulletins.find(session, actor(), identity)
    clip = session.get(Clip, version.clip_id)
    if clip is None:
        raise NotFound
    shown = _bulletin(bulletin, unit, version, clip, renditions.with_clips(session, version))
    given, needed = approval_rules.given(session, version.id), approval_rules.approvals_needed(session, unit, version)
    return answer(shown.model_copy(update={"approvals": len(given), "approvals_needed": needed}), status)


@for_scripts
def create_bulletin() -> Response:
    """A draft; its speech is queued at once."""
    here, wanted = house(), body(BulletinBody)
    here.check_room()
    draft = _draft(wanted, here.settings.zone)
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        version = bulletins.create(
            session, actor(), unit, draft, max_chars=here.settings.max_text_chars, now=here.clock()
        )
        return _shown(session, version.bulletin_id, 201)


@for_scripts
def edit_bulletin(identity: str) -> Response:
    """Rewrite a draft, or make a new draft version of what was decided already."""
    here, wanted = house(), body(BulletinEdit)
    here.check_room()
    draft = _draft(wanted, here.settings.zone)
    with here.database.write() as session:
        bulletins.edit(session, actor(), identity, draft, max_chars=here.settings.max_text_chars, now=here.clock())
        return _shown(session, identity)


@for_scripts
def list_bulletins() -> Response:
    """The bulletins the caller sees, the newest first; `state` narrows."""
    limit = page_size()
    with house().database.read() as session:
        rows = bulletins.visible(
            session, actor(), state=request.args.get("state") or None, before=cursor("zz"), limit=limit + 1
        )
        items = [_bulletin(*row, renditions.with_clips(session, row[2])) for row in rows[:limit]]
    return listed(items, items[-1].id if len(rows) > limit else None)


@for_scripts
def show_bulletin(identity: str) -> Response:
    """A bulletin in its latest version."""
    with house().database.read() as session:
        return _shown(session, identity)


@for_scripts
def submit_bulletin(identity: str) -> Response:
    """Hand a draft to whoever approves."""
    here = house()
    with here.database.write() as session:
        bulletins.submit(session, actor(), identity, here.clock())
        return _shown(session, identity)


@for_scripts
def approve_bulletin(identity: str) -> Response:
    """Answer for a submitted bulletin. Where two people must, it stays submitted after the first."""
    here = house()
    with here.database.write() as session:
        bulletins.approve(session, actor(), identity, here.clock())
        bulletin_air.carry_out(session, actor(), identity, here.clock())
        return _shown(session, identity)


@for_scripts
def reject_bulletin(identity: str) -> Response:
    """Send a submitted bulletin back with a reason."""
    here, wanted = house(), body(ReasonBody)
    with here.database.write() as session:
        bulletins.reject(session, actor(), identity, wanted.reason, here.clock())
        return _shown(session, identity)


@for_scripts
def withdraw_bulletin(identity: str) -> Response:
    """Take a bulletin off the air for good."""
    here = house()
    with here.database.write() as session:
        bulletins.withdraw(session, actor(), identity, here.clock())
        return _shown(session, identity)


def _entries(items: list[EntryBody]) -> list[programmes.Entry]:
    if any(item.relay is not None and item.seconds is None for item in items):
        raise InvalidInput(N_("Say how many seconds of the relay are taken over."), fields={"items": "seconds"})
    return [
        programmes.Entry(
            bulletin=item.bulletin,
            clip=item.clip,
            newest=programmes.Newest(**item.newest.model_dump()) if item.newest else None,
            rotation=tuple(item.rotation) if item.rotation is not None else None,
            relay=_relay(item),
            role=item.role,
        )
        for item in items
    ]


def _relay(item: EntryBody) -> Relay | None:
    if item.relay is None:
        return None
    return Relay(item.relay, item.seconds or 0.0, item.title, item.fallback, item.via)


def _relays(entries: list[programmes.Entry]) -> list[Relay]:
    return [entry.relay for entry in entries if entry.relay is not None][: programmes.MAX_RELAYS + 1]


def _programme(session: Session, programme: Programme, unit: Unit) -> ProgrammeAnswer:
    items: list[dict[str, Any]] = []
    for item in programmes.items(session, programme.id):
        entry: dict[str, Any] = {item.kind: item.bulletin_id or item.clip_id}
        if item.kind == "newest":
            bounds = {"max_age_days": item.max_age_days, "unheard_days": item.unheard_days, "unit": item.from_unit_id}
            given = {name: value for name, value in bounds.items() if value is not None}
            entry = {"newest": {"field": item.field, "priority": item.priority, "count": item.count} | given}
        elif item.kind == "rotation":
            entry = {"rotation": item.choices}
        elif item.kind == "relay":
            entry = {"relay": item.relay, "seconds": item.seconds, "title": item.title, "via": item.via}
            entry |= {"fallback": item.clip_id} if item.clip_id else {}
        items.append(entry | ({"role": item.role} if item.role else {}))
    return ProgrammeAnswer(id=programme.id, unit=unit.code, title=programme.title, items=items)


@for_scripts
def create_programme() -> Response:
    """A playlist of bulletins, recordings, "the newest" and relays, whose addresses are tried first."""
    here, wanted = house(), body(ProgrammeBody)
    entries = _entries(wanted.items)
    trying.try_relays(_relays(entries), wanted.unit)
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        programme = programmes.create(session, actor(), unit, wanted.title, entries, here.clock())
        return answer(_programme(session, programme, unit), 201)


@for_scripts
def edit_programme(identity: str) -> Response:
    """Change a programme; airings that have not begun are issued anew. Addresses that are new in it are tried first."""
    here, wanted = house(), body(ProgrammeBody)
    entries = _entries(wanted.items)
    trying.try_relays(_relays(entries), wanted.unit, identity)
    with here.database.write() as session:
        programme = programmes.edit(session, actor(), identity, wanted.title, entries, here.clock())
        _, unit = programmes.find(session, actor(), programme.id)
        return answer(_programme(session, programme, unit))


@for_scripts
def list_programmes() -> Response:
    """The programmes the caller sees, the newest first."""
    limit = page_size()
    with house().database.read() as session:
        rows = programmes.visible(session, actor(), before=cursor("zz"), limit=limit + 1)
        items = [_programme(session, programme, unit) for programme, unit in rows[:limit]]
    return listed(items, items[-1].id if len(rows) > limit else None)


@for_scripts
def show_programme(identity: str) -> Response:
    """One programme."""
    with house().database.read() as session:
        return answer(_programme(session, *programmes.find(session, actor(), identity)))
