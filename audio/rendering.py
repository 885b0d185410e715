"""Rendering one clip: with `render` as pure work on files, with `render_claimed` for a claimed row of the queue."""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from sqlmodel import Session

from audio import ingest, queue
from audio.assembly import assemble
from audio.chime import SIGNALS
from audio.deadline import Deadline
from audio.engines.roster import Roster, roster
from audio.mastering import InMemory, Mastered, Progress, master
from audio.models import RECORDING, SIGNAL, WORDS, Clip
from audio.presets import SPEECH_HORN, SPEECH_INDOOR, Preset, preset_named
from audio.reading import spoken
from audio.rendered import Job, Rendered
from audio.retiming import retimed
from audio.store import MediaStore
from audio.uploads import locate
from audio.voicing import Manner
from core.database import Database
from core.errors import N_, Busy, Conflict, EngineFailed, InvalidInput, LoaError, NoSpace
from core.settings import Settings
from core.wire import ClipFiles

_log = logging.getLogger(__name__)

_SPEAKING_SHARE = 15
_SIGNAL_RATE = 48_000
_URGENT_PATIENCE_SECONDS = 12.0  # where no voice is built in for the language
_WRITE_SECONDS = 0.25
_LOOKS_EVERY = 4  # of these
_MOST_LOST_WRITES = 8


class ClaimLost(Conflict):
    """Another worker has taken the clip over; this one must not go on with it."""


@dataclass(frozen=True)
class SpokenClip:
    """Mastered speech in a folder of the caller's, and who spoke it."""

    mastered: Mastered
    spoken_by: str
    degraded: bool


