"""`loa speak`, `loa voices`, `loa ingest` and `loa spoken`: speech and recordings from the command line."""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from core.errors import N_, InvalidInput, LoaError, NotFound

_FORMATS = {".mp3": "mp3", ".opus": "opus", ".ogg": "opus", ".wav": "wav"}
_CHECK_SECONDS = 60.0  # Piper loads each of its voices
_MOST_AT_ONCE = 2  # one recording keeps a core and a half busy


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this module's commands."""
    speak = subparsers.add_parser("speak", help="text to a mastered audio file")
    speak.add_argument("text", metavar="TEXT", help="what to say; - reads standard input")
    speak.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="ends in .mp3, .opus, .ogg or .wav"
    )
    speak.add_argument("--voice", default="", help="one of `loa voices`, or an engine's name")
    speak.add_argument("--language", default="vi")
    speak.add_argument("--speed", type=float, default=1.0, help="a factor, 0.5 to 2")
    speak.add_argument("--pitch", type=float, default=0.0, help="semitones, -6 to 6")
    speak.add_argument("--preset", default="", help="speech-horn (default), speech-indoor or music")
    speak.add_argument("--home", type=Path, help="folder of the installation, for its settings")
    speak.set_defaults(run=_speak)

    voices = subparsers.add_parser("voices", help="the voices, their engine and whether it answers")
    voices.add_argument("--language", default="", help="only voices of this language")
    voices.add_argument("--home", type=Path)
    voices.set_defaults(run=_voices)

    ingest = subparsers.add_parser(
        "ingest",
        help="check and master recordings",
        description="Prints one JSON line per file. Exit status 0 means that every file was looked at; "
        "whether a file is good stands in its line. With --home the clips are kept in that installation's store.",
    )
    ingest.add_argument("files", nargs="+", metavar="FILE")
    ingest.add_argument("--home", type=Path)
    ingest.add_argument("--preset", default="", help="speech-horn, speech-indoor (default) or music")
    ingest.set_defaults(run=_ingest)

    spoken = subparsers.add_parser("spoken", help="standard input to standard output, as it will be spoken")
    spoken.add_argument("--language", default="vi")
    spoken.set_defaults(run=_spoken)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error when that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda _percent: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=100)
        yield lambda percent: progress.update(task, completed=percent)


def _speak(options: argparse.Namespace) -> int:
    from audio import clips
    from audio.deadline import Deadline
    from audio.engines.roster import roster
    from audio.presets import SPEECH_HORN, preset_named
    from audio.rendering import speak
    from audio.voicing import Manner, checked
    from core.settings import load

    kind = _FORMATS.get(options.output.suffix.lower())
    if kind is None:
        raise InvalidInput(N_("The file to write must end in .mp3, .opus, .ogg or .wav."))
    settings = load(options.home)
    text = clips.checked_text(sys.stdin.read() if options.text == "-" else options.text, settings.max_text_chars)
    deadline = Deadline(settings.render_timeout_seconds)
    preset = preset_named(options.preset) if options.preset else SPEECH_HORN
    manner = checked(Manner(speed=options.speed, pitch=options.pitch))
    with tempfile.TemporaryDirectory(prefix="loa-") as folder, _bar("speaking") as progress:
        clip = speak(
            text, options.language, options.voice, roster(settings), Path(folder), deadline, progress, preset,
            manner=manner,
        )  # fmt: skip
        made = clip.mastered.files["opus" if kind == "opus" else "mp3"]
        if kind == "wav":
            from audio.ffmpeg import to_wave

            made = to_wave(clip.mastered.files["mp3"], Path(folder) / "clip.wav", deadline)
        _write(made, options.output)
    note = " (the first choice did not answer)" if clip.degraded else ""
    print(
        f"{clip.mastered.seconds:.1f} s, {clip.mastered.lufs:.1f} LUFS, {clip.mastered.true_peak_db:.1f} dBTP, "
        f"spoken by {clip.spoken_by}{note}"
    )
    return 0


