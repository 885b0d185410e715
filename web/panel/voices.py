"""How a unit has each language read: which voices in which order, how fast, how high; and hearing a sample of it."""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from audio import clips, lexicon, voicing
from audio.engines.base import Voice
from audio.models import VoiceChoice
from audio.presets import PRESETS
from audio.voicing import Manner
from core.errors import N_, Forbidden, InvalidInput, NotFound
from playlists import hearing
from registry import unit_choices, units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, sounds, tongues

Answer = Response | str | tuple[str, int]
Typed = MultiDict[str, str]
MOST_SAMPLE_CHARS = 300
_ONLY = N_("Only who may write bulletins sees the voices.")
_SAMPLES = {
    "vi": "Kính thưa bà con. Đây là giọng đọc thử của đài truyền thanh xã, lúc 7 giờ 30 ngày 2/9.",
    "en": "Good morning. This is a sample of the voice of the commune's loudspeakers.",
    "km": "សួស្តី។ នេះជាសំឡេងសាកល្បង។",
    "zh": "大家好，这是广播站的试音。",
}
_NO_SAMPLE = N_("Write a sentence in this language to hear it.")


@dataclass(frozen=True)
class Spoken:
    """How one language is spoken at a unit: `own` says whether by its own choice, `source` is the unit that chose."""

    language: str
    manner: Manner
    own: bool
    source: Unit


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/voices", endpoint="voices", view_func=first)
    blueprint.add_url_rule("/voices/<identity>", endpoint="voice_unit", view_func=listed)
    blueprint.add_url_rule(
        "/voices/<identity>/<language>", endpoint="voice_form", view_func=chosen, methods=["GET", "POST"]
    )
    blueprint.add_url_rule(
        "/voices/<identity>/<language>/remove", endpoint="voice_remove", view_func=remove, methods=["POST"]
    )


@for_browsers
def first() -> Answer:
    """The unit that was chosen, or the first where the actor may write; with a language straight to its form."""
    with house().database.read() as reading:
        mine = unit_choices.offered(reading, actor(), Permission.WRITE)
        chosen = unit_choices.picked(reading, actor(), request.args.get("unit", ""), Permission.WRITE)
    if not mine:
        raise Forbidden(_ONLY)
    identity = (chosen or mine[0]).id
    if language := request.args.get("language", ""):
        return redirect(url_for("panel.voice_form", identity=identity, language=language), 303)
    return listed(identity)


@for_browsers
def listed(identity: str) -> str:
    """Every language that this unit or one above has chosen voices for."""
    every = tongues.voices()
    with house().database.read() as reading:
        unit = _seen(reading, identity)
        rows = _held(reading, unit)
        return render_template(
            "panel/voices.html",
            unit=unit,
            units=unit_choices.offered(reading, actor(), Permission.WRITE, unit.id),
            rows=[(row, [_title(each, every) for each in row.manner.voices]) for row in rows],
            usual=[tongues.voice_title(voice) for voice in tongues.voices_of(tongues.HOME, every)[:3]],
            languages=[
                (kind, [each for each in some if each.voiced and each.code not in {row.language for row in rows}])
                for kind, some in tongues.groups(every)
            ],
        )  # fmt: skip


def _seen(reading: Session, identity: str) -> Unit:
    unit = units.find(reading, actor(), identity)
    actor().require(Permission.WRITE, unit)
    return unit


def _held(reading: Session, unit: Unit) -> list[Spoken]:
    """The choices that hold at `unit`, by the language's name; the nearest unit's for each."""
    found: dict[str, Spoken] = {}
    for each in units.ancestors(reading, unit):
        for row in voicing.entries(reading, each):
            found[row.language] = Spoken(row.language, voicing.as_manner(row), each.id == unit.id, each)
    return sorted(found.values(), key=lambda row: (row.language != tongues.HOME, tongues.name(row.language)))


def _title(identity: str, every: list[Voice]) -> str:
    voice = next((each for each in every if each.id == identity), None)
    if voice is not None:
        return tongues.voice_title(voice)
    title = tongues.engine_title(identity)
    return title if title != identity else gettext("%(voice)s (not here)", voice=identity)


@for_browsers
@forms.keeps_text
def chosen(identity: str, language: str) -> Answer:
    """How one language is read at the unit: shown, tried out, changed."""
    language = voicing.tag(language)
    with house().database.read() as reading:
        unit = _seen(reading, identity)
        own = next((row for row in voicing.entries(reading, unit) if row.language == language), None)
        held = voicing.held(reading, unit, language)
    typed: Typed = MultiDict(request.form) if request.method == "POST" else _present(held)
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _stepped(unit, language, typed))
        if not isinstance(done, forms.Problem):
            if done is not _STAY:
                return done
        else:
            problem = done
    return _page(unit, language, own, typed, problem)


