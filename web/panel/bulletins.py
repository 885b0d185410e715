"""Bulletins: the list, one bulletin with its sound and its history, and the buttons that move it on."""

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.wrappers import Response

from audio import clips
from audio.models import Clip
from audio.reading import spoken
from core.errors import N_, InvalidInput, NotFound
from playlists import approval_rules, bulletins, presence, renditions, seals, subjects
from playlists.blanks import blanks
from playlists.models import Bulletin, BulletinVersion
from registry import naming, trail
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import approving, bulletin_marks, bulletin_typing, forms, sounds, times, tongues
from web.panel import clips as clip_pages

PAGE = 25
_SUBSTITUTE = N_("A substitute voice spoke: the first choice did not answer.")
_BLANKS = N_("Blanks of the template are still there: %(blanks)s")
STATES = ("draft", "submitted", "approved", "rejected", "withdrawn")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/bulletins", endpoint="bulletins", view_func=listed)
    blueprint.add_url_rule("/bulletins/<identity>", endpoint="bulletin", view_func=detail)
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
        sound = sounds.sound(reading, clip)
        others = [(row, sounds.sound(reading, other)) for row, other in renditions.with_clips(reading, version)]
        people = {each.written_by for each in every} | {each.decided_by for each in every}
        left = blanks(version.title, version.text, *(row.text for row, _ in others))
        can, why_not = _can(bulletin, unit, version), ""
        if can["approve"]:
            given = approval_rules.given(reading, version.id)
            why_not = approval_rules.verdict(approval_rules.held(reading, unit), actor(), unit, version, given).why_not
            can["approve"] = not why_not
        now = house().clock()
        return render_template(
            "panel/bulletin.html",
            bulletin=bulletin,
            unit=unit,
            version=version,
            versions=every,
            sound=sound,
            others=others,
            making=sound.making or any(other.making for _, other in others),
            doubts=_doubts([("", sound), *((row.language, other) for row, other in others)], left),
            blanks=left,
            there=[(name, bulletin_typing.at(since, now))
                   for name, since in presence.others(reading, actor(), bulletin.id, now)],
            parts=bulletin_marks.parts(version.text, version.language, clip.dictionary)
            if len(version.text) <= bulletin_marks.AT_ONCE_CHARS or "say" in request.args else None,
            may_say=can["write"] and bool(version.text),
            saying=_saying(version, clip),
            said=spoken(version.text, version.language, clip.dictionary) if version.text else "",
            sounding=next((each for each in every if each.number == bulletin.approved), None),
            history=history,
            names=naming.by_id(reading, people) | naming.by_username(reading, {entry.actor for entry in history}),
            zone=times.zone_of(reading, unit),
            subject=next((each for each in subjects.every(reading) if each.code == version.field), None),
            can=can,
            why_not=gettext(why_not) if why_not else "",
            seal=seals.of(reading, version) if can["approve"] else "",
        )  # fmt: skip


def _saying(version: BulletinVersion, clip: Clip) -> tuple[str, str]:
    """The word to be corrected that the address names, and how it is read now."""
    written = request.args.get("say", "")[:60]
    found = bulletin_marks.parts(version.text, version.language, clip.dictionary) if written else []
    return written, next((part.change.spoken for part in found if part.change and part.text == written), "")


def _can(bulletin: Bulletin, unit: Unit, version: BulletinVersion) -> dict[str, bool]:
    """Which buttons to show; the services decide again."""
    me = actor()
    writes, approves = me.may(Permission.WRITE, unit), me.may(Permission.APPROVE, unit)
    own = me.id in {version.written_by, version.submitted_by}
    alone = bulletin.approved is None and bulletin.created_by == me.id
    return {
        "write": writes,
        "edit": writes and version.state not in {"submitted", "withdrawn"},
        "submit": writes and version.state == "draft",
        "approve": approves and version.state == "submitted" and (not own or me.may(Permission.ADMINISTER, unit)),
        "reject": approves and version.state == "submitted",
        "withdraw": version.state != "withdrawn" and (approves or (writes and alone)),
        "own": own and approves and version.state == "submitted" and not me.may(Permission.ADMINISTER, unit),
    }


def _doubts(heard: list[tuple[str, sounds.Sound]], left: list[str]) -> list[str]:
    """What is to be said of the sounds before they are approved, each with its language where there are several."""
    found = [gettext(_BLANKS, blanks=" ".join(left[:10]))] if left else []
    for language, sound in heard:
        said = [*([gettext(_SUBSTITUTE)] if sound.clip.degraded else []), *sound.warnings]
        found += [f"{tongues.name(language)}: {each}" if language else each for each in said]
    return found


@for_browsers
def sound(identity: str, number: int) -> Response:
    """The MP3 of one version, for the player of the page; whoever may not see the bulletin gets nothing."""
    with house().database.read() as reading:
        bulletin, _, _ = bulletins.find(reading, actor(), identity)
        clip = _clip_of(reading, bulletin, number)
    return clip_pages.mp3(clip)


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
            _, _, version = bulletins.find(writing, actor(), identity)
            texts = (row.text for row, _ in renditions.with_clips(writing, version))
            left = blanks(version.title, version.text, *texts)
            if left and version.state == "draft" and not forms.text("anyway"):
                raise InvalidInput(_BLANKS, blanks=" ".join(left[:10]))
            bulletins.submit(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Submitted. Somebody who may approve has it on their page now."), _back(identity))


@for_browsers
def approve(identity: str) -> Response:
    seal = forms.text("seal") or None
    return forms.told(lambda: approving.approve(identity, seal), _back(identity))


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
