"""Who this station is: its home folder, what enrolment gave it, and the lock that keeps a second player out."""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import N_, Conflict, InvalidInput, NotFound
from core.files import full_disk_is_told, write_atomically


class Identity(BaseModel):
    """What enrolment handed over, and what changed since. Holds the token: kept with mode 0600 and never logged.

    `spare_token` is the former one until the present one was accepted once. `keys_version` is that of the set of keys
    that came with a plan, 0 for those of enrolment. `confirmed` is what enrolment said, and not kept up.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    server: str
    station: str
    token: str
    name: str
    unit_path: list[str]
    server_keys: list[dict[str, Any]]
    keys_version: int = 0
    spare_token: str | None = None
    confirmed: bool = True
    token_since: datetime | None = None


class Home:
    """The folder in which a station keeps everything it has."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.identity_file = path / "station.json"
        self.database = path / "station.db"
        self.audio = path / "audio"
        self._changing = threading.Lock()

    def prepare(self) -> None:
        """Make the folders. Raises InvalidInput when the place can't be a folder, NoSpace on a full disk."""
        try:
            with full_disk_is_told():
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
                self.audio.mkdir(exist_ok=True)
        except OSError as error:
            raise InvalidInput(
                N_("“%(home)s” can't be used as the station's folder: %(why)s."),
                home=str(self.path),
                why=error.strerror or "unknown",
            ) from error

    def is_enrolled(self) -> bool:
        return self.identity_file.exists()

    def save(self, identity: Identity) -> None:
        write_atomically(self.identity_file, identity.model_dump_json(indent=1).encode(), mode=0o600)

    def change(self, **values: Any) -> None:
        """Keep these fields of the identity anew. Raises NoSpace, and then leaves the file as it was."""
        with self._changing:
            self.save(self.load().model_copy(update=values))

    def load(self) -> Identity:
        """The identity kept here. Raises NotFound before enrolment, InvalidInput for a damaged file."""
        try:
            return Identity.model_validate(json.loads(self.identity_file.read_bytes()))
        except FileNotFoundError:
            raise NotFound(
                N_("“%(home)s” is not enrolled yet. Run “loa station enrol” first."), home=str(self.path)
            ) from None
        except (OSError, ValueError, ValidationError) as error:
            raise InvalidInput(
                N_("The station's identity in “%(file)s” can't be read. Enrol it again with --force."),
                file=str(self.identity_file),
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this home for one process. Raises Conflict if another one runs in it; freed even by SIGKILL."""
        try:
            handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:  # the disk takes nothing: it goes on with what lies there
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    N_("A station already runs in “%(home)s”. Stop it first."), home=str(self.path)
                ) from None
            yield
        finally:
            os.close(handle)
