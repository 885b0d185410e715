"""How quickly text becomes speakable: MB/s of `spoken` for commune lines, and what it costs beside a bare tokeniser.

`python -m benchmarks reading`. CPU time is measured, since other work on the machine must not count; the ratio to one
compiled pattern that only finds the tokens of the same text, in the same run, is what travels between machines.
"""

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

from audio.reading import sentences, spoken

CASES = Path(__file__).parent.parent / "tests" / "reading" / "cases"
HARD = {"digits": "1", "dashes": "1-", "letters": "A-", "addresses": "a.b@c", "fractions": "1/", "brackets": "("}
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
    said = cpu_seconds(lambda: spoken(text))
    return {
        "cpu_seconds_per_mb": round(said / size, 3),
        "mb_per_s": round(size / said, 3),
        "ratio_to_tokenising": round(said / bare, 1),
    }


def run() -> dict[str, dict[str, float]]:
    """Commune lines all different, the same lines over and over, texts made to be slow, and the cutting for a voice."""
    spoken("Mở bảng.")
    different = commune_text(1.0, different=True)
    figures = {
        "all lines different": measure(different),
        "lines that come again": measure(commune_text(1.0, different=False)),
    }
    for name, unit in HARD.items():
        figures[f"made to be slow: {name}"] = measure(unit * (200_000 // len(unit)))
    said = spoken(different)
    cut = cpu_seconds(lambda: sentences(said, limit=LIMIT))
    figures["sentences"] = {"mb_per_s": round(len(said.encode()) / 1_000_000 / cut, 1)}
    return figures