def speak(
    text: str,
    language: str,
    voice: str,
    engines: Roster,
    folder: Path,
    deadline: Deadline,
    progress: Progress,
    preset: Preset = SPEECH_HORN,
    dictionary: Mapping[str, str] | None = None,
    manner: Manner | None = None,
    *,
    only_first: bool = False,
    at_once: bool = False,
    with_chime: bool = True,
) -> SpokenClip:
    """Text → spoken form → phrases → engine → speed and pitch → chime and pauses → mastered files in `folder`.

    Of `manner` voices, speed and pitch count. With `only_first` nobody but the first choice may speak; with `at_once`
    the built-in voice does, if it has the language.
    Raises InvalidInput when there is nothing to say or no voice for the language, EngineFailed, NoSpace.
    """
    progress(1)
    said, manner = spoken(text, language, dictionary), manner or Manner()
    speech = engines.speak(
        said, language, voice, deadline, manner.voices, only_first=only_first, at_once=at_once,
        patience_seconds=_URGENT_PATIENCE_SECONDS if at_once else math.inf,
    )  # fmt: skip
    words = retimed(speech.spoken, manner.speed, manner.pitch, deadline)
    progress(_SPEAKING_SHARE)
    samples = assemble(words, speech.phrases, with_chime=with_chime)
    if not len(samples):
        raise InvalidInput(N_("There is nothing in this text that can be spoken."), code="nothing_to_say")
    mastered = master(
        InMemory(samples, words.rate, preset),
        folder,
        deadline,
        lambda percent: progress(_SPEAKING_SHARE + percent * (100 - _SPEAKING_SHARE) // 100),
    )
    return SpokenClip(mastered, speech.spoken.voice.id, speech.degraded)


def render(
    job: Job,
    settings: Settings,
    store: MediaStore,
    engines: Roster,
    progress: Progress = lambda _percent: None,
) -> Rendered:
    """Render a clip into the store; where it names no preset, speech for horns and recordings nearly as they are.

    What is to better another clip must be spoken by its first choice.

    Progress only rises and ends with 100; what it raises cancels the work.

    Takes at most `settings.render_timeout_seconds`, leaves no temporary file behind, and keeps the upload.
    Raises InvalidInput, NotFound, EngineFailed or NoSpace.
    """
    deadline, told = Deadline(settings.render_timeout_seconds), _Rising(progress)
    with store.workspace() as folder:
        if job.kind == RECORDING:
            with locate(settings.uploads, job.upload or "").open("rb") as file:
                mastered = ingest.check_and_master(
                    file,
                    folder,
                    deadline,
                    most_seconds=settings.max_clip_seconds,
                    progress=told,
                    preset=preset_named(job.preset) if job.preset else SPEECH_INDOOR,
                )
            spoken_by, degraded = "", False
        elif job.kind == SIGNAL:
            material = InMemory(SIGNALS[job.text](_SIGNAL_RATE), _SIGNAL_RATE, SPEECH_HORN)
            mastered, spoken_by, degraded = master(material, folder, deadline, told), "", False
        else:
            clip = speak(
                job.text,
                job.language,
                job.voice or "",
                engines,
                folder,
                deadline,
                told,
                preset_named(job.preset) if job.preset else SPEECH_HORN,
                job.dictionary,
                Manner(tuple(job.voices), job.speed, job.pitch),
                only_first=job.replaces is not None,
                at_once=job.urgent,
                with_chime=job.kind != WORDS,
            )
            mastered, spoken_by, degraded = clip.mastered, clip.spoken_by, clip.degraded
        files = ClipFiles(mp3=store.put(mastered.files["mp3"], "mp3"), opus=store.put(mastered.files["opus"], "opus"))
    told.done()
    return Rendered(
        files, mastered.seconds, mastered.lufs, mastered.true_peak_db, spoken_by, degraded, mastered.warnings,
        mastered.as_heard, mastered.as_recorded,
    )  # fmt: skip


def warm(settings: Settings) -> None:
    """Speak and master a word, for nobody: what is loaded and compiled at the first use is there afterwards."""
    with TemporaryDirectory() as folder:
        try:
            speak(
                "Loa", "vi", "", roster(settings), Path(folder), Deadline(settings.render_timeout_seconds),
                lambda _percent: None, at_once=True,
            )  # fmt: skip
        except LoaError as error:
            _log.warning("an emergency could not be spoken now: %s", error)


class _Rising:
    """Progress as it is shown: never backwards, 100 only once all is in the store."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last = 0

    def __call__(self, percent: int) -> None:
        self._last = max(self._last, min(percent, 99))
        self._progress(self._last)

    def done(self) -> None:
        self._progress(100)


class _Keeper:
    """Writes a clip's progress and extends its lease from a thread of its own, so that a long step keeps the claim.

    Writes when the figure has changed, at most four times a second, and at least six times a lease; looks each second
    whether the clip is still its own. A busy database is tried again next time; a lost claim (another worker has it,
    a person cancelled it) is raised in the rendering thread at its next step.
    """

    def __init__(
        self, database: Database, clip_id: str, holder: str, clock: Callable[[], datetime], lease: float
    ) -> None:
        self._database = database
        self._clip_id = clip_id
        self._holder = holder
        self._clock = clock
        self._lease = lease
        self._percent = 0
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keeper of {clip_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def progress(self, percent: int) -> None:
        self._percent = percent
        if self._lost.is_set():
            raise ClaimLost(N_("Another worker has taken over this clip."))

    def _keep(self) -> None:
        written, waited = -1, 0
        while not self._over.wait(_WRITE_SECONDS):
            waited += 1
            percent = self._percent
            due = percent != written or waited * _WRITE_SECONDS >= self._lease / 6
            if not due and waited % _LOOKS_EVERY:
                continue
            try:
                held = self._report(percent) if due else self._is_held()
            except Exception:  # noqa: BLE001 - a report that can't be written now is written a moment later
                _log.warning("The progress of %s could not be written", self._clip_id, exc_info=True)
                continue
            if due:
                written, waited = percent, 0
            if not held:
                self._lost.set()
                return

    def _report(self, percent: int) -> bool:
        with self._database.write() as session:
            return queue.report_progress(
                session, self._clip_id, self._holder, percent, self._clock(), lease_seconds=self._lease
            )

    def _is_held(self) -> bool:
        with self._database.read() as session:
            return queue.is_held(session, self._clip_id, self._holder)


def render_claimed(
    database: Database,
    settings: Settings,
    clip_id: str,
    holder: str,
    clock: Callable[[], datetime],
    *,
    engines: Roster | None = None,
    lease_seconds: float = queue.DEFAULT_LEASE_SECONDS,
) -> bool:
    """Do all the work for one clip that `holder` has claimed; True when it is ready.

    Never raises for a bad clip: the reason is stored with it. Only short transactions, none while work is done. What
    may go better later (full disk, slow engine) is queued again. The upload stays.
    """
    with database.read() as session:
        job = session.get(Clip, clip_id)
        session.expunge_all()  # so that what was read stays readable after the session
    if job is None or job.claimed_by != holder:
        return False
    store = MediaStore(settings.media)
    try:
        with _Keeper(database, clip_id, holder, clock, lease_seconds) as keeper:
            rendered = render(job, settings, store, engines or roster(settings), keeper.progress)
    except ClaimLost:
        _log.warning("%s was taken over by another worker", clip_id)
        return False
    except LoaError as error:
        _store(database, _failing(clip_id, holder, error, clock))
        return False
    except Exception as error:  # noqa: BLE001 - a bug must cost this clip, not the worker
        _log.exception("Rendering %s failed", clip_id)
        wrapped = EngineFailed(
            N_("Rendering failed for an unexpected reason (%(why)s). The log has the details."),
            why=type(error).__name__,
        )
        _store(database, _failing(clip_id, holder, wrapped, clock))
        return False
    return _store(database, lambda s: queue.finish(s, clip_id, holder, rendered, clock()), urgent=job.urgent)


def _failing(clip_id: str, holder: str, error: LoaError, clock: Callable[[], datetime]) -> Callable[[Session], bool]:
    return lambda session: queue.fail(session, clip_id, holder, error, clock(), retry=_may_go_better(error))


def _may_go_better(error: LoaError) -> bool:
    return isinstance(error, EngineFailed | NoSpace | Busy)


def _store(database: Database, change: Callable[[Session], bool], *, urgent: bool = False) -> bool:
    """Write the outcome; a database that stays busy leaves the clip to its lease, and so to another try."""
    for _ in range(_MOST_LOST_WRITES):
        try:
            with database.write(urgent=urgent) as session:
                return change(session)
        except Busy:
            continue
    _log.error("The outcome of a rendering could not be stored: the database stayed busy")
    return False
