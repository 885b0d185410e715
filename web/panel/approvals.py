"""The queue of what waits for approval: one bulletin at a time, to be decided with one hand on a phone.

Each form carries the seal of what was shown (`playlists.seals`). Sent twice, by two taps or after a network that came
back, an act counts once: whoever has decided that very version already is simply led on to the next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.wrappers import Response

from audio.reading import marking, spoken
from core.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from playlists import approval_rules, blanks, bulletins, desk, renditions, seals, subjects
from playlists.approval_models import Approval
from playlists.desk import Row
from playlists.models import Rendition
from registry import naming
from registry.rights import Permission
from scheduler import begun, bulletin_air
from web.access import actor, for_browsers
from web.app import house
from web.failures import wants_json
from web.messages import language, said
from web.panel import approval_words, approving, forms, sounds, times, tongues
from web.panel.rrule_words import when_in_words

_ONLY = N_("Only who approves bulletins sees this page.")
MOST = 99
_LISTED = 50
_SUBSTITUTE = N_("A substitute voice spoke: the first choice did not answer.")
_BLANK = N_("Blanks are left in the text: %(blanks)s")
_UNKNOWN = N_("Spelled letter by letter, for nobody said how it is read: %(words)s")
_MOST_WORDS = 8
SHOWN_SECONDS = 10


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/approvals", endpoint="approvals", view_func=queue)
    for name, view in (("approve", approve), ("return", send_back), ("undo", undo)):
        blueprint.add_url_rule(
            f"/approvals/<identity>/{name}", endpoint=f"approval_{name}", view_func=view, methods=["POST"]
        )


@dataclass(frozen=True)
class Undone:
    """What was decided a moment ago and can still be taken back, for so many seconds."""

    bulletin_id: str
    title: str
    is_first: bool
    seconds: int


@for_browsers
def queue() -> str:
    """The bulletin that waits longest, those with priority first; `at` names another, `done` the one just decided."""
    now = house().clock()
    with house().database.read() as reading:
        rows = _waiting(reading)
        at = next((n for n, row in enumerate(rows) if row[0].id == request.args.get("at")), 0)
        return render_template(
            "panel/approvals.html",
            rows=rows[:_LISTED],
            number=at + 1,
            count=len(rows),
            more=len(rows) >= MOST,
            following=rows[(at + 1) % len(rows)][0].id if len(rows) > 1 else "",
            undone=_undone(reading, request.args.get("done", ""), now),
            reasons=approval_words.REASONS,
            zones=times.zones_of(reading, (unit for _, unit, _, _ in rows)),
            **(_shown(reading, rows[at]) if rows else {"bulletin": None}),
        )


def _waiting(reading: Session) -> list[Row]:
    if not actor().may_somewhere(Permission.APPROVE):
        raise Forbidden(_ONLY)
    rows = desk.to_approve(reading, actor(), MOST)
    return sorted(rows, key=lambda row: row[2].priority == "ordinary")


def _shown(reading: Session, row: Row) -> dict[str, object]:
    """All there is to see and to hear of one bulletin."""
    bulletin, unit, version, clip = row
    sound = sounds.sound(reading, clip)
    others = [(other, sounds.sound(reading, heard)) for other, heard in renditions.with_clips(reading, version)]
    given = approval_rules.given(reading, version.id)
    people = {version.written_by, version.submitted_by, *(each.person_id for each in given)}
    people |= {each.deputy_of for each in given}
    dictionary = dict(clip.dictionary or {})
    return {
        "bulletin": bulletin,
        "unit": unit,
        "version": version,
        "seal": seals.of(reading, version),
        "sound": sound,
        "others": others,
        "said": spoken(version.text, version.language, dictionary) if version.text else "",
        "remarks": [*_of_sounds(sound, others), *_of_text(version.text, version.language, dictionary)],
        "wishes": [(wish, when_in_words(wish, language())) for wish in _wanted(reading, bulletin.id)],
        "given": given,
        "needed": approval_rules.approvals_needed(reading, unit, version),
        "names": naming.by_id(reading, {each for each in people if each}),
        "zone": times.zone_of(reading, unit),
        "subject": next((each for each in subjects.every(reading) if each.code == version.field), None),
    }


def _wanted(reading: Session, bulletin_id: str) -> list[bulletin_air.AirWish]:
    return bulletin_air.wanted(reading, actor(), bulletin_id)


def _of_sounds(sound: sounds.Sound, others: list[tuple[Rendition, sounds.Sound]]) -> list[str]:
    found = []
    for tongue, heard in [("", sound), *((row.language, each) for row, each in others)]:
        told = [*([gettext(_SUBSTITUTE)] if heard.clip.degraded else []), *heard.warnings]
        found += [f"{tongues.name(tongue)}: {each}" if tongue else each for each in told]
    return found


def _of_text(text: str, tongue: str, dictionary: dict[str, str]) -> list[str]:
    found = []
    left = blanks.blanks(text)
    if left:
        found.append(gettext(_BLANK, blanks=", ".join(left[:_MOST_WORDS])))
    unknown = [each.written for each in marking.changes(text, tongue, dictionary) if each.kind == marking.UNKNOWN]
    if unknown:
        found.append(gettext(_UNKNOWN, words=", ".join(list(dict.fromkeys(unknown))[:_MOST_WORDS])))
    return found


def _undone(reading: Session, identity: str, now: datetime) -> Undone | None:
    """Whether the viewer approved this just now."""
    if not identity:
        return None
    try:
        bulletin, _, version = bulletins.find(reading, actor(), identity)
    except NotFound:
        return None
    mine = _mine(reading, version.id)
    if mine is None or version.state not in {"approved", "submitted"}:
        return None
    left = SHOWN_SECONDS - int((now - mine.at).total_seconds())
    return Undone(bulletin.id, version.title, version.state == "submitted", left) if left > 0 else None


def _mine(reading: Session, version_id: str) -> Approval | None:
    return next((each for each in approval_rules.given(reading, version_id) if each.person_id == actor().id), None)


@for_browsers
def approve(identity: str) -> Response:
    """Approve the version that was shown, carry out what was wished for it, and go on to the next."""
    seal = forms.text("seal")
    return _decided(lambda: approving.approve(identity, seal), identity, done=True)


@for_browsers
def send_back(identity: str) -> Response:
    """Send it back with the reasons that were tapped and the words that were written."""
    here, seal = house(), forms.text("seal")
    known = approval_words.REASONS
    tapped = [gettext(known[each]) for each in request.form.getlist("ready") if each in known]
    reason = " ".join([*tapped, forms.text("reason")]).strip()

    def act() -> str:
        with here.database.write() as writing:
            _, _, version = bulletins.find(writing, actor(), identity)
            again = version.state == "rejected" and version.decided_by == actor().id
            if again and seals.of(writing, version) == seal:
                return N_("Sent back already.")
            bulletins.reject(writing, actor(), identity, reason, here.clock(), expected=seal)
        return N_("Rejected. The writer sees your reason.")

    return _decided(act, identity, done=False)


@for_browsers
def undo(identity: str) -> Response:
    """Take back the viewer's own approval of a moment ago, where nothing of it has sounded."""
    here = house()

    def act() -> str:
        with here.database.write() as writing:
            _, unit, version = bulletins.find(writing, actor(), identity)
            actor().require(Permission.APPROVE, unit)
            since = version.decided_at or here.clock()
            if begun.has_begun(writing, identity, since, here.clock()):
                raise Conflict(N_("It sounds already. Withdraw the bulletin if it must not."))
            bulletins.take_back_approval(writing, actor(), identity, here.clock())
            if bulletin_air.put_back(writing, actor(), identity, since, here.clock()):
                return N_(
                    "The approval is taken back, and what it put on the timetable as well. The bulletin waits again."
                )
            if any(each.state == "arranged" for each in _wanted(writing, identity)):
                return N_("The approval is taken back. Its place on the timetable stays, silent until it is approved.")
        return N_("The approval is taken back. The bulletin waits again.")

    return _decided(act, identity, done=False, stay=True)


def _decided(act: Callable[[], str], identity: str, *, done: bool, stay: bool = False) -> Response:
    """Do it and lead on; a script is told where, and gets a refusal as it is."""
    try:
        flash(gettext(act()), "success")
        target = url_for("panel.approvals", at=identity) if stay else url_for(
            "panel.approvals", done=identity if done else None
        )  # fmt: skip
    except NotFound:
        raise
    except (InvalidInput, Conflict) as error:
        if wants_json():
            raise
        flash(said(error), "danger")
        target = url_for("panel.approvals", at=identity)
    return jsonify({"next": target}) if wants_json() else redirect(target, 303)
