"""Clips by themselves: hearing one, its picture, how far it is, handing in a recording while a form is being filled."""

from flask import Blueprint, Response, jsonify, render_template, request, send_file
from werkzeug.wrappers import Response as AnyResponse

from audio import cancelling, clips, originals
from audio.models import CANCELLED, EXPIRED, FAILED, QUEUED, READY, RECORDING, RENDERING, Clip, ClipShape
from core.errors import N_, InvalidInput, NotFound
from playlists import hearing
from registry import units
from web import progress
from web.access import actor, for_browsers
from web.app import house
from web.panel import account, forms, labels, recordings, sounds

HEARTBEAT_SECONDS = 15.0
_MOST_EVENTS = 2_400
_STATES = (QUEUED, RENDERING, READY, FAILED, CANCELLED, EXPIRED)
# What strangers handed in must not become a page of ours, whatever a browser takes it for.
_HARMLESS = "default-src 'none'; media-src 'self'; sandbox"


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/clips", endpoint="clip_new", view_func=create, methods=["POST"])
    for path, name, view in (
        ("sound.mp3", "sound", sound),
        ("shape", "shape", shape),
        ("progress", "progress", told),
        ("events", "events", events),
        ("card", "card", card),
        ("original", "original", original),
        ("original.mp3", "original_mp3", original_mp3),
    ):
        blueprint.add_url_rule(f"/clips/<identity>/{path}", endpoint=f"clip_{name}", view_func=view)
    blueprint.add_url_rule("/clips/<identity>/cancel", endpoint="clip_cancel", view_func=cancel, methods=["POST"])


@for_browsers
@forms.keeps_text
def create() -> tuple[Response, int]:
    """Take a recording before its form is sent, so that nothing is lost when the form is refused. Answers JSON."""
    done = forms.attempt(lambda: jsonify(_taken()))
    if isinstance(done, forms.Problem):
        body = {"error": {"code": done.error.code, "message": done.message}}
        return jsonify(body), done.status
    assert isinstance(done, Response)  # noqa: S101 - what jsonify gives
    return done, 201


def _taken() -> dict[str, object]:
    file = request.files.get("file")
    if file is None:
        raise InvalidInput(N_("There is no recording in what was sent."), fields={"file": "missing"})
    clip = recordings.take(
        file, lambda session: units.find(session, actor(), forms.text("unit")), forms.text("language"),
        forms.text("preset"),
    )  # fmt: skip
    return {"clip": clip.id, "title": clip.title or clip.id}


def _heard(identity: str) -> Clip:
    with house().database.read() as reading:
        return hearing.find(reading, actor(), identity)


@for_browsers
def sound(identity: str) -> AnyResponse:
    """The MP3 as it will be heard."""
    return mp3(_heard(identity))


def mp3(clip: Clip) -> AnyResponse:
    """The MP3 of a ready clip, in ranges. Raises Conflict when it is not ready, NotFound when its file is gone."""
    file = clips.files(clip).mp3
    path = house().store.path(file.sha256, "mp3")
    if not path.is_file():
        raise NotFound(N_("The audio file is no longer in the store."))
    return send_file(
        path.absolute(), mimetype="audio/mpeg", conditional=True, etag=file.sha256, last_modified=None, max_age=0
    )


@for_browsers
def shape(identity: str) -> AnyResponse:
    """The pictures: one number from 0 to 255 a step, the highest sample of that stretch."""
    with house().database.read() as reading:
        clip = hearing.find(reading, actor(), identity)
        row = reading.get(ClipShape, clip.id)
    return jsonify(
        seconds=clip.seconds,
        as_heard=list(row.as_heard) if row else [],
        as_recorded=list(row.as_recorded) if row and clip.kind == RECORDING else [],
    )


@for_browsers
def told(identity: str) -> dict[str, object]:
    """How far the audio is, for browsers that don't listen to `events`."""
    clip = _heard(identity)
    return {"state": clip.state, "percent": clip.progress, "words": labels.label("clip", clip.state)}


@for_browsers
def events(identity: str) -> AnyResponse:
    """How far the audio is, as server-sent events, until it is done."""
    clip, board = _heard(identity), house().progress
    listener = board.join(clip.id)
    words = {state: labels.label("clip", state) for state in _STATES}
    answer = Response(
        progress.told(board, listener, words, heartbeat_seconds=HEARTBEAT_SECONDS, most_events=_MOST_EVENTS),
        mimetype="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )
    answer.call_on_close(lambda: board.leave(listener))
    return answer


@for_browsers
def card(identity: str) -> str:
    """The part of a page that shows this clip, fetched again when its audio is done."""
    with house().database.read() as reading:
        clip = hearing.find(reading, actor(), identity)
        shown = sounds.sound(reading, clip)
    return render_template("panel/_card.html", sound=shown, within=request.args.get("within", ""))


@for_browsers
def cancel(identity: str) -> AnyResponse:
    """Make a clip no more that is not ready yet."""
    here = house()

    def act() -> None:
        cancelling.cancel_clip(here.database, here.settings.uploads, actor(), identity, here.clock())

    back = account.local_path(request.form.get("next"))
    return forms.acted(act, N_("Cancelled. Nothing more is being made of it."), back)


@for_browsers
def original(identity: str) -> AnyResponse:
    """The recording as it was handed in, where browsers may play it as it is."""
    clip = _heard(identity)
    found = originals.find(house().settings.uploads, clip)
    if found.mimetype is None:
        return original_mp3(identity)
    ending = found.mimetype.partition("/")[2].replace("mpeg", "mp3").replace("mp4", "m4a")
    return _unaltered(
        send_file(
            found.path.absolute(), mimetype=found.mimetype, conditional=True, etag=found.path.name, last_modified=None,
            max_age=0, download_name=f"{clip.title or clip.id}.{ending}",
        )
    )  # fmt: skip


@for_browsers
def original_mp3(identity: str) -> AnyResponse:
    """The beginning of the recording as it was handed in, as an MP3 that every browser plays."""
    clip = _heard(identity)
    path = originals.preview(originals.find(house().settings.uploads, clip))
    return _unaltered(
        send_file(
            path.absolute(), mimetype="audio/mpeg", conditional=True, etag=path.name, last_modified=None, max_age=0,
            download_name=f"{clip.title or clip.id}.mp3",
        )
    )  # fmt: skip


def _unaltered(answer: AnyResponse) -> AnyResponse:
    answer.headers["Content-Security-Policy"] = _HARMLESS
    return answer
