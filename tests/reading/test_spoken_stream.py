import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from audio.reading import spoken
from audio.reading.stream import MOST, PLENTY, said_lines

LINES = [
    f"Ngày {day % 28 + 1}/{day % 12 + 1}/2026 thôn {day} họp lúc 7h{day % 60:02d}, nộp {day}.000đ."
    for day in range(2_000)
]
EXPECTED = "".join(f"{spoken(line)}\n" for line in LINES).encode()
SECONDS = 60


def fed(data: bytes, folder: Path, *, piece: int = MOST) -> bytes:
    """What comes of `data` when another process writes it into a pipe in pieces."""
    file = folder / "fed"
    file.write_bytes(data)
    writing = ["dd", f"if={file}", f"bs={piece}"]
    with subprocess.Popen(writing, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        return b"".join(said_lines(writer.stdout.fileno(), cores=2))


def command(**more) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "loa", "spoken"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )  # fmt: skip


@pytest.fixture(scope="module")
def much(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("much") / "lines.txt"
    file.write_text("\n".join(LINES) + "\n", "utf-8")
    assert file.stat().st_size > PLENTY
    return file


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_many_lines_come_back_whole_and_in_order_on_any_number_of_cores(much, cores):
    with much.open("rb") as file:
        assert b"".join(said_lines(file.fileno(), cores=cores)) == EXPECTED


@pytest.mark.parametrize("piece", [997, 40_000, MOST])
def test_lines_that_arrive_in_pieces_are_put_together(tmp_path, piece):
    assert fed(("\n".join(LINES) + "\n").encode(), tmp_path, piece=piece) == EXPECTED


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"", b""),
        (b"\n", b"\n"),
        (b"5 kg", "năm ki lô gam\n".encode()),
        (b"1\n\n2\n", "một\n\nhai\n".encode()),
        (b"1\r\n2\r3\n", "một\nhai\nba\n".encode()),
        (b"\xff\n", spoken("\ufffd").encode() + b"\n"),
    ],
)
def test_line_ends_of_all_kinds_and_broken_bytes(tmp_path, written, said):
    assert fed(written, tmp_path) == said


def test_one_line_longer_than_a_piece_stays_one_line(tmp_path):
    assert fed("bà ".encode() * (MOST // 3), tmp_path).count(b"\n") == 1


def test_a_part_whose_process_dies_is_read_by_the_first(much, monkeypatch):
    from audio.reading import stream

    first, said = os.getpid(), stream._said

    def dies(text, language):
        if os.getpid() != first:
            os.kill(os.getpid(), signal.SIGKILL)
        return said(text, language)

    monkeypatch.setattr(stream, "_said", dies)
    with much.open("rb") as file:
        assert b"".join(said_lines(file.fileno(), cores=3)) == EXPECTED


def test_a_reader_that_stops_leaves_no_process_behind(much):
    with much.open("rb") as file:
        lines = said_lines(file.fileno(), cores=3)
        assert EXPECTED.startswith(next(lines))
        lines.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_client_that_keeps_the_pipe_open_has_its_answer_to_much_and_to_one_line(much):
    with command() as loa:
        answers = bytearray()

        def read():
            while len(answers) < len(EXPECTED) and (part := os.read(loa.stdout.fileno(), MOST)):
                answers.extend(part)

        reader = threading.Thread(target=read)
        reader.start()
        loa.stdin.write(much.read_bytes())
        loa.stdin.flush()
        reader.join(SECONDS)
        assert bytes(answers) == EXPECTED
        loa.stdin.write(b"5 kg\n")
        loa.stdin.flush()
        assert loa.stdout.readline().decode() == "năm ki lô gam\n"
        assert loa.communicate(timeout=SECONDS) == (b"", b"")
        assert loa.returncode == 0


def test_an_interrupt_ends_the_command_with_nothing_on_standard_error(much):
    with command(start_new_session=True) as loa:
        loa.stdin.write(much.read_bytes() * 4)
        loa.stdin.flush()
        assert os.read(loa.stdout.fileno(), 1)
        os.killpg(loa.pid, signal.SIGINT)
        loa.stdin.close()
        loa.stdout.read()
        assert loa.wait(SECONDS) == 130
        assert loa.stderr.read() == b""


def test_a_closed_pipe_ends_the_command(much):
    with command() as loa:
        loa.stdout.close()
        loa.stdin.write(much.read_bytes())
        loa.stdin.close()
        assert loa.wait(SECONDS) == 1
        assert loa.stderr.read() == b""
