"""A private PostgreSQL from Debian's binaries, on a free loopback port, gone with the tests."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

_START_SECONDS = 120


def binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    return found[-1].parent if found else None


def skip_unless_there() -> Path:
    """The folder of the binaries. Skips by name without one; with CI=true that is a failure."""
    folder = binaries()
    if folder is None:
        message = "needs Debian's package “postgresql”"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


class PostgresServer:
    """Starts in `folder`; each test gets a database of its own, copied from a template."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._bin, self._data = binaries, folder / "data"
        self._password = secrets.token_hex(16)
        # The server refuses to run as root: there it runs as the user Debian made for it.
        self._user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        password = folder / "password"
        password.write_text(self._password)
        if self._user:
            for path in (folder, password):
                shutil.chown(path, self._user.pw_uid, self._user.pw_gid)
            for parent in folder.parents:  # pytest keeps its folders to itself
                if parent.is_relative_to("/tmp") and parent != Path("/tmp"):  # noqa: S108
                    parent.chmod(parent.stat().st_mode | 0o011)
        # A collation in which “~” and “_” sort as people expect them to and not as bytes do.
        self._run(
            "initdb", "-D", self._data, "-U", "loa", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale=C.UTF-8",
            "--locale-provider=icu", "--icu-locale=vi-VN", "--no-sync",
        )  # fmt: skip
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._log = (folder / "log").open("wb")
        self._begin()

    def _begin(self) -> None:
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"],
            stdout=self._log, stderr=self._log, **self._as_user(),
        )  # fmt: skip
        self._wait()

    def go_away(self) -> None:
        """Stop at once, in order: whoever is connected is cut off. `come_back` ends it."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def come_back(self) -> None:
        self._begin()

    def _as_user(self) -> dict[str, int]:
        return {"user": self._user.pw_uid, "group": self._user.pw_gid} if self._user else {}

    def _run(self, name: str, *arguments: object) -> None:
        subprocess.run(
            [self._bin / name, *map(str, arguments)],
            check=True,
            capture_output=True,
            timeout=240,
            cwd="/",
            **self._as_user(),
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.05)
            else:
                return

    def execute(self, statement: str) -> None:
        with psycopg.connect(self._address("postgres"), autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def _address(self, name: str) -> str:
        return f"postgresql://loa:{self._password}@127.0.0.1:{self.port}/{name}"

    def url(self, name: str) -> str:
        return self._address(name).replace("postgresql://", "postgresql+psycopg://")

    def create(self, name: str, template: str | None = None) -> str:
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.url(name)

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(15)
        self._log.close()
