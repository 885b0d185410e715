"""A place to listen in: real clips on a timetable of right now, a real server, and listeners that note what comes when."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from sqlmodel import Session, select
from village import Village
from web_process import WebProcess

from audio import ffmpeg as encoder
from audio.deadline import Deadline
from audio.models import Clip
from core.clock import utc_now
from core.wire import ClipFiles
from playlists.models import BulletinVersion
from registry import units
from registry.models import Unit
from scheduler import emergencies

RATE = 44_100
Samples = np.ndarray


def needed(program: str | None, name: str) -> str:
    """The program, or the test is skipped by its name; where everything has to be there, it fails."""
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return program


def chirp(seconds: float, seed: int = 1) -> Samples:
    """Tones that jump about: nothing in it resembles another part of it, nor a chirp of another seed."""
    random = np.random.default_rng(seed)
    steps = int(seconds * 20) + 1
    pitch = np.repeat(random.uniform(300, 3_000, steps), RATE // 20)[: int(seconds * RATE)]
    return (0.3 * np.sin(np.cumsum(pitch) * 2 * np.pi / RATE)).astype(np.float32)


def place_of(needle: Samples, hay: Samples) -> tuple[float, float]:
    """Where in `hay` the needle lies, in seconds, and how well it fits (1: the same)."""
    size = 1 << (len(hay) + len(needle)).bit_length()
    product = np.fft.irfft(np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size)), size)[: len(hay)]
    at = int(np.argmax(product[: max(1, len(hay) - len(needle) + 1)]))
    part = hay[at : at + len(needle)]
    return at / RATE, float(product[at] / (np.linalg.norm(part) * np.linalg.norm(needle) + 1e-9))


def decoded(data: bytes) -> Samples:
    """The sound of MP3 bytes, as ffmpeg hears them."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-f", "mp3", "-i", "pipe:0", "-f", "f32le", "-"],
        input=data, capture_output=True, check=True, timeout=360,
    )  # fmt: skip
    return np.frombuffer(done.stdout, np.float32)


def encoded(village: Village, samples: Samples) -> ClipFiles:
    """The sound as the two files of a clip, in the store."""
    with village.store.workspace() as folder:
        targets = {"mp3": folder / "a.mp3", "opus": folder / "a.opus"}
        encoder.encode([samples], RATE, targets, Deadline(30))  # type: ignore[arg-type]
        return ClipFiles(**{codec: village.store.put(path, codec) for codec, path in targets.items()})  # type: ignore[arg-type]


