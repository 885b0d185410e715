"""`loa doctor`: what this installation can and cannot do here."""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.settings import Settings

_SECONDS = 15.0
_STORE_SECONDS = 60.0
_LITTLE_SPACE = 1 << 30
_MOST_LINES = 20
# Nothing of this program existed before; a clock that says so is wrong.
_OLDEST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `needed` ones that fail make the command end with status 1."""

    what: str
    good: bool
    text: str
    needed: bool = True


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor`."""
    doctor = subparsers.add_parser("doctor", help="what this installation can and cannot do here")
    doctor.add_argument("--home", type=Path, help="folder of the installation")
    doctor.add_argument("--repair", action="store_true", help="make damaged or missing audio again, where it can be")
    doctor.set_defaults(run=run_doctor)


def run_doctor(options: argparse.Namespace) -> int:
    """Look at everything, print a line each; status 1 when something that is needed does not work."""
    from core.settings import load

    settings = load(options.home)
    sick = False
    store = partial(_store, repair=options.repair)
    for check in (_python, _home, _database, store, _speech, _codecs, _sound, _clock, _disk):
        try:
            findings = list(check(settings))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            findings = [
                Finding(
                    getattr(check, "__name__", "audio files").strip("_"),
                    good=False,
                    text=f"{type(error).__name__}: {error}",
                )
            ]
        for finding in findings:
            mark = "ok  " if finding.good else ("FAIL" if finding.needed else "no  ")
            print(f"{mark}  {finding.what:12} {finding.text}")
            sick = sick or (finding.needed and not finding.good)
    return int(sick)


Check = Callable[["Settings"], Iterator[Finding]]


def _python(_settings: "Settings") -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", sys.version_info >= (3, 11), version)


def _home(settings: "Settings") -> Iterator[Finding]:
    there = settings.home.is_dir()
    yield Finding(
        "home", good=there, text=str(settings.home) if there else f"{settings.home} is not there", needed=False
    )


def _database(settings: "Settings") -> Iterator[Finding]:
    from core import audit
    from core.clock import utc_now
    from loa.installation import opened
    from scheduler import backup, jobs, troubles

    if not settings.database_url and not (settings.home / "loa.db").exists():
        yield Finding("database", good=False, text="none yet; make one with loa init or loa demo", needed=False)
        return
    database = opened(settings)
    with database.read() as session:
        walk = audit.go_on(session)
        every = jobs.every(session)
        needing = troubles.standing(session, limit=_MOST_LINES + 1)
    with database.write() as session:
        audit.keep_mark(session, walk, utc_now())
    beats = [job.succeeded_at for job in every if job.succeeded_at]
    database.dispose()
    yield Finding("database", good=True, text=database.engine.dialect.name)
    whole = f"whole up to entry {walk.number}; what was walked before is not walked again (loa audit verify --all)"
    yield Finding("audit log", walk.broken is None, whole if walk.broken is None else f"broken at entry {walk.broken}")
    last = max(beats, default=None)
    yield Finding(
        "worker", last is not None, f"last beat {last:%Y-%m-%d %H:%M:%S} UTC" if last else "never ran", needed=False
    )
    for job in every:
        if job.error:
            yield Finding("job", good=False, text=f"{job.name} fails: {job.error}")
    for each in needing[:_MOST_LINES]:
        text = f"{each.kind} {each.subject} since {each.since:%Y-%m-%d %H:%M} UTC: {each.what}"
        yield Finding("set aside", good=False, text=text, needed=each.kind not in troubles.ONLY_TOLD)
    if len(needing) > _MOST_LINES:
        yield Finding("set aside", good=False, text="and more; the panel shows all")
    newest = next(iter(backup.existing(settings)), None)
    yield Finding("backup", newest is not None, newest.name if newest else "none yet", needed=False)


def _store(settings: "Settings", *, repair: bool) -> Iterator[Finding]:
    from audio.store import MediaStore
    from core.clock import utc_now
    from loa import repair as repairing
    from loa.installation import opened

    if not settings.media.is_dir():
        return
    seen = MediaStore(settings.media).verify_all(at_most_seconds=_STORE_SECONDS)
    whole = f"{seen.looked_at} of {seen.files} looked at"
    yield Finding("audio files", not seen.damaged, f"{len(seen.damaged)} damaged, {whole}" if seen.damaged else whole)
    if not settings.database_url and not (settings.home / "loa.db").exists():
        return
    database = opened(settings)
    with database.read() as session:
        harmed = repairing.harmed(session, settings, seen.damaged)
    for each in harmed[:_MOST_LINES]:
        used = "; ".join(f"“{title}”" for title in each.used_in) or "no bulletin"
        cure = "can be made again: loa doctor --repair" if each.again else "hand the recording in again"
        yield Finding("audio of", good=False, text=f"{each.clip_id} “{each.title}”, used in {used}: {cure}")
    if len(harmed) > _MOST_LINES:
        yield Finding("audio of", good=False, text=f"{len(harmed) - _MOST_LINES} more clips")
    if repair:
        for name in seen.damaged:  # no station shall be handed it meanwhile
            (settings.media / name[:2] / name).unlink(missing_ok=True)
        with database.write() as session:
            again = repairing.make_again(session, harmed, utc_now())
        yield Finding("repair", good=True, text=f"{again} of {len(harmed)} clips are queued to be made again")
    database.dispose()


def _speech(settings: "Settings") -> Iterator[Finding]:
    from audio.deadline import Deadline
    from audio.engines.roster import roster

    for engine in roster(settings).engines:
        why = engine.answers(Deadline(_SECONDS))
        yield Finding(f"speech {engine.name}", not why, why or "answers", needed=engine.name == "espeak")
        for voice, trouble in engine.broken(Deadline(_SECONDS)):
            yield Finding(f"voice {voice.id}", good=False, text=trouble, needed=False)


def _codecs(_settings: "Settings") -> Iterator[Finding]:
    from audio import ffmpeg
    from audio.deadline import Deadline

    yield Finding("ffmpeg", good=True, text=ffmpeg.version(Deadline(_SECONDS)))


def _sound(_settings: "Settings") -> Iterator[Finding]:
    from loa.commands.demo import _sound as output

    kind = output()
    text = "a sound device" if kind == "device" else "no sound device: a station here plays into nothing"
    yield Finding("sound", kind == "device", text, needed=False)


def _clock(settings: "Settings") -> Iterator[Finding]:
    from core.clock import utc_now, zone

    now = utc_now()
    local = now.astimezone(zone(settings.zone))
    yield Finding("clock", now > _OLDEST, f"{local:%Y-%m-%d %H:%M:%S} {settings.zone}")


def _disk(settings: "Settings") -> Iterator[Finding]:
    place = settings.home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    yield Finding("disk", free > _LITTLE_SPACE, f"{free / 1e9:.1f} GB free")
