"""How quickly text becomes speakable: MB/s of `spoken` for commune lines, and what it costs beside a bare tokeniser.

`python -m benchmarks reading`. CPU time is measured, since other work on the machine must not count; the ratio to one
compiled pattern that only finds the tokens of the same text, in the same run, is what travels between machines.
"""

import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from audio.reading import front_end, sentences, spoken
from audio.reading.stream import usable_cores

CASES = Path(__file__).parent.parent / "tests" / "reading" / "cases"
HARD = {
    "digits": "1",
    "points": ".",
    "numbers with points": "1.",
    "dashes": "1-",
    "letters": "A-",
    "one letter": "a",
    "one capital": "Đ",
    "slashes": "a/",
    "addresses": "a.b@c",
    "fractions": "1/",
    "brackets": "(",
    "pairs of brackets": "()",
    "spaced digits": "9 ",
    "abbreviations": "UBND ",
}
TOKENS = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
SYLLABLES = [
    "An",
    "Bình",
    "Cao",
    "Đoài",
    "Đông",
    "Hà",
    "Hòa",
    "Hưng",
    "Khê",
    "Lâm",
    "Long",
    "Minh",
    "Nam",
    "Ninh",
    "Phú",
    "Quang",
    "Sơn",
    "Tân",
    "Thành",
    "Trung",
    "Văn",
    "Xuân",
    "Yên",
]
LIMIT = 200
ROUNDS = 3


def commune_text(megabytes: float, *, different: bool) -> str:
    """Lines as communes write them, in random order; `different` changes names and numbers in each."""
    lines = [
        line.split("\t")[0]
        for file in sorted([*CASES.glob("commune_*.tsv"), CASES / "notices.tsv"])
        for line in file.read_text("utf-8").splitlines()[1:]
    ]
    dice = random.Random(7)
    chosen: list[str] = []
    size = 0
    while size < megabytes * 1_000_000:
        line = dice.choice(lines)
        if different:
            name = f"{dice.choice(SYLLABLES)} {dice.choice(SYLLABLES)} {dice.choice(SYLLABLES)}"
            line = re.sub(r"(?<=\d)\d(?![/\d])", lambda _: str(dice.randint(0, 9)), f"Thôn {name} {line}")
        chosen.append(line)
        size += len(line.encode()) + 1
    return "\n".join(chosen)


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(text: str) -> dict[str, float]:
    """Seconds per MB, MB/s, and the cost as a multiple of the bare tokeniser's (the better of few rounds)."""
    size = len(text.encode()) / 1_000_000
    bare = min(cpu_seconds(lambda: TOKENS.findall(text)) for _ in range(ROUNDS))
    front_end._read.cache_clear()  # noqa: SLF001 - what was read before must not count
    said = cpu_seconds(lambda: spoken(text))
    return {
        "cpu_seconds_per_mb": round(said / size, 3),
        "mb_per_s": round(size / said, 3),
        "ratio_to_tokenising": round(said / bare, 1),
    }


def measure_lines(text: str) -> dict[str, float]:
    """As `loa spoken` does it: every line by itself."""
    size = len(text.encode()) / 1_000_000
    front_end._read.cache_clear()  # noqa: SLF001 - what was read before must not count
    said = cpu_seconds(lambda: [spoken(line) for line in text.split("\n")])
    return {"cpu_seconds_per_mb": round(said / size, 3), "mb_per_s": round(size / said, 3)}


def measure_command(text: str) -> dict[str, float]:
    """`loa spoken` on one text in a file, from its start: elapsed time, processor time of all its processes, cores."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-m", "loa", "spoken"], stdin=file, stdout=subprocess.DEVNULL, check=True)
        elapsed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"elapsed_s": round(elapsed, 2), "cpu_seconds": round(processor, 2), "cores": usable_cores()}


def run() -> dict[str, dict[str, float]]:
    """Commune lines all different, the same lines over and over, texts made to be slow, and the cutting for a voice."""
    spoken("Mở bảng.")
    different = commune_text(1.0, different=True)
    figures = {
        "all lines different": measure(different),
        "all lines different, one string without line ends": measure(different.replace("\n", " ")),
        "lines that come again": measure(commune_text(1.0, different=False)),
        "line by line": measure_lines(different),
        "loa spoken, 1 MB at once": measure_command(different),
    }
    for name, unit in HARD.items():
        figures[f"1 MB made to be slow: {name}"] = measure(unit * (1_000_000 // len(unit.encode())))
    said = spoken(different)
    cut = cpu_seconds(lambda: sentences(said, limit=LIMIT))
    figures["sentences"] = {"mb_per_s": round(len(said.encode()) / 1_000_000 / cut, 1)}
    return figures
