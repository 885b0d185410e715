"""Writing and rewriting a bulletin: a text to be spoken or a recording, in one language or in several."""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from audio.models import RECORDING, Clip
from core.errors import InvalidInput, NotFound
from playlists import bulletins, editions, hearing, renditions, subjects
from playlists.models import BulletinVersion
from registry import naming, unit_choices, units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.messages import language
from web.panel import bulletin_inserts, bulletin_languages, bulletin_typing, forms, recordings, sounds, times, tongues
from web.panel.sounds import Sound

# How long a character of a notice takes to be said, for the estimate while somebody types: espeak-ng takes 0.078 to
# 0.085 s for the templates that come with the program.
SECONDS_PER_CHAR = 0.08
# What stands under “More”, with what it is when nobody has set it.
_MORE = {
    "language": "vi", "field": "general", "priority": "ordinary", "voice": "", "twice": "1", "valid_from": "",
    "valid_until": "",
}  # fmt: skip
Answer = Response | str | tuple[str, int]
Typed = MultiDict[str, str]
_TWICE = {"1": False, "2": True}


def register(blueprint: Blueprint) -> None:
    for path, view in (("/bulletins/new", bulletin_new), ("/bulletins/<identity>/edit", bulletin_edit)):
        blueprint.add_url_rule(path, view_func=view, methods=["GET", "POST"])


@for_browsers
@forms.keeps_text
def bulletin_new() -> Answer:
    tab = request.values.get("tab") or request.args.get("note", "")
    with house().database.read() as reading:
        saved = bulletin_typing.saved_as(reading, tab)
    if saved and request.method == "GET":
        return redirect(url_for("panel.bulletin_edit", identity=saved))
    typed: Typed = MultiDict(request.form or {"language": "vi", "field": "general", "priority": "ordinary"})
    if not request.form and tab:
        with house().database.read() as reading:
            typed = bulletin_typing.resumed(reading, None, tab) or typed
    typed["tab"] = bulletin_typing.tab_of(tab)
    return _answer(None, typed)


@for_browsers
@forms.keeps_text
def bulletin_edit(identity: str) -> Answer:
    with house().database.read() as reading:
        _, unit, version = bulletins.find(reading, actor(), identity)
        actor().require(Permission.WRITE, unit)
        if request.method == "POST":
            typed = MultiDict(request.form)
        else:
            kept = bulletin_typing.resumed(reading, identity, "") if "note" in request.args else None
            typed = kept or _from(reading, unit, version)
            typed["unit"] = unit.id
    return _answer(identity, typed)


def _answer(identity: str | None, typed: Typed) -> Answer:
    problem, opened = None, ""
    if request.method == "POST":
        step = forms.text("step") or "save"
        done = forms.attempt(lambda: _stepped(identity, typed, step) or _save(identity, typed))
        if not isinstance(done, forms.Problem):
            if done is not _STAY:
                return done
            opened = (bulletin_languages.prefixes(typed) or [""])[-1] if step == "add-language" else ""
        else:
            problem = done
    return _page(typed, problem, identity, opened)


_STAY = Response()  # the form is shown again, one row longer or shorter


def _stepped(identity: str | None, typed: Typed, step: str) -> Response | None:
    """Change the form, keeping the recordings that came along; None when it is to be saved."""
    if step in {"use-template", "take-words"}:
        _receive_all(identity, typed)
        if step == "take-words":
            bulletin_inserts.put_document(typed)
        else:
            with house().database.read() as reading:
                bulletin_inserts.put_template(reading, _unit(reading, identity, typed), typed)
        return _STAY
    if step == "add-language":
        _receive_all(identity, typed)
        bulletin_languages.add(typed, forms.text("new-language"))
        return _STAY
    if step.startswith("remove-"):
        _receive_all(identity, typed)
        bulletin_languages.remove(typed, step.removeprefix("remove-"))
        return _STAY
    return None


def _from(reading: Session, unit: Unit, version: BulletinVersion) -> Typed:
    zone = times.zone_of(reading, unit)
    clip = reading.get(Clip, version.clip_id)
    return MultiDict(
        {
            "title": version.title, "text": version.text,
            "clip": clip.id if clip and clip.kind == RECORDING else "",
            "unit": unit.id, "language": version.language, "field": version.field, "priority": version.priority,
            "voice": version.voice or "", "twice": "2" if version.twice else "1",
            "valid_from": times.for_input(version.valid_from, zone),
            "valid_until": times.for_input(version.valid_until, zone),
            "base": editions.edition(reading, version),
            **bulletin_languages.present(reading, version),
        }
    )  # fmt: skip


