"""The one door to the decoder: libsndfile, which reads Ogg Opus and MP3.

It comes as a shared library inside the wheel of `soundfile`, for x86-64 and arm64. That package's own module is not
imported: it would bring numpy, 20 MB of memory on a board that has little.
"""

import ctypes
import importlib.util
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from functools import cache
from pathlib import Path

from core.errors import N_, EngineFailed

BYTES_A_SAMPLE = 2
_READ = 0x10
_MAX_CHANNELS = 2
_MAX_RATE = 192_000


class BadAudio(EngineFailed):
    """The file can't be decoded. `reason` is for the report."""

    code = "bad_audio"


class _Info(ctypes.Structure):
    """`SF_INFO` of sndfile.h."""

    _fields_ = (
        ("frames", ctypes.c_int64),
        ("samplerate", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("format", ctypes.c_int),
        ("sections", ctypes.c_int),
        ("seekable", ctypes.c_int),
    )


def _library_path() -> str | None:
    found = importlib.util.find_spec("_soundfile_data")
    if found is not None and found.submodule_search_locations:
        machine = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
        for folder in found.submodule_search_locations:
            for name in sorted(Path(folder).glob(f"libsndfile*{machine}*")):
                return str(name)
    return find_library("sndfile")


@cache
def _library() -> ctypes.CDLL:
    path = _library_path()
    if path is None:
        raise EngineFailed(N_("There is no decoder: the package “soundfile” is missing."))
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise EngineFailed(N_("The decoder can't be loaded (%(why)s)."), why=str(error)) from error
    library.sf_open.restype = ctypes.c_void_p
    library.sf_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(_Info)]
    library.sf_open_fd.restype = ctypes.c_void_p
    library.sf_open_fd.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.POINTER(_Info), ctypes.c_int]
    library.sf_readf_short.restype = ctypes.c_int64
    library.sf_readf_short.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    library.sf_seek.restype = ctypes.c_int64
    library.sf_seek.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int]
    library.sf_close.restype = ctypes.c_int
    library.sf_close.argtypes = [ctypes.c_void_p]
    library.sf_version_string.restype = ctypes.c_char_p
    return library


def decoder_version() -> str:
    """Such as `libsndfile-1.2.2`. Raises EngineFailed if there is none."""
    return str(_library().sf_version_string().decode())


class Decoder:
    """An open clip: 16-bit mono PCM at its own rate. Not for two threads at once; close it."""

    def __init__(self, path: Path) -> None:
        """Raises BadAudio for what is no audio, EngineFailed without a decoder."""
        self._library = _library()
        info = _Info()
        self._handle = self._open(path, info)
        if not self._handle:
            raise BadAudio(N_("“%(file)s” is not audio that can be played."), file=path.name)
        self.rate = int(info.samplerate)
        self.frames = int(info.frames)
        self._channels = int(info.channels)
        if not (0 < self._channels <= _MAX_CHANNELS and 0 < self.rate <= _MAX_RATE and self.frames > 0):
            self.close()
            raise BadAudio(N_("“%(file)s” is not audio that can be played."), file=path.name)
        self._lock = threading.Lock()

    def _open(self, path: Path, info: _Info) -> int | None:
        handle: int | None = self._library.sf_open(bytes(path), _READ, ctypes.byref(info))
        return handle

    def seek(self, frame: int) -> None:
        """Go to a frame, exact to the sample. Beyond the end, the next read gives nothing."""
        target = max(0, min(frame, self.frames))
        if self._handle is None or self._library.sf_seek(self._handle, target, 0) < 0:
            raise BadAudio(N_("The recording can't be entered in its middle."))

    def read(self, frames: int) -> bytes:
        """Up to `frames` frames from here; empty at the end."""
        with self._lock:
            if self._handle is None:
                return b""
            buffer = ctypes.create_string_buffer(frames * self._channels * BYTES_A_SAMPLE)
            count = int(self._library.sf_readf_short(self._handle, buffer, frames))
        pcm = buffer.raw[: max(0, count) * self._channels * BYTES_A_SAMPLE]
        if self._channels == _MAX_CHANNELS:
            import audioop  # only for stereo, which no clip of ours is

            pcm = audioop.tomono(pcm, BYTES_A_SAMPLE, 0.5, 0.5)
        return pcm

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle:
            self._library.sf_close(handle)


class StreamDecoder(Decoder):
    """MP3 or Ogg from the reading end of a pipe, as it comes; closes that end. It can't be entered in its middle."""

    def __init__(self, reading: int) -> None:
        """Blocks until the stream's head has come, or the pipe's other end is closed. Raises as `Decoder`."""
        self._reading = reading
        try:
            super().__init__(Path("stream"))
        except BaseException:
            self._let_go()
            raise

    def _open(self, _path: Path, info: _Info) -> int | None:
        handle: int | None = self._library.sf_open_fd(self._reading, _READ, ctypes.byref(info), 0)
        return handle

    def close(self) -> None:
        super().close()
        self._let_go()

    def _let_go(self) -> None:
        reading, self._reading = self._reading, -1
        if reading >= 0:
            os.close(reading)


@contextmanager
def opened(path: Path) -> Iterator[Decoder]:
    decoder = Decoder(path)
    try:
        yield decoder
    finally:
        decoder.close()


def check(path: Path) -> None:
    """Raise BadAudio unless the beginning of the file decodes."""
    with opened(path) as decoder:
        if not decoder.read(min(decoder.frames, 1000)):
            raise BadAudio(N_("“%(file)s” is not audio that can be played."), file=path.name)
