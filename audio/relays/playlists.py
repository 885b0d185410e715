"""Playlists that stand between an address and its sound: M3U and PLS point on, HLS lists pieces (RFC 8216). Pure."""

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

from core.errors import N_, InvalidInput

MOST_BYTES = 256 * 1024
_MOST_SEGMENTS = 2_000
_MOST_SECONDS = 120.0
_ATTRIBUTE = re.compile(r'([A-Z0-9-]{1,40})=("[^"]{0,2000}"|[^",]{0,2000})')
_BYTE_RANGE = re.compile(r"(\d{1,12})(?:@(\d{1,12}))?")
_PLS_FILE = re.compile(r"file\d{0,4}\s*=\s*(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """How pieces are encrypted: AES-128 in CBC mode, with the key found at `url`; `iv` None is the piece's number."""

    url: str
    iv: bytes | None


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of bytes: all of `url`, or `length` bytes from `first` on."""

    url: str
    first: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of sound. `number` never comes again within a stream; `head` is to be sent before it (fMP4)."""

    number: int
    part: Part
    seconds: float
    key: Key | None = None
    head: Part | None = None
    discontinuity: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """A media playlist. `target_seconds` is the longest a piece may be; `ended` says that nothing will be added."""

    target_seconds: float
    segments: tuple[Segment, ...]
    ended: bool


@dataclass(frozen=True, slots=True)
class Variant:
    url: str
    bandwidth: int
    codecs: str = ""


@dataclass(frozen=True, slots=True)
class Master:
    """The same programme in several forms."""

    variants: tuple[Variant, ...]

    def best_for_speech(self) -> Variant:
        """The leanest form with sound of at least 40 kbit/s: it ends up as 64 kbit/s in one channel."""
        sound_only = [
            one for one in self.variants if one.codecs and "avc" not in one.codecs and "hvc" not in one.codecs
        ]
        chosen = sound_only or list(self.variants)
        enough = [one for one in chosen if one.bandwidth >= 40_000] or chosen  # noqa: PLR2004 - the docstring's figure
        return min(enough, key=lambda one: one.bandwidth)


def is_hls(text: str) -> bool:
    return text.lstrip("\ufeff \r\n").startswith("#EXTM3U") and "#EXT-X-" in text


def pointers(text: str, base: str) -> list[str]:
    """The addresses that an M3U or PLS file points to, at most ten, relative ones made whole with `base`."""
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines()]
    if any(line.lower() == "[playlist]" for line in lines[:20]):
        found = [match[1] for line in lines if (match := _PLS_FILE.fullmatch(line))]
    else:
        found = [line for line in lines if line and not line.startswith("#")]
    return [urljoin(base, one) for one in found[:10]]


@dataclass(slots=True)
class _Reading:
    """What the tags so far say about the pieces that follow."""

    base: str
    target: float = 10.0
    number: int = 0
    seconds: float | None = None
    span: tuple[int, int | None] | None = None
    ends: dict[str, int] = field(default_factory=dict)
    key: Key | None = None
    head: Part | None = None
    discontinuity: bool = False
    ended: bool = False
    variant: dict[str, str] | None = None
    sounds: list[str] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)

    def tag(self, name: str, value: str) -> None:
        attributes = {match[1]: match[2].strip('"') for match in _ATTRIBUTE.finditer(value)}
        if name == "EXTINF":
            self.seconds = _number(value.partition(",")[0], most=_MOST_SECONDS)
        elif name == "EXT-X-TARGETDURATION":
            self.target = max(1.0, _number(value, most=_MOST_SECONDS))
        elif name == "EXT-X-MEDIA-SEQUENCE":
            self.number = int(_number(value, most=1e15))
        elif name == "EXT-X-BYTERANGE" and (match := _BYTE_RANGE.fullmatch(value.strip())):
            self.span = int(match[1]), int(match[2]) if match[2] else None
        elif name == "EXT-X-KEY":
            self.key = self._key(attributes)
        elif name == "EXT-X-MAP":
            self.head = self._map(attributes)
        elif name == "EXT-X-DISCONTINUITY":
            self.discontinuity = True
        elif name == "EXT-X-ENDLIST":
            self.ended = True
        else:
            self._form(name, attributes)

    def _form(self, name: str, attributes: dict[str, str]) -> None:
        """What a master playlist says of the forms it names."""
        if name == "EXT-X-STREAM-INF":
            self.variant = attributes
        elif name == "EXT-X-MEDIA" and attributes.get("TYPE") == "AUDIO" and attributes.get("URI"):
            self.sounds.append(self._whole(attributes["URI"]))

    def _map(self, attributes: dict[str, str]) -> Part:
        match = _BYTE_RANGE.fullmatch(attributes.get("BYTERANGE", ""))
        url = self._whole(attributes.get("URI", ""))
        return Part(url, int(match[2] or 0), int(match[1])) if match else Part(url)

    def _key(self, attributes: dict[str, str]) -> Key | None:
        method = attributes.get("METHOD", "NONE")
        if method == "NONE":
            return None
        if method != "AES-128" or attributes.get("KEYFORMAT", "identity") != "identity":
            raise InvalidInput(
                N_("This stream is encrypted in a way that can't be read (%(method)s)."), method=method[:40]
            )
        iv = attributes.get("IV", "")
        try:
            given = int(iv, 16).to_bytes(16, "big") if iv else None
        except (ValueError, OverflowError):
            raise _unreadable() from None
        return Key(self._whole(attributes.get("URI", "")), given)

    def _whole(self, uri: str) -> str:
        if not uri:
            raise _unreadable()
        return urljoin(self.base, uri)

    def address(self, line: str) -> None:
        url = self._whole(line)
        if self.variant is not None:
            bandwidth = int(_number(self.variant.get("BANDWIDTH", "0"), most=1e12))
            self.variants.append(Variant(url, bandwidth, self.variant.get("CODECS", "")))
            self.variant = None
        elif self.seconds is not None:
            part = Part(url)
            if self.span is not None:
                first = self.span[1] if self.span[1] is not None else self.ends.get(url, 0)
                part = Part(url, first, self.span[0])
                self.ends[url] = first + self.span[0]
            self.segments.append(Segment(self.number, part, self.seconds, self.key, self.head, self.discontinuity))
            self.number += 1
            self.seconds, self.span, self.discontinuity = None, None, False


def read_hls(text: str, base: str) -> Master | Media:
    """An HLS playlist that was found at `base`. Raises InvalidInput for what is none, or is encrypted otherwise."""
    if not is_hls(text):
        raise _unreadable()
    reading = _Reading(base)
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#EXT"):
            name, _, value = stripped[1:].partition(":")
            reading.tag(name, value)
        elif stripped and not stripped.startswith("#"):
            reading.address(stripped)
        if len(reading.segments) + len(reading.variants) > _MOST_SEGMENTS:
            raise InvalidInput(N_("The stream's playlist has too many entries."))
    if reading.variants:
        if reading.sounds:  # sound of its own beside the pictures
            return Master(tuple(Variant(url, 0, "mp4a") for url in reading.sounds))
        return Master(tuple(reading.variants))
    return Media(reading.target, tuple(reading.segments), reading.ended)


def _number(text: str, *, most: float) -> float:
    try:
        value = float(text.strip())
    except ValueError:
        raise _unreadable() from None
    if not 0 <= value <= most:  # false for what is no number, too
        raise _unreadable()
    return value


def _unreadable() -> InvalidInput:
    return InvalidInput(N_("The stream's playlist can't be read."))