def _write(made: Path, target: Path) -> None:
    from core.files import write_atomically

    try:
        write_atomically(target, made.read_bytes())
    except OSError as error:
        raise InvalidInput(N_("%(file)s can't be written: %(why)s"), file=str(target), why=error.strerror) from error


def _voices(options: argparse.Namespace) -> int:
    from audio.deadline import Deadline
    from audio.engines.roster import roster
    from core.settings import load

    for each in roster(load(options.home)).presence(Deadline(_CHECK_SECONDS)):
        voice = each.voice
        state = f"does not answer: {each.why}" if each.why else "answers"
        # A voice so broken that its language is not known is shown to everybody who looks for one.
        if options.language in ("", voice.language, voice.language.split("-")[0]) or not voice.language:
            print(f"{voice.id}\t{voice.language or '?'}\t{voice.title}\t{voice.engine} {state}")
    return 0


def _ingest(options: argparse.Namespace) -> int:
    from audio.presets import SPEECH_INDOOR, preset_named
    from core.settings import load

    settings, names = load(options.home), options.files
    preset = preset_named(options.preset) if options.preset else SPEECH_INDOOR
    percents, stopped = [0] * len(names), threading.Event()
    at_once = min(_MOST_AT_ONCE, len(names), os.cpu_count() or 1)
    with _bar(f"{len(names)} files") as bar, ThreadPoolExecutor(at_once) as pool:

        def answer(place: int) -> dict[str, Any]:
            def progress(percent: int) -> None:
                if stopped.is_set():
                    raise InterruptedError
                percents[place] = percent
                bar(sum(percents) // len(percents))

            name = names[place]
            try:
                found = _ingested(Path(name), settings, progress, keep=options.home is not None, preset=preset)
            except LoaError as error:
                return {"file": name, "ok": False, "error": str(error)}
            return {"file": name, "ok": True, **found}

        try:
            for line in pool.map(answer, range(len(names))):
                print(json.dumps(line, ensure_ascii=False), flush=True)
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return 0


def _ingested(path: Path, settings: Any, progress: Callable[[int], None], *, keep: bool, preset: Any) -> dict[str, Any]:
    """Check and master one file; its clips go into the store only if `keep`."""
    from audio.clips import rounded
    from audio.deadline import Deadline
    from audio.ingest import check_and_master
    from audio.store import MediaStore, sha256_of

    with _opened(path) as file, tempfile.TemporaryDirectory(prefix="loa-") as outside:
        deadline, store = Deadline(settings.render_timeout_seconds), MediaStore(settings.media)
        with store.workspace() if keep else _same(Path(outside)) as folder:
            mastered = check_and_master(
                file, folder, deadline, most_seconds=settings.max_clip_seconds, progress=progress, preset=preset
            )
            clips = {}
            for codec, made in mastered.files.items():
                size, sha256 = made.stat().st_size, sha256_of(made)
                clips[codec] = store.put(made, codec).model_dump() if keep else {"sha256": sha256, "bytes": size}
    return {
        "seconds": rounded(mastered.seconds), "lufs": rounded(mastered.lufs),
        "true_peak_db": rounded(mastered.true_peak_db), "clips": clips,
        "warnings": [str(warning) for warning in mastered.warnings],
    }  # fmt: skip


@contextmanager
def _same(folder: Path) -> Iterator[Path]:
    yield folder


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if not path.is_file():
        raise NotFound(N_("There is no such file."))
    try:
        with path.open("rb") as file:
            yield file
    except PermissionError:
        raise InvalidInput(N_("The file can't be read: permission denied.")) from None


def _spoken(options: argparse.Namespace) -> int:
    from audio.reading.stream import said_lines

    # An exception raised wherever the interrupt strikes can be lost there; what was said is written already.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    for said in said_lines(sys.stdin.fileno(), options.language):
        sys.stdout.buffer.write(said)
        sys.stdout.buffer.flush()
    return 0
