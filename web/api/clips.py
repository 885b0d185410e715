"""Script API: clips, and how much of them a unit may keep."""

from flask import Blueprint, Response, request
from sqlmodel import Session

from audio import cancelling, clips, quotas, uploads
from audio.models import Clip
from core.errors import N_, InvalidInput, LoaError, NotFound
from registry import units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_scripts
from web.api.bodies import ClipAnswer, ClipWarning, QuotaBody, StorageAnswer
from web.api.reading import answer, body
from web.app import house
from web.messages import said, said_of_clip


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/clips", create_clip),
        ("GET", "/clips/<identity>", show_clip),
        ("DELETE", "/clips/<identity>", cancel_clip),
        ("GET", "/units/<identity>/storage", show_storage),
        ("PUT", "/units/<identity>/quota", put_quota),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def create_clip() -> Response:
    """Hand in a recording (multipart `file`, `unit` where the caller works in several, `preset`).

    Who may not is told before the recording is read, as far as the address says where it belongs.
    """
    here, who = house(), actor()
    with here.database.read() as session:
        _unit_for_upload(session, request.args.get("unit", ""))
    upload = request.files.get("file")
    if upload is None:
        raise InvalidInput(
            N_("Send the recording as multipart form data in the field “file”."), fields={"file": "missing"}
        )
    with here.database.read() as session:
        unit = _unit_for_upload(session, request.form.get("unit", "") or request.args.get("unit", ""))
    kept = uploads.receive(
        upload.stream, here.settings.uploads, limit_bytes=here.settings.max_upload_bytes,
        filename=upload.filename or "", reserve_bytes=here.settings.reserve_bytes,
    )  # fmt: skip
    with uploads.discarded_on_failure(here.settings.uploads, kept), here.database.write() as session:
        clip = clips.request_recording(
            session, unit_id=unit.id, upload=kept.path, title=kept.title, created_by=who.id, now=here.clock(),
            preset=request.form.get("preset") or None,
        )  # fmt: skip
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
    return _clip(clip)


def _clip(clip: Clip) -> Response:
    shown = ClipAnswer(id=clip.id, state=clip.state, progress=clip.progress, preset=clip.preset)
    if clip.state == "ready":
        shown = shown.model_copy(
            update={
                "seconds": clip.seconds, "lufs": clip.lufs, "true_peak_db": clip.true_peak_db,
                "spoken_by": clip.spoken_by or None, "degraded": clip.degraded, "clip": clips.files(clip).model_dump(),
                "warnings": [
                    ClipWarning(code=each["code"], message=said(LoaError(each["message"], **each["params"])))
                    for each in clip.warnings
                ],
            }
        )  # fmt: skip
    elif clip.state == "failed":
        shown = shown.model_copy(update={"error": said_of_clip(clip)})
    return answer({key: value for key, value in shown.model_dump(mode="json").items() if value is not None})


@for_scripts
def cancel_clip(identity: str) -> Response:
    """Stop making a clip that is not ready yet."""
    here = house()
    cancelling.cancel_clip(here.database, here.settings.uploads, actor(), identity, here.clock())
    with here.database.read() as session:
        return _clip(clips.get(session, identity))


@for_scripts
def show_storage(identity: str) -> Response:
    """How much audio a unit and all below it keep, and how much they may."""
    with house().database.read() as session:
        return answer(_storage(session, units.find(session, actor(), identity)))


@for_scripts
def put_quota(identity: str) -> Response:
    """Bound how much audio a unit and all below it keep; null takes the bound away."""
    here, wanted = house(), body(QuotaBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        quotas.put_quota(session, actor(), unit, wanted.quota_mb, here.clock())
        return answer(_storage(session, unit))


def _storage(session: Session, unit: Unit) -> StorageAnswer:
    held = quotas.held(session, unit)
    return StorageAnswer(unit=unit.code, used_bytes=held.used_bytes, quota_mb=held.quota_mb, left_bytes=held.left_bytes)
