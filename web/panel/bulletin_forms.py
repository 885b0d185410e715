"""Writing and rewriting a bulletin: a text to be spoken, or a recording."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.wrappers import Response

from audio import clips, uploads
from audio.models import RECORDING, Clip
from core.errors import InvalidInput
from playlists import bulletins, subjects
from playlists.models import BulletinVersion
from registry import units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.messages import language
from web.panel import forms, times

Answer = Response | str | tuple[str, int]
Typed = MultiDict[str, str]
# Languages that broadcasts are made in: those without a voice here take a recording.
LANGUAGES = (
    ("vi", "Tiếng Việt"), ("en", "English"), ("hmn", "Hmoob / H'Mông"), ("tyz", "Tày"), ("nut", "Nùng"), ("ium", "Dao"),
    ("km", "ខ្មែរ / Khmer"), ("rad", "Ê Đê"), ("jra", "Gia Rai"), ("bdq", "Ba Na"), ("sed", "Xơ Đăng"), ("cjm", "Chăm"),
    ("zh", "中文 / Hoa"),
)  # fmt: skip


def register(blueprint: Blueprint) -> None:
    for path, view in (("/bulletins/new", bulletin_new), ("/bulletins/<identity>/edit", bulletin_edit)):
        blueprint.add_url_rule(path, view_func=view, methods=["GET", "POST"])


@for_browsers
@forms.keeps_text
def bulletin_new() -> Answer:
    typed: Typed = MultiDict(request.form or {"language": "vi", "field": "general", "priority": "ordinary"})
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _save(None, typed))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    return _page(typed, problem, None)


@for_browsers
@forms.keeps_text
def bulletin_edit(identity: str) -> Answer:
    with house().database.read() as reading:
        _, unit, version = bulletins.find(reading, actor(), identity)
        actor().require(Permission.WRITE, unit)
        typed = MultiDict(request.form) if request.method == "POST" else _from(reading, unit, version)
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _save(identity, typed))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    return _page(typed, problem, identity)


def _from(reading: Session, unit: Unit, version: BulletinVersion) -> Typed:
    zone = times.zone_of(reading, unit)
    clip = clips.get(reading, version.clip_id)
    return MultiDict(
        {
            "title": version.title, "text": version.text, "clip": clip.id if clip.kind == RECORDING else "",
            "unit": unit.id, "language": version.language, "field": version.field, "priority": version.priority,
            "voice": version.voice or "", "valid_from": times.for_input(version.valid_from, zone),
            "valid_until": times.for_input(version.valid_until, zone),
        }
    )  # fmt: skip


def _save(identity: str | None, typed: Typed) -> Response:
    """Store what was typed. A recording is received first and kept, so that an error elsewhere does not lose it."""
    now, settings = house().clock(), house().settings
    file = request.files.get("file")
    if file is not None and file.filename:
        typed["clip"] = _receive(identity, typed)
    with house().database.write() as writing:
        unit = _unit(writing, identity, typed)
        zone = times.zone_of(writing, unit)
        clip = typed.get("clip", "")
        draft = bulletins.Draft(
            title=typed.get("title", ""), text=typed.get("text", ""), clip=clip or None,
            language=forms.text("language", typed) or "vi", field=forms.text("field", typed),
            priority=forms.text("priority", typed), voice=forms.text("voice", typed) or None,
            valid_from=times.from_input(typed.get("valid_from", ""), zone),
            valid_until=times.from_input(typed.get("valid_until", ""), zone),
        )  # fmt: skip
        if identity is None:
            version = bulletins.create(writing, actor(), unit, draft, max_chars=settings.max_text_chars, now=now)
        else:
            version = bulletins.edit(writing, actor(), identity, draft, max_chars=settings.max_text_chars, now=now)
        bulletin = version.bulletin_id
    flash(gettext("Saved as a draft. Listen to it, then submit it for approval."), "success")
    return redirect(url_for("panel.bulletin", identity=bulletin), 303)


def _unit(session: Session, identity: str | None, typed: Typed) -> Unit:
    if identity is not None:
        return bulletins.find(session, actor(), identity)[1]
    return units.find(session, actor(), forms.text("unit", typed))


def _receive(identity: str | None, typed: Typed) -> str:
    file, settings, now = request.files["file"], house().settings, house().clock()
    try:
        upload = uploads.receive(
            file.stream, settings.uploads, limit_bytes=settings.max_upload_bytes, filename=file.filename or ""
        )
    except InvalidInput as error:
        error.fields = {"file": error.code}
        raise
    with uploads.discarded_on_failure(settings.uploads, upload), house().database.write() as writing:
        unit = _unit(writing, identity, typed)
        actor().require(Permission.WRITE, unit)
        return clips.request_recording(
            writing, unit_id=unit.id, upload=upload.path, title=upload.title, created_by=actor().id, now=now,
            language=(forms.text("language", typed) or "vi")[:12],
        ).id  # fmt: skip


def _page(typed: Typed | ImmutableMultiDict[str, str], problem: forms.Problem | None, identity: str | None) -> Answer:
    with house().database.read() as reading:
        writable: Sequence[Unit] = units.visible(reading, actor(), Permission.WRITE)
        page = render_template(
            "panel/bulletin_form.html",
            form=typed,
            problem=problem,
            identity=identity,
            units=writable,
            fields=[(each.code, each.name_vi if language() == "vi" else each.name_en)
                    for each in subjects.every(reading)],
            languages=LANGUAGES,
            clip=reading.get(Clip, typed.get("clip", "")) if typed.get("clip") else None,
            max_chars=house().settings.max_text_chars,
            max_bytes=house().settings.max_upload_bytes,
            gtts=house().settings.gtts_enabled,
        )  # fmt: skip
    return page, problem.status if problem else 200
