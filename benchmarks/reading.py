"""How quickly text becomes speakable: MB/s of `spoken`, of `sentences`, and of texts made to be slow.

Run: python benchmarks/reading.py [megabytes]
"""

import random
import sys
import time
from pathlib import Path

from audio.reading import sentences, spoken

CASES = Path(__file__).parent.parent / "tests" / "reading" / "cases"
HARD = {"digits": "1", "dashes": "1-", "letters": "A-", "addresses": "a.b@c", "fractions": "1/", "brackets": "("}


def commune_text(megabytes: float) -> str:
    """Lines of the cases in random order, each with a number of its own so that no line comes twice."""
    lines = [
        line.split("\t")[0] for file in sorted(CASES.glob("*.tsv")) for line in file.read_text("utf-8").splitlines()[1:]
    ]
    chosen, size, dice = [], 0, random.Random(7)
    while size < megabytes * 1_000_000:
        chosen.append(f"{dice.choice(lines)} Hộ số {len(chosen)}.")
        size += len(chosen[-1].encode()) + 1
    return "\n".join(chosen)


def report(name: str, text: str) -> None:
    start = time.perf_counter()
    said = spoken(text)
    middle = time.perf_counter()
    count = len(sentences(said, limit=200))
    end = time.perf_counter()
    size = len(text.encode()) / 1_000_000
    print(f"{name:12} {size:5.2f} MB  spoken {middle - start:6.2f} s ({size / (middle - start):5.2f} MB/s)"
          f"  sentences {end - middle:5.2f} s ({count})")  # fmt: skip


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    spoken("Mở bảng.")
    report("commune", commune_text(megabytes))
    for name, unit in HARD.items():
        report(name, unit * int(megabytes * 1_000_000 / len(unit)))


if __name__ == "__main__":
    main()
