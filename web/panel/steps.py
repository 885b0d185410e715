"""The way of a bulletin as four steps: written, heard, given a place and a time, sent for approval."""

from dataclasses import dataclass

from flask import Blueprint, current_app, url_for

from core.errors import N_
from playlists.models import BulletinVersion

_NAMES = (
    ("write", N_("Write")),
    ("listen", N_("Listen")),
    ("air", N_("Where and when")),
    ("submit", N_("Send for approval")),
)
_FIXED = frozenset({"submitted", "withdrawn"})  # states in which nobody may rewrite
_SENT = frozenset({"submitted", "approved", "superseded"})
# Other parts of the panel bring this page; without it the step is shown and leads nowhere.
_AIR = "panel.bulletin_air"


@dataclass(frozen=True)
class Step:
    """One step: its code, its English name (a catalogue key), its number from 1, where it leads ("" for nowhere)."""

    code: str
    name: str
    number: int
    address: str
    current: bool
    done: bool


def steps_of(version: BulletinVersion | None, current: str, *, may_write: bool = True) -> list[Step]:
    """The four steps as they stand on the page `current` (`write`, `listen`, `air`, `submit`).

    Before the bulletin is first saved (`version` is None) only the first leads anywhere. A version that waits for
    approval or is withdrawn can't be written any more, so its first step is no link; nor is any step but listening for
    who may not write there.
    """
    codes = [code for code, _ in _NAMES]
    at = codes.index(current) if current in codes else 0
    sent = version is not None and version.state in _SENT
    return [
        Step(
            code,
            name,
            number,
            _address(version, code) if may_write or code == "listen" else "",
            code == current,
            number <= at or (sent and code == "submit"),
        )
        for number, (code, name) in enumerate(_NAMES, start=1)
    ]


def _address(version: BulletinVersion | None, code: str) -> str:
    if version is None:
        return ""
    bulletin = version.bulletin_id
    if code == "write":
        return "" if version.state in _FIXED else url_for("panel.bulletin_edit", identity=bulletin)
    if code == "listen":
        return url_for("panel.bulletin", identity=bulletin)
    if code == "air":
        known = _AIR in current_app.view_functions and version.state != "withdrawn"
        return url_for(_AIR, identity=bulletin) if known else ""
    return url_for("panel.bulletin", identity=bulletin) + "#next-head" if version.state == "draft" else ""


def register(blueprint: Blueprint) -> None:
    blueprint.app_context_processor(lambda: {"steps_of": steps_of})
