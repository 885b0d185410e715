from collections.abc import Iterator
from pathlib import Path

CASES = Path(__file__).parent / "cases"


def pytest_generate_tests(metafunc):
    if "spoken_case" in metafunc.fixturenames:
        cases = list(_cases())
        metafunc.parametrize("spoken_case", cases, ids=[f"{kind}: {written[:40]}" for kind, written, _ in cases])


def _cases() -> Iterator[tuple[str, str, str]]:
    for file in sorted(CASES.glob("*.tsv")):
        for line in file.read_text("utf-8").splitlines()[1:]:
            written, spoken = line.split("\t")
            yield file.stem, written, spoken
