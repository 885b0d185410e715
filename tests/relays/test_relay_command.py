"""`loa relay`, as a technician uses it."""

import json
from pathlib import Path

import pytest
from relay_lab import FORMS, Broadcaster, encoded, noise

from loa.__main__ import main


def test_it_tells_what_comes_from_each_address(
    broadcaster: Broadcaster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.toml").write_text('outside_hosts = ["127.0.0.0/8"]\n')
    broadcaster.pages["/live"] = encoded(noise(8.0), *FORMS["mp3"])
    good, bad = broadcaster.url("/live"), broadcaster.url("/nothing")
    assert main(["relay", good, bad, "--home", str(tmp_path)]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["url"] == first["leads_to"] == good
    assert (first["ok"], first["kind"], first["silent"]) == (True, "mp3", False)
    assert first["level_db"] == pytest.approx(-20, abs=1.5)
    assert (second["ok"], "404" in second["error"]) == (False, True)


def test_nothing_inner_is_asked_without_leave(
    broadcaster: Broadcaster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["relay", broadcaster.url("/live"), "--home", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert broadcaster.asked == []