@dataclass
class Lab:
    """Acts in the village of a test, at the hour it is."""

    village: Village
    made: dict[str, Samples] = field(default_factory=dict)

    def bulletin(self, title: str, samples: Samples) -> str:
        """An approved bulletin that sounds like this."""
        identity = self.village.bulletin(title=title, seconds=None, until_state="draft", text=title)
        with self.village.database.read() as session:
            clip = session.exec(select(BulletinVersion.clip_id).where(BulletinVersion.bulletin_id == identity)).one()
        self.finish(clip, samples)
        self.village._bring(identity, "approved")
        return identity

    def finish(self, clip_id: str, samples: Samples) -> None:
        files = encoded(self.village, samples)
        with self.village.database.write() as session:
            clip = session.get_one(Clip, clip_id)
            clip.state, clip.progress, clip.seconds, clip.ready_at = "ready", 100, len(samples) / RATE, utc_now()
            clip.mp3_sha256, clip.mp3_bytes = files.mp3.sha256, files.mp3.bytes
            clip.opus_sha256, clip.opus_bytes = files.opus.sha256, files.opus.bytes
            session.add(clip)

    def on_air(
        self, seconds: float, *items: tuple[str, Samples], to: Sequence[str] = ("unit:79.1",), **more: object
    ) -> datetime:
        """Put a programme of titled sounds on the timetable for `seconds` from now, or less than one later; for when."""
        made = self.village.programme(*[self.bulletin(title, samples) for title, samples in items])
        now = self.village.clock.at = utc_now()
        starts = (now + timedelta(seconds=seconds + 0.999)).replace(microsecond=0)
        self.village.slot(made, starts, to=to, **more)
        self.village.roll()
        return starts

    def alarm(self, samples: Samples, to: Sequence[str] = ("unit:79.1",)) -> tuple[str, datetime]:
        """Raise an emergency that sounds like this; its id, and when."""
        with self.village.database.write() as session:
            clip = self._recording(session)
        self.finish(clip, samples)
        now = utc_now()
        with self.village.database.write() as session:
            unit = session.get_one(Unit, self.village.cast.units["commune_a"])
            alarm = emergencies.Alarm(signal="none", audience=list(to), clip=clip)
            raised, _ = emergencies.raise_alarm(
                session, self.village.actor("approver"), unit, alarm, signer=self.village.signer,
                default_zone=self.village.settings.zone, max_chars=1_000, now=now,
            )  # fmt: skip
            return raised.id, now

    def _recording(self, session: Session) -> str:
        home, who = self.village.cast.units["commune_a"], self.village.cast.people["approver"]
        clip = Clip(
            id=f"cl_alarm{len(self.made)}", unit_id=home, kind="recording", title="Lũ lên", content_key=f"alarm{len(self.made)}",
            created_by=who, created_at=utc_now(),
        )  # fmt: skip
        session.add(clip)
        self.made[clip.id] = np.zeros(0)
        return clip.id

    def stop_alarm(self, identity: str) -> None:
        with self.village.database.write() as session:
            emergencies.stop(session, self.village.actor("approver"), identity, utc_now())

    def let_everybody_listen(self, unit: str = "commune_a", public: bool | None = True) -> None:
        with self.village.database.write() as session:
            units.open_radio(
                session,
                self.village.actor("root"),
                session.get_one(Unit, self.village.cast.units[unit]),
                public,
                utc_now(),
            )


class Server(WebProcess):
    """`loa web` on a port of its own."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/radio/{name}.mp3"


@dataclass
class Heard:
    """What a listener got: the answer's head, and the pieces with the instants at which they came."""

    status: str
    head: dict[str, str]
    pieces: list[tuple[float, bytes]]

    @property
    def data(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)

    def came_at(self, position: int) -> float:
        """When (epoch seconds) the byte at `position` had come."""
        total = 0
        for at, piece in self.pieces:
            total += len(piece)
            if total > position:
                return at
        raise IndexError(position)


def connect(port: int, name: str, *, method: str = "GET", headers: Sequence[str] = ()) -> socket.socket:
    """Ask for a radio and leave the answer unread."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    lines = [f"{method} /radio/{name}.mp3 HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return connection


def answer(connection: socket.socket) -> tuple[str, dict[str, str], bytes]:
    """Status and head of the answer, and what came of its body with them."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        assert piece, data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    fields = (line.partition(":") for line in lines)
    return status, {name.lower(): value.strip() for name, _, value in fields}, body


def listen(port: int, name: str, seconds: float, *headers: str) -> Heard:
    """Listen for so long."""
    with connect(port, name, headers=headers) as connection:
        status, head, body = answer(connection)
        heard = Heard(status, head, [(time.time(), body)])
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            connection.settimeout(max(left, 0.01))
            with contextlib.suppress(TimeoutError):
                piece = connection.recv(65_536)
                if not piece:
                    break
                heard.pieces.append((time.time(), piece))
        return heard


def without_titles(data: bytes, every: int) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The sound of a stream with titles, and the titles with where they stood in the sound (empty: nothing new)."""
    sound, titles, at = [], [], 0
    while at + every < len(data):
        sound.append(data[at : at + every])
        size = data[at + every] * 16
        titles.append((sum(map(len, sound)), data[at + every + 1 : at + every + 1 + size].rstrip(b"\0")))
        at += every + 1 + size
    sound.append(data[at : at + every])
    return b"".join(sound), titles


def seconds_of(data: bytes) -> float:
    """How long whole bytes of a 64 kbit/s stream last."""
    return len(data) / 8_000


@contextlib.contextmanager
def served(home: Path, **environment: str) -> Iterator[Server]:
    server = Server(home, **environment)
    server.start()
    try:
        yield server
    finally:
        server.stop()
