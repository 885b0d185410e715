from collections.abc import Iterator
from pathlib import Path

CASES = Path(__file__).parent / "cases"


def pytest_generate_tests(metafunc):
    if "spoken_case" in metafunc.fixturenames:
        cases = [case for case in _cases() if not case[0].startswith("commune_")]
        metafunc.parametrize("spoken_case", cases, ids=[f"{kind}: {written[:40]}" for kind, written, _ in cases])
    if "commune_line" in metafunc.fixturenames:
        lines = [case for case in _cases() if case[0].startswith("commune_")]
        metafunc.parametrize("commune_line", lines, ids=[f"{kind[8:]}: {written[:40]}" for kind, written, _ in lines])


def _cases() -> Iterator[tuple[str, str, str]]:
    for file in sorted(CASES.glob("*.tsv")):
        for line in file.read_text("utf-8").splitlines()[1:]:
            written, spoken = line.split("\t")
            yield file.stem, written, spoken
