"""Bulletins: the list, one bulletin with its sound and its history, and the buttons that move it on."""

from flask import Blueprint, render_template, request, send_file, url_for
from sqlmodel import Session
from werkzeug.wrappers import Response

from audio import clips
from audio.models import Clip
from audio.reading import spoken
from core.errors import N_, LoaError, NotFound
from playlists import bulletins, subjects
from playlists.models import Bulletin, BulletinVersion
from registry import naming, trail
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.messages import said
from web.panel import forms, labels, times

PAGE = 25
STATES = ("draft", "submitted", "approved", "rejected", "withdrawn")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/bulletins", endpoint="bulletins", view_func=listed)
    blueprint.add_url_rule("/bulletins/<identity>", endpoint="bulletin", view_func=detail)
    blueprint.add_url_rule("/bulletins/<identity>/progress", endpoint="bulletin_progress", view_func=progress)
    blueprint.add_url_rule("/bulletins/<identity>/<int:number>.mp3", endpoint="bulletin_sound", view_func=sound)
    for name, view in (("submit", submit), ("approve", approve), ("reject", reject), ("withdraw", withdraw)):
        blueprint.add_url_rule(
            f"/bulletins/<identity>/{name}", endpoint=f"bulletin_{name}", view_func=view, methods=["POST"]
        )


@for_browsers
def listed() -> str:
    state = request.args.get("state", "")
    with house().database.read() as reading:
        rows = bulletins.visible(
            reading, actor(), state=state if state in STATES else None, before=request.args.get("before") or "zz",
            limit=PAGE + 1,
        )  # fmt: skip
        return render_template(
            "panel/bulletins.html",
            rows=rows[:PAGE],
            more=rows[PAGE - 1][0].id if len(rows) > PAGE else None,
            state=state,
            states=STATES,
            zones=times.zones_of(reading, (unit for _, unit, _, _ in rows)),
            subjects={each.code: each for each in subjects.every(reading)},
        )


@for_browsers
def detail(identity: str) -> str:
    with house().database.read() as reading:
        bulletin, unit, version = bulletins.find(reading, actor(), identity)
        every = bulletins.versions(reading, bulletin.id)
        history = trail.about(reading, bulletin.id)
        clip = clips.get(reading, version.clip_id)
        people = {each.written_by for each in every} | {each.decided_by for each in every}
        return render_template(
            "panel/bulletin.html",
            bulletin=bulletin,
            unit=unit,
            version=version,
            versions=every,
            clip=clip,
            clip_error=_error(clip),
            said=spoken(version.text, version.language, clip.dictionary) if version.text else "",
            sounding=next((each for each in every if each.number == bulletin.approved), None),
            history=history,
            names=naming.by_id(reading, people) | naming.by_username(reading, {entry.actor for entry in history}),
            zone=times.zone_of(reading, unit),
            subject=next((each for each in subjects.every(reading) if each.code == version.field), None),
            can=_can(bulletin, unit, version),
        )


def _can(bulletin: Bulletin, unit: Unit, version: BulletinVersion) -> dict[str, bool]:
    """Which buttons to show; the services decide again."""
    me = actor()
    writes, approves = me.may(Permission.WRITE, unit), me.may(Permission.APPROVE, unit)
    own = me.id in {version.written_by, version.submitted_by}
    alone = bulletin.approved is None and bulletin.created_by == me.id
    return {
        "edit": writes and version.state not in {"submitted", "withdrawn"},
        "submit": writes and version.state == "draft",
        "approve": approves and version.state == "submitted" and (not own or me.may(Permission.ADMINISTER, unit)),
        "reject": approves and version.state == "submitted",
        "withdraw": version.state != "withdrawn" and (approves or (writes and alone)),
        "own": own and approves and version.state == "submitted" and not me.may(Permission.ADMINISTER, unit),
    }


def _error(clip: Clip) -> str:
    return said(LoaError(clip.error_message, **clip.error_params)) if clip.error_message else ""


@for_browsers
def progress(identity: str) -> dict[str, object]:
    """How far the audio of the latest version is, for the bar on the page."""
    with house().database.read() as reading:
        _, _, version = bulletins.find(reading, actor(), identity)
        clip = clips.get(reading, version.clip_id)
        return {"state": clip.state, "percent": clip.progress, "words": labels.label("clip", clip.state)}


@for_browsers
def sound(identity: str, number: int) -> Response:
    """The MP3 of one version, for the player of the page; whoever may not see the bulletin gets nothing."""
    with house().database.read() as reading:
        bulletin, _, _ = bulletins.find(reading, actor(), identity)
        clip = _clip_of(reading, bulletin, number)
        file = clips.files(clip).mp3
    path = house().store.path(file.sha256, "mp3")
    if not path.is_file():
        raise NotFound(N_("The audio file is no longer in the store."))
    return send_file(
        path.absolute(), mimetype="audio/mpeg", conditional=True, etag=file.sha256, last_modified=None, max_age=0
    )


def _clip_of(reading: Session, bulletin: Bulletin, number: int) -> Clip:
    version = next((each for each in bulletins.versions(reading, bulletin.id) if each.number == number), None)
    if version is None:
        raise NotFound
    return clips.get(reading, version.clip_id)


def _back(identity: str) -> str:
    return url_for("panel.bulletin", identity=identity)


@for_browsers
def submit(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            bulletins.submit(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Submitted. Somebody who may approve has it on their page now."), _back(identity))


@for_browsers
def approve(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            bulletins.approve(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Approved. From now on it may sound."), _back(identity))


@for_browsers
def reject(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            bulletins.reject(writing, actor(), identity, forms.text("reason"), house().clock())

    return forms.acted(act, N_("Rejected. The writer sees your reason."), _back(identity))


@for_browsers
def withdraw(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            bulletins.withdraw(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Withdrawn. It sounds nowhere any more."), _back(identity))
