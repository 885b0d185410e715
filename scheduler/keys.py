"""The keys that sign airings, in the home folder; made here, their private parts never sent anywhere.

`signing.jwk` signs. `next.jwk` will: stations are told of it first. `retired-*.jwk` signed until lately and is still
trusted. Every step of a change is one file written whole or removed, and leaves a state in which all is right:

1. `begin` makes `next.jwk`.
2. `switch` keeps the present key as a retired one, then puts the next in its place, then removes what is left over.
3. `drop` removes a retired one.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import N_, NotFound
from core.files import write_atomically
from core.settings import Settings
from core.signing import Signer, new_signing_key, public_part
from core.wire import SettingsDocument, Ticket

_CURRENT = "signing.jwk"
_NEXT = "next.jwk"
_RETIRED = "retired-*.jwk"


@dataclass(frozen=True)
class Ring:
    """The keys there are, as private JWKs: each stands in one place only."""

    current: dict[str, Any]
    announced: dict[str, Any] | None
    retiring: tuple[dict[str, Any], ...]

    @property
    def every(self) -> list[dict[str, Any]]:
        """All that are trusted, the one that signs first."""
        return [self.current, *([self.announced] if self.announced else []), *self.retiring]

    @property
    def states(self) -> dict[str, str]:
        """The state of each key, by its name."""
        found = {str(key["kid"]): "retiring" for key in self.retiring}
        if self.announced:
            found[str(self.announced["kid"])] = "announced"
        return found | {str(self.current["kid"]): "signing"}


class LiveSigner(Signer):
    """Signs with whatever key `file` holds at that moment: web and worker follow a change without a restart."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held = self._read()

    def _read(self) -> tuple[tuple[int, int], Signer]:
        state = self._file.stat()
        return (state.st_ino, state.st_mtime_ns), Signer(_read(self._file))

    @property
    def _signer(self) -> Signer:
        state = self._file.stat()
        held = self._held
        if held[0] != (state.st_ino, state.st_mtime_ns):
            held = self._held = self._read()
        return held[1]

    @property
    def kid(self) -> str:  # type: ignore[override]
        return self._signer.kid

    @property
    def public_jwk(self) -> dict[str, Any]:  # type: ignore[override]
        return self._signer.public_jwk

    @property
    def mark(self) -> str:
        return self._signer.mark

    def sign(self, ticket: Ticket) -> str:
        return self._signer.sign(ticket)

    def settle(self, document: SettingsDocument) -> str:
        return self._signer.settle(document)


def prepare(settings: Settings) -> None:
    """Make the signing key unless it is there."""
    file = settings.keys / _CURRENT
    if not file.exists():
        write_atomically(file, json.dumps(new_signing_key()).encode(), mode=0o600)


def signer(settings: Settings) -> Signer:
    """What signs airings. Call `prepare` first."""
    return LiveSigner(settings.keys / _CURRENT)


def ring(settings: Settings) -> Ring:
    """All keys. What an interrupted change left twice counts for what it is to become."""
    current = _read(settings.keys / _CURRENT)
    seen = {current["kid"]}
    announced = _read(settings.keys / _NEXT) if (settings.keys / _NEXT).exists() else None
    if announced is not None and announced["kid"] in seen:
        announced = None
    retiring = []
    for file in sorted(settings.keys.glob(_RETIRED)):
        key = _read(file)
        if key["kid"] not in seen:
            seen.add(key["kid"])
            retiring.append(key)
    return Ring(current, announced, tuple(retiring))


def public_keys(settings: Settings) -> list[dict[str, Any]]:
    """The JWKs stations check with: the current one, the one to come, then those still trusted."""
    return [public_part(key) for key in ring(settings).every]


def begin(settings: Settings) -> str:
    """Make the next key, unless there is one that waits; its name."""
    waiting = ring(settings).announced
    if waiting is not None:
        return str(waiting["kid"])
    made = new_signing_key()
    write_atomically(settings.keys / _NEXT, json.dumps(made).encode(), mode=0o600)
    return str(made["kid"])


def switch(settings: Settings) -> str:
    """Let the next key sign from now on; the name of the one that did until now. Raises NotFound without a next key.

    Interrupted anywhere and called again, it ends in the same.
    """
    held = ring(settings)
    if held.announced is None:
        raise NotFound(N_("No new key has been announced. Begin with “loa keys rotate”."))
    former = str(held.current["kid"])
    kept = settings.keys / f"retired-{former}.jwk"
    write_atomically(kept, json.dumps(held.current).encode(), mode=0o600)
    write_atomically(settings.keys / _CURRENT, json.dumps(held.announced).encode(), mode=0o600)
    (settings.keys / _NEXT).unlink(missing_ok=True)
    return former


def drop(settings: Settings, kid: str) -> None:
    """Remove a retired key for good. The one that signs and the next stay; what is not there is no error."""
    for file in settings.keys.glob(_RETIRED):
        if _read(file)["kid"] == kid:
            file.unlink(missing_ok=True)


def tidy(settings: Settings) -> None:
    """Remove what an interrupted change left twice."""
    current = _read(settings.keys / _CURRENT)["kid"]
    for file in (settings.keys / _NEXT, *settings.keys.glob(_RETIRED)):
        if file.exists() and _read(file)["kid"] == current:
            file.unlink(missing_ok=True)


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text("utf-8")))
