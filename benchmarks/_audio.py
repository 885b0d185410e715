"""What the two audio benchmarks share: speech to work on, clocks, and the bare work to compare with."""

import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from audio import ffmpeg
from core.wire import Codec

WORDS_A_MINUTE = 140
SENTENCES = (
    "Ủy ban nhân dân xã thông báo đến toàn thể bà con lịch tiêm phòng cho đàn trâu bò.",
    "Từ 7h30 ngày 25/11/2026, đề nghị các hộ đưa gia súc đến nhà văn hóa thôn.",
    "Mỗi hộ nhớ mang theo sổ theo dõi và căn cước công dân.",
    "Mọi thắc mắc xin liên hệ cán bộ thú y, số điện thoại 0912 345 678.",
)

_EFFORT = "-compression_level"

Cost = tuple[float, float]
Work = Callable[[], object]


def bulletin(words: int) -> str:
    """A Vietnamese bulletin of exactly so many words."""
    text: list[str] = []
    while len(text) < words:
        text += SENTENCES[len(text) % len(SENTENCES)].split()
    return " ".join(text[:words]) + "."


def targets(folder: Path) -> dict[Codec, Path]:
    return {"mp3": folder / "bare.mp3", "opus": folder / "bare.opus"}


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def cost(work: Work) -> Cost:
    """Seconds of the clock, and of the processors (ours and those of the ffmpegs that ended meanwhile)."""
    started, used = time.perf_counter(), _cpu_seconds()
    work()
    return time.perf_counter() - started, _cpu_seconds() - used


def interleaved(works: dict[str, Work], rounds: int) -> dict[str, list[Cost]]:
    """Each work once a round, so that what else the machine does falls on all of them alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            costs[name].append(cost(work))
    return costs


def ratios(of: Sequence[Cost], to: Sequence[Cost]) -> dict[str, float]:
    """By the clock and by processor time: the median of the rounds' own ratios, and the ratio of the quickest rounds.

    The latter is the better one where other work disturbs: nothing makes a round quicker than it is.
    """
    figures = {}
    for number, name in enumerate(("clock", "processor")):
        pairs = [(mine[number], bare[number]) for mine, bare in zip(of, to, strict=True)]
        figures[f"{name} ratio"] = round(median(mine / bare for mine, bare in pairs), 2)
        figures[f"{name} ratio, quickest"] = round(min(mine for mine, _ in pairs) / min(bare for _, bare in pairs), 2)
    return figures


def one_command(source: Sequence[str], folder: Path, *, usual_effort: bool = False) -> None:
    """The two encodes as one ffmpeg does them by itself, from a file: the least that both files can cost.

    The options are those of the mastering door (but for the band, which only mastering knows to be empty); with
    `usual_effort` the encoders take the effort that they take when nobody says anything about it.
    """
    arguments = [ffmpeg.executable(), "-v", "error", "-nostdin", "-y", *source]
    for codec, path in targets(folder).items():
        arguments += ["-map", "0:a:0", *_options(ffmpeg.CODECS[codec], usual_effort), str(path)]
    subprocess.run(arguments, check=True, timeout=1200)


def _options(options: Sequence[str], usual_effort: bool) -> list[str]:
    pairs = zip(options[::2], options[1::2], strict=True)
    return [each for name, value in pairs if not (usual_effort and name == _EFFORT) for each in (name, value)]


def raw(path: Path, rate: int) -> list[str]:
    """How ffmpeg is told to read a file of mono float samples."""
    return ["-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", str(path)]