def _save(identity: str | None, typed: Typed) -> Response:
    """Store what was typed. Recordings are received first and kept, so that an error elsewhere does not lose them."""
    now, settings = house().clock(), house().settings
    house().check_room()
    _receive_all(identity, typed)
    with house().database.write() as writing:
        identity = identity or bulletin_typing.saved_as(writing, typed.get("tab", ""))
        unit = _unit(writing, identity, typed)
        zone = times.zone_of(writing, unit)
        draft = bulletins.Draft(
            title=typed.get("title", ""), text=typed.get("text", ""), clip=typed.get("clip", "") or None,
            language=forms.text("language", typed) or "vi", field=forms.text("field", typed),
            priority=forms.text("priority", typed), voice=forms.text("voice", typed) or None,
            valid_from=times.from_input(typed.get("valid_from", ""), zone),
            valid_until=times.from_input(typed.get("valid_until", ""), zone),
            twice=_TWICE.get(forms.text("twice", typed)),
            others=bulletin_languages.written(typed, settings.max_text_chars),
        )  # fmt: skip
        for clip in (draft.clip, *(other.clip for other in draft.others)):
            recordings.bring_home(writing, actor(), clip, unit)
        if identity is None:
            version = bulletins.create(writing, actor(), unit, draft, max_chars=settings.max_text_chars, now=now)
        else:
            present = bulletins.find(writing, actor(), identity)[2]
            editions.expect(writing, present, typed.get("base", ""))
            over = forms.text("step") == "save-mine" or (not typed.get("base") and present.written_by != actor().id)
            aside = gettext("Another text was saved instead of this one.") if over else ""
            version = bulletins.edit(
                writing, actor(), identity, draft, max_chars=settings.max_text_chars, now=now, aside=aside
            )
        bulletin = version.bulletin_id
        bulletin_typing.saved(writing, bulletin, typed.get("tab", ""), now)
    flash(gettext("Saved as a draft. Listen to it, then submit it for approval."), "success")
    return redirect(url_for("panel.bulletin", identity=bulletin), 303)


def _unit(session: Session, identity: str | None, typed: Typed) -> Unit:
    if identity is not None:
        return bulletins.find(session, actor(), identity)[1]
    return units.find(session, actor(), forms.text("unit", typed))


def _receive_all(identity: str | None, typed: Typed) -> None:
    for prefix in ("", *bulletin_languages.prefixes(typed)):
        file = request.files.get(f"{prefix}file")
        if file is None or not file.filename:
            continue
        spoken, preset = forms.text(f"{prefix}language", typed), forms.text(f"{prefix}preset", typed)
        try:
            clip = recordings.take(file, lambda session: _unit(session, identity, typed), spoken, preset)
        except InvalidInput as error:
            error.fields = {f"{prefix}file": error.code}
            raise
        typed[f"{prefix}clip"] = clip.id


def _kept(reading: Session, typed: Typed) -> dict[str, Sound]:
    """The recordings that the form carries, by the beginning of their fields' names."""
    found = {}
    for prefix in ("", *bulletin_languages.prefixes(typed)):
        identity = typed.get(f"{prefix}clip", "")
        try:
            found[prefix] = sounds.sound(reading, hearing.find(reading, actor(), identity))
        except NotFound:
            continue
    return found


@dataclass(frozen=True)
class Theirs:
    """What somebody else has saved while this form was being filled in."""

    version: BulletinVersion
    name: str
    at: str
    others: dict[str, str]


def _theirs(reading: Session, identity: str, typed: Typed) -> Theirs:
    """The saved text for the page that shows both; what is typed counts from now on as typed upon it."""
    _, _, version = bulletins.find(reading, actor(), identity)
    typed["base"] = editions.edition(reading, version)
    names = naming.by_id(reading, [version.written_by])
    others = {row.language: row.text for row, _ in renditions.with_clips(reading, version) if row.text}
    at = bulletin_typing.at(version.written_at, house().clock())
    return Theirs(version, names.get(version.written_by, ""), at, others)


def _page(typed: Typed, problem: forms.Problem | None, identity: str | None, opened: str) -> Answer:
    settings, voices, now = house().settings, tongues.voices(), house().clock()
    there = bulletin_typing.arrive(identity, now) if identity is not None and request.method == "GET" else []
    with house().database.read() as reading:
        rows = bulletin_languages.rows(typed, voices)
        chosen = unit_choices.picked(reading, actor(), typed.get("unit", ""), Permission.WRITE)
        mine = unit_choices.offered(reading, actor(), Permission.WRITE, chosen.id if chosen else "")
        at = chosen or (mine[0] if mine else None)
        home = units.find(reading, actor(), at.id) if at else None
        clash = problem is not None and identity is not None and problem.error.code == editions.CODE
        page = render_template(
            "panel/bulletin_form.html",
            form=typed,
            problem=problem,
            identity=identity,
            version=bulletins.find(reading, actor(), identity)[2] if identity else None,
            units=mine,
            home=home,
            theirs=_theirs(reading, identity, typed) if clash and identity else None,
            there=there,
            resumable=bulletin_typing.offered(reading, identity, typed, now) if request.method == "GET" else [],
            resumed="note" in request.args and request.method == "GET",
            templates=bulletin_inserts.choices(reading, home),
            opened_more=_opened_more(typed, problem),
            seconds_per_char=SECONDS_PER_CHAR,
            fields=[(each.code, each.name_vi if language() == "vi" else each.name_en)
                    for each in subjects.every(reading)],
            languages=tongues.groups(voices, typed.get("language", ""), *(row.language for row in rows)),
            voiced=tongues.voiced(voices),
            voices=sorted(voices, key=lambda voice: tongues.main(voice.language) != tongues.HOME),
            rows=rows,
            opened=opened,
            kept=_kept(reading, typed),
            max_chars=settings.max_text_chars,
            max_bytes=settings.max_upload_bytes,
            limit_seconds=settings.max_clip_seconds,
        )  # fmt: skip
    return page, problem.status if problem else 200


def _opened_more(typed: Typed, problem: forms.Problem | None) -> bool:
    """Whether the part “More” stands open: something in it is set, or wrong."""
    wrong = problem is not None and not problem.fields.isdisjoint(_MORE)
    return wrong or any(typed.get(name, usual) not in ("", usual) for name, usual in _MORE.items())
