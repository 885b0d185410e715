"""What a station is made of: nothing of the server's packages is installed for it, and nothing heavy is loaded."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "alembic", "apscheduler", "bootstrap-flask", "flask", "flask-babel", "flask-wtf", "gevent", "greenlet", "jinja2",
    "psycopg", "sqlalchemy", "sqlmodel", "werkzeug", "wtforms",
}  # fmt: skip


def name_of(requirement):
    return re.split(r"[\[<>=!~; ]", requirement.strip(), maxsplit=1)[0].lower()


def pins():
    text = (ROOT / "requirements" / "station.txt").read_text("utf-8")
    return re.findall(r"^([a-z0-9-]+)==\S+(?: ; (.*?))? \\$", text, re.MULTILINE)


def test_the_extra_for_stations_and_their_pins_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["station"]]
    lines = (ROOT / "requirements" / "station.in").read_text("utf-8").splitlines()
    listed = [line for line in lines if line.strip() and not line.startswith("#")]
    assert sorted(one.replace('"', "'") for one in listed) == sorted(wanted)
    pinned = {name for name, _ in pins()}
    assert {name_of(one) for one in wanted} <= pinned
    assert not pinned & FORBIDDEN
    assert not {name_of(one) for one in wanted} & FORBIDDEN


def test_the_server_has_stations_of_its_own_in_the_demo():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert "loalang[station]" in extras["server"]


def test_on_arm64_nothing_is_built_miniaudio_being_left_out():
    markers = dict(pins())
    assert markers["miniaudio"] == "platform_machine != 'aarch64'"


def test_no_module_of_the_station_loads_a_package_of_the_server_or_numpy():
    code = (
        "import importlib, pkgutil, sys, station, loa.__main__\n"
        "loa.__main__.parser()\n"
        "names = [one.name for one in pkgutil.iter_modules(station.__path__)]\n"
        "assert len(names) > 30, names\n"
        "for name in names: importlib.import_module(f'station.{name}')\n"
        "from station.cards import load_miniaudio\n"
        "load_miniaudio()\n"
        "roots = {name.partition('.')[0] for name in sys.modules if sys.modules[name] is not None}\n"
        "bad = {'numpy', 'flask', 'sqlalchemy', 'sqlmodel', 'apscheduler', 'alembic', 'gevent', 'soundfile', 'web',\n"
        "       'scheduler', 'playlists', 'audio', 'registry', 'pydub'} & roots\n"
        "assert not bad, bad\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False, cwd=ROOT
    )
    assert not done.returncode, done.stderr
