"""`loa cap`: one JSON line for each file, in order, whatever is in it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from cap_builder import SENT, alert, bare, info, reference

from loa.__main__ import main

AT = "2026-11-22T23:00:00Z"


@pytest.fixture
def run(capsysbinary, tmp_path):
    """The lines for documents, each put into a file of its own."""

    def cap(*documents, at=AT, names=()):
        files = []
        for number, document in enumerate(documents):
            file = tmp_path / f"{number}.xml"
            file.write_bytes(document)
            files.append(str(file))
        assert main(["cap", "--at", at, *files, *names]) == 0
        written = capsysbinary.readouterr()
        assert written.err == b""
        return [json.loads(line) for line in written.out.decode("utf-8").splitlines()]

    return cap


def test_a_line_has_every_field_of_the_contract(run):
    (line,) = run(alert(references=reference("VN-0")))
    assert line["ok"] is True
    assert line["file"].endswith("0.xml")
    assert {name: line[name] for name in ("identifier", "sender", "status", "msgType", "references", "action", "reason")} == {
        "identifier": "VN-1", "sender": "kttv@example.vn", "status": "Actual", "msgType": "Alert",
        "references": ["kttv@example.vn,VN-0,2026-11-22T22:00:00.000Z"], "action": "broadcast",
        "reason": "It is a real, public alert that holds now.",
    }  # fmt: skip
    block = line["infos"][0]
    assert {name: block[name] for name in ("language", "event", "severity", "urgency", "certainty", "expires", "headline")} == {
        "language": "vi-VN", "event": "Lũ quét", "severity": "Severe", "urgency": "Immediate", "certainty": "Likely",
        "expires": "2026-11-23T05:00:00.000Z", "headline": "Cảnh báo lũ quét trên suối Mường Hoa",
    }  # fmt: skip
    assert block["areas"][0]["areaDesc"] == "Xã Tả Van, tỉnh Lào Cai"
    assert block["areas"][0]["polygons"][0][0] == [22.0, 103.0]


def test_the_files_are_a_stream(run):
    cancel = alert(
        identifier="VN-2", sent="2026-11-23T05:30:00+07:00", msgType="Cancel", references=reference("VN-1"), info=None
    )
    assert [line["action"] for line in run(cancel, alert(), alert(identifier="VN-3"))] == [
        "cancel",
        "ignore",
        "broadcast",
    ]


def test_a_bad_file_has_its_line_and_the_rest_go_on(run):
    lines = run(b"<html/>", alert(), b"", names=["/nowhere/x.xml", "/"])
    assert [line["ok"] for line in lines] == [False, True, False, False, False]
    assert all(line["error"] for line in lines if not line["ok"])
    assert lines[3] == {"file": "/nowhere/x.xml", "ok": False, "error": "There is no such file."}


def test_several_alerts_of_a_file_have_a_line_each(run):
    document = f"<alerts>{bare()}{bare(identifier='VN-2', status='x')}{bare(identifier='VN-3')}</alerts>".encode()
    lines = run(document, alert(identifier="VN-4"))
    assert [(line["file"][-5:], line.get("index"), line["ok"]) for line in lines] == [
        ("0.xml", 0, True), ("0.xml", 1, False), ("0.xml", 2, True), ("1.xml", None, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "action"),
    [
        ("2026-11-22T23:00:00Z", "broadcast"),
        ("2026-11-23T05:00:00Z", "ignore"),
        ("2026-11-23T11:59:59+07:00", "broadcast"),
        ("2026-11-20T00:00:00Z", "ignore"),
    ],
)
def test_the_instant_is_the_one_given(run, at, action):
    assert run(alert(), at=at)[0]["action"] == action


def test_without_an_instant_it_is_now(capsysbinary, tmp_path):
    file = tmp_path / "old.xml"
    file.write_bytes(alert(sent="2020-01-01T00:00:00+07:00", info=info(expires="2020-01-02T00:00:00+07:00")))
    assert main(["cap", str(file)]) == 0
    assert json.loads(capsysbinary.readouterr().out)["code"] == "expired"


@pytest.mark.parametrize("arguments", [[], ["--at", "tomorrow", "x"], ["--at", SENT]])
def test_wrong_usage_ends_with_2(arguments):
    with pytest.raises(SystemExit) as end:
        main(["cap", *arguments])
    assert end.value.code == 2


def test_a_name_that_is_not_utf_8_and_a_locale_that_is_not_either(tmp_path: Path):
    name = os.fsencode(tmp_path) + b"/\xff.xml"
    Path(os.fsdecode(name)).write_bytes(alert())
    made = subprocess.run(
        [sys.executable, "-m", "loa", "cap", "--at", AT, name], capture_output=True, timeout=240, check=True,
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    line = json.loads(made.stdout.decode("utf-8"))
    assert os.fsencode(line["file"]) == name
    assert line["infos"][0]["event"] == "Lũ quét"


def test_a_bar_shows_on_a_terminal_and_never_in_the_lines(tmp_path: Path):
    files = [tmp_path / f"{number}.xml" for number in range(30)]
    for number, file in enumerate(files):
        file.write_bytes(alert(identifier=f"VN-{number}"))
    screen, terminal = pty.openpty()
    try:
        made = subprocess.run(
            [sys.executable, "-m", "loa", "cap", "--at", AT, *files], stdout=subprocess.PIPE, stderr=terminal, timeout=240,
            check=True, cwd=Path(__file__).parents[2], env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip
        os.set_blocking(screen, False)
        shown = os.read(screen, 100_000)
    finally:
        os.close(terminal)
        os.close(screen)
    assert b"30 files" in shown
    assert [json.loads(line)["identifier"] for line in made.stdout.splitlines()] == [f"VN-{n}" for n in range(30)]


def test_neither_web_nor_database_nor_numbers_are_loaded_to_read_a_message(tmp_path: Path):
    file = tmp_path / "a.xml"
    file.write_bytes(alert())
    code = (
        "import sys; from loa.__main__ import main; main(['cap', sys.argv[1]]); "
        "print([m for m in ('flask', 'sqlalchemy', 'numpy', 'shapely', 'lxml') if m in sys.modules], file=sys.stderr)"
    )
    made = subprocess.run(
        [sys.executable, "-c", code, file],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert made.stderr.strip() == "[]"
