"""The house itself: floors, packages from our tree, nothing that runs by being imported."""

import json
import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "registry", "audio", "playlists", "scheduler", "alerts", "web", "station", "loa")


def test_imports_go_down_the_house():
    made = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=360,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_the_one_of_our_tree(name: str):
    """`scheduler` is also the name of somebody else's package."""
    module = import_module(name)
    assert [Path(path).resolve() for path in module.__path__] == [ROOT / name]


_WATCH = """
import importlib, json, os, sys, threading
import urllib3  # asks the system for IPv6 with a socket when it is imported
sys.dont_write_bytecode = True
opened = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        opened.append(str(arguments[0]))
    elif event in ("socket.connect", "socket.bind", "subprocess.Popen", "sqlite3.connect", "os.mkdir"):
        opened.append(event)
sys.addaudithook(watch)
troubles = {}
for name in json.loads(sys.argv[1]):
    opened.clear()
    importlib.import_module(name)
    threads = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    if opened or threads:
        troubles[name] = [opened[:], threads]
print(json.dumps(troubles))
"""


def _modules() -> list[str]:
    found = []
    for package in PACKAGES:
        found.append(package)
        found += [each.name for each in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")]
    # Entry points that are meant to be run and not imported: the command itself, and Alembic's scripts.
    return [name for name in found if not name.endswith("__main__") and not name.startswith("loa.migrations")]


def test_importing_any_module_opens_writes_and_starts_nothing(tmp_path: Path):
    made = subprocess.run(
        [sys.executable, "-c", _WATCH, json.dumps(_modules())], cwd=tmp_path, capture_output=True, text=True, timeout=360, check=False,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-2_000:]
    assert json.loads(made.stdout.splitlines()[-1]) == {}
    assert list(tmp_path.iterdir()) == []


def test_each_package_starts_with_an_empty_or_re_exporting_file():
    for package in PACKAGES:
        for file in (ROOT / package).rglob("__init__.py"):
            text = file.read_text("utf-8")
            assert "def " not in text or file.parent.name in {"api", "panel", "public"}, file


def test_no_module_is_longer_than_four_hundred_lines():
    long = {
        str(file.relative_to(ROOT)): lines
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if "versions" not in file.parts and (lines := len(file.read_text("utf-8").splitlines())) > 400
    }
    assert long == {}