_STAY = Response()  # the form is shown again


def _present(manner: Manner) -> Typed:
    return MultiDict(
        [
            ("speed", f"{manner.speed:g}"), ("pitch", f"{manner.pitch:g}"), ("preset", manner.preset or ""),
            ("twice", "1" if manner.twice else ""), *(("voices", voice) for voice in manner.voices),
        ]
    )  # fmt: skip


def _stepped(unit: Unit, language: str, typed: Typed) -> Response:
    actor().require(Permission.ADMINISTER, unit)
    step, _, place = forms.text("step").partition(":")
    voices = typed.getlist("voices")
    if step in {"up", "down", "drop"}:
        typed.setlist("voices", _moved(voices, step, place))
        return _STAY
    if added := forms.text("new-voice"):
        typed.setlist("voices", list(dict.fromkeys([*voices, added])))
    if step == "add":
        return _STAY
    manner = voicing.checked(_manner(typed))
    if step == "sample":
        typed["sample"] = _sampled(unit, language, manner, typed)
        return _STAY
    with house().database.write() as writing:
        voicing.put(writing, actor(), units.find(writing, actor(), unit.id), language, manner, house().clock())
    flash(gettext("Saved. It holds for what is written from now on, here and below."), "success")
    return redirect(url_for("panel.voice_unit", identity=unit.id), 303)


def _moved(voices: list[str], step: str, place: str) -> list[str]:
    at = int(place) if place.isdecimal() and len(place) < 3 else -1  # noqa: PLR2004 - there are few
    if not 0 <= at < len(voices):
        return voices
    moved = voices.pop(at)
    if step != "drop":
        voices.insert(max(0, at - 1) if step == "up" else at + 1, moved)
    return voices


def _manner(typed: Typed) -> Manner:
    return Manner(
        voices=tuple(typed.getlist("voices")), speed=_figure("speed", 1.0), pitch=_figure("pitch", 0.0),
        preset=forms.text("preset", typed) or None, twice=bool(typed.get("twice")),
    )  # fmt: skip


def _figure(name: str, otherwise: float) -> float:
    value = forms.decimal(name)
    return otherwise if value is None else value


def _sampled(unit: Unit, language: str, manner: Manner, typed: Typed) -> str:
    """Queue a short clip in this manner; its id. It is collected like every clip that nothing uses."""
    text = forms.text("sample-text", typed)[:MOST_SAMPLE_CHARS]
    if not text:
        raise InvalidInput(_NO_SAMPLE, fields={"sample-text": "empty"})
    with house().database.write() as writing:
        clip = clips.request_speech(
            writing, unit_id=unit.id, text=text, language=language, voice=None, created_by=actor().id,
            now=house().clock(), due_at=house().clock(), settings=house().settings, manner=manner,
            dictionary=lexicon.relevant(lexicon.held(writing, unit), text),
        )  # fmt: skip
        return clip.id


def _page(unit: Unit, language: str, own: VoiceChoice | None, typed: Typed, problem: forms.Problem | None) -> Answer:
    every = tongues.voices()
    mine = tongues.voices_of(language, every)
    typed.setdefault("sample-text", _SAMPLES.get(tongues.main(language), ""))
    with house().database.read() as reading:
        chain = units.ancestors(reading, unit)
        above = voicing.held(reading, chain[-2], language) if len(chain) > 1 else Manner()
        try:
            sample = sounds.sound(reading, hearing.find(reading, actor(), typed.get("sample", "")))
        except NotFound:
            sample = None
        page = render_template(
            "panel/voice.html",
            unit=unit,
            language_code=language,
            own=own,
            above=above,
            above_voices=[_title(each, every) for each in above.voices],
            form=typed,
            problem=problem,
            order=[(identity, _title(identity, every)) for identity in typed.getlist("voices")],
            voices=mine,
            engines=[(name, tongues.engine_title(name)) for name in dict.fromkeys(each.engine for each in mine)],
            presets=list(PRESETS),
            sample=sample,
            most_sample_chars=MOST_SAMPLE_CHARS,
            speeds=voicing.SPEEDS,
            pitches=voicing.PITCHES,
            may_change=actor().may(Permission.ADMINISTER, unit),
        )
    return page, problem.status if problem else 200


@for_browsers
def remove(identity: str, language: str) -> Response:
    """Take the unit's own choice back."""

    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            voicing.remove(writing, actor(), unit, language, house().clock())

    done = N_("Taken back. The units above decide again.")
    return forms.acted(act, done, url_for("panel.voice_unit", identity=identity))
