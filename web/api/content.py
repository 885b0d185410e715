"""Script API: bulletins, clips, programmes."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from sqlmodel import Session

from audio import clips, uploads
from audio.models import Clip
from core.errors import N_, InvalidInput, NotFound
from playlists import bulletins, programmes
from playlists.models import Bulletin, BulletinVersion, Programme
from registry import units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_scripts
from web.api.bodies import (
    BulletinAnswer,
    BulletinBody,
    BulletinEdit,
    ClipAnswer,
    EntryBody,
    ProgrammeAnswer,
    ProgrammeBody,
    ReasonBody,
)
from web.api.reading import answer, body, cursor, listed, local_or_instant, page_size
from web.app import house
from web.messages import said_of_clip


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
        ("POST", "/clips", create_clip),
        ("GET", "/clips/<identity>", show_clip),
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
    )  # fmt: skip


def _moment(value: datetime | str | None, default_zone: str, *, end: bool = False) -> datetime | None:
    if value is None or value == "":
        return None
    return local_or_instant(value if isinstance(value, str) else value.isoformat(), default_zone, end=end)


def _bulletin(bulletin: Bulletin, unit: Unit, version: BulletinVersion, clip: Clip) -> BulletinAnswer:
    return BulletinAnswer(
        id=bulletin.id, state=version.state, version=version.number, approved_version=bulletin.approved, unit=unit.code,
        title=version.title, text=version.text, clip=clip.id, clip_state=clip.state, spoken_by=clip.spoken_by or "",
        seconds=clip.seconds, language=version.language, field=version.field,
        priority=version.priority,
        voice=version.voice, valid_from=version.valid_from, valid_until=version.valid_until, reason=version.reason,
    )  # fmt: skip


def _shown(session: Session, identity: str, status: int = 200) -> Response:
    bulletin, unit, version = bulletins.find(session, actor(), identity)
    clip = session.get(Clip, version.clip_id)
    if clip is None:
        raise NotFound
    return answer(_bulletin(bulletin, unit, version, clip), status)


@for_scripts
def create_bulletin() -> Response:
    """A draft; its speech is queued at once."""
    here, wanted = house(), body(BulletinBody)
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
    items = [_bulletin(*row) for row in rows[:limit]]
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
    """Answer for a submitted bulletin."""
    here = house()
    with here.database.write() as session:
        bulletins.approve(session, actor(), identity, here.clock())
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


@for_scripts
def create_clip() -> Response:
    """Hand in a recording (multipart `file`, and `unit` where the caller works in several). Mastered by the worker."""
    here, who = house(), actor()
    upload = request.files.get("file")
    if upload is None:
        raise InvalidInput(
            N_("Send the recording as multipart form data in the field “file”."), fields={"file": "missing"}
        )
    with here.database.read() as session:
        unit = _unit_for_upload(session, request.form.get("unit", ""))
    kept = uploads.receive(
        upload.stream, here.settings.uploads, limit_bytes=here.settings.max_upload_bytes, filename=upload.filename or ""
    )
    try:
        with here.database.write() as session:
            clip = clips.request_recording(
                session, unit_id=unit.id, upload=kept.path, title=kept.title, created_by=who.id, now=here.clock()
            )
    except BaseException:
        (here.settings.uploads / kept.path).unlink(missing_ok=True)
        raise
    return answer({"id": clip.id, "state": clip.state}, 202)


def _unit_for_upload(session: Session, named: str) -> Unit:
    who = actor()
    if named:
        unit = units.find(session, who, named)
        who.require(Permission.WRITE, unit)
        return unit
    mine = units.visible(session, who, Permission.WRITE)
    if not mine:
        raise NotFound(N_("There is no unit where you may hand in recordings."))
    return mine[0]


@for_scripts
def show_clip(identity: str) -> Response:
    """How far a clip is, and what it became."""
    with house().database.read() as session:
        clip = session.get(Clip, identity)
        unit = session.get(Unit, clip.unit_id) if clip else None
    if clip is None or unit is None or not actor().may(Permission.SEE, unit):
        raise NotFound
    shown = ClipAnswer(id=clip.id, state=clip.state, progress=clip.progress)
    if clip.state == "ready":
        shown = shown.model_copy(
            update={
                "seconds": clip.seconds, "lufs": clip.lufs, "true_peak_db": clip.true_peak_db,
                "spoken_by": clip.spoken_by or None, "degraded": clip.degraded, "clip": clips.files(clip).model_dump(),
            }
        )  # fmt: skip
    elif clip.state == "failed":
        shown = shown.model_copy(update={"error": said_of_clip(clip)})
    return answer({key: value for key, value in shown.model_dump(mode="json").items() if value is not None})


def _entries(items: list[EntryBody]) -> list[programmes.Entry]:
    if any(item.relay is not None for item in items):
        raise InvalidInput(
            N_("Relays of other broadcasters can't be put into a programme in this version."), fields={"items": "relay"}
        )
    return [
        programmes.Entry(
            bulletin=item.bulletin,
            clip=item.clip,
            newest=programmes.Newest(**item.newest.model_dump()) if item.newest else None,
        )
        for item in items
    ]


def _programme(session: Session, programme: Programme, unit: Unit) -> ProgrammeAnswer:
    items: list[dict[str, Any]] = []
    for item in programmes.items(session, programme.id):
        if item.kind == "newest":
            items.append({"newest": {"field": item.field, "priority": item.priority, "count": item.count}})
        else:
            items.append({item.kind: item.bulletin_id or item.clip_id})
    return ProgrammeAnswer(id=programme.id, unit=unit.code, title=programme.title, items=items)


@for_scripts
def create_programme() -> Response:
    """A playlist of bulletins, recordings and "the newest"."""
    here, wanted = house(), body(ProgrammeBody)
    entries = _entries(wanted.items)
    with here.database.write() as session:
        unit = units.find(session, actor(), wanted.unit)
        programme = programmes.create(session, actor(), unit, wanted.title, entries, here.clock())
        return answer(_programme(session, programme, unit), 201)


@for_scripts
def edit_programme(identity: str) -> Response:
    """Change a programme; airings that have not begun are issued anew."""
    here, wanted = house(), body(ProgrammeBody)
    entries = _entries(wanted.items)
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
