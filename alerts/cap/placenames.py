"""Finding units by the names and codes of an area: “Xã Tả Van, tỉnh Lào Cai”, “phuong Sa Pa”, VN-02."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from alerts.cap.message import Pair

OWN_CODES = frozenset({"unit", "loa-lang:unit"})
"""Names of geocodes (in small letters) whose value is a unit's own code."""

# With marks “Lạng Sơn” is no “làng”; without them only kinds count that are no beginning of a name.
_KINDS = (
    "xã", "phường", "thị trấn", "đặc khu", "huyện", "quận", "thị xã", "thành phố", "tỉnh", "thôn", "ấp", "bản", "buôn",
    "làng", "tổ dân phố", "khu phố", "khu vực", "tp", "tx", "tt",
)  # fmt: skip
_PLAIN_KINDS = (
    "xa", "phuong", "thi tran", "dac khu", "huyen", "quan", "thi xa", "thanh pho", "tinh", "thon", "to dan pho",
    "khu pho", "khu vuc", "tp", "tx", "tt", "province of", "city of", "district of", "commune of",
)  # fmt: skip
_ENGLISH_KINDS = ("province", "city", "district", "commune", "ward", "town", "township", "municipality")


def _kind(lead: str, kinds: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:(?:{lead}) )*(?:{'|'.join(sorted(kinds, key=len, reverse=True))})(?:\.\s*|\s+)")


_KIND = _kind("các|một số|tại|ở", _KINDS)
_PLAIN_KIND = _kind("cac|mot so|tai|o", _PLAIN_KINDS)
_ENGLISH_KIND = re.compile(rf" (?:{'|'.join(_ENGLISH_KINDS)})$")
_GROUPS = re.compile(r"[;\n•]")
_PIECES = re.compile(r",|:|/|\(|\)|\s(?:thuộc|của|và|and)\s", re.IGNORECASE)
_CODES = re.compile(r"[\s,;|]+")
_MOST_CHARS = 20_000
_MOST_PIECES = 2_000


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as areas name it. `above`: ids of the units over it, from the root down. `geocodes`: its other codes."""

    id: str
    code: str
    name: str
    above: tuple[str, ...] = ()
    geocodes: frozenset[Pair] = frozenset()


def folded(text: str) -> str:
    """Small letters and digits without marks, words parted by one space; `đ` is d."""
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    kept = "".join(each if each.isalnum() else " " for each in plain if not unicodedata.combining(each))
    return " ".join(kept.split())


def bare(text: str) -> str:
    """A folded name without what kind of unit it is: `sa pa` for “Phường Sa Pa” and for “Sa Pa ward”."""
    name = folded(text)
    written = " ".join(unicodedata.normalize("NFC", text.lower()).split())
    kind = _PLAIN_KIND.match(written) if written.isascii() else _KIND.match(written)
    without = _ENGLISH_KIND.sub("", folded(written[kind.end() :]) if kind else name)
    # “Quận 1” without its kind is a number that says nothing.
    return name if not without or without.isdigit() else without


def _marked(text: str) -> str:
    """A name without its kind but with its marks, wherever they are written: Hoà is Hòa."""
    words = unicodedata.normalize("NFC", text.lower()).replace(".", " ").split()
    return " ".join("".join(sorted(unicodedata.normalize("NFD", word))) for word in words)


@dataclass(slots=True)
class Gazetteer:
    """Units by name and code, made once for many areas. `own_codes`: see OWN_CODES."""

    units: Sequence[Unit]
    own_codes: frozenset[str] = OWN_CODES
    _by_name: dict[str, list[Unit]] = field(init=False, default_factory=dict)
    _by_code: dict[tuple[str, str], list[Unit]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for unit in self.units:
            for name in {folded(unit.name), bare(unit.name)}:
                self._by_name.setdefault(name, []).append(unit)
            codes = {(name, unit.code) for name in self.own_codes} | {(g.name, g.value) for g in unit.geocodes}
            for name, value in codes:
                self._by_code.setdefault((name.lower(), value.lower()), []).append(unit)

    def coded(self, geocodes: Iterable[Pair]) -> tuple[list[Unit], list[Pair]]:
        """The units whose name of a code and value both match, and the geocodes that match none."""
        found: dict[str, Unit] = {}
        lost = []
        for pair in geocodes:
            values = dict.fromkeys([pair.value, *_CODES.split(pair.value)[:_MOST_PIECES]])
            units = [u for value in values for u in self._by_code.get((pair.name.strip().lower(), value.lower()), ())]
            found.update((unit.id, unit) for unit in units)
            if not units:
                lost.append(pair)
        return list(found.values()), lost

    def named(self, description: str) -> tuple[list[Unit], list[str]]:
        """The units that an area's description names, and the pieces of it that name none or more than one.

        A piece that lies above its neighbours says where they are and is not itself meant: in “xã A, xã B, tỉnh C” and
        in “Tỉnh C: xã A, xã B” these are A and B of C.
        """
        found: dict[str, Unit] = {}
        lost: list[str] = []
        for group in _GROUPS.split(description[:_MOST_CHARS]):
            pieces = [piece.strip() for piece in _PIECES.split(group)[:_MOST_PIECES] if piece.strip(" .-")]
            candidates = [(piece, self._called(piece)) for piece in pieces]
            units, unclear = _settled(candidates)
            found.update((unit.id, unit) for unit in units)
            lost += unclear
        return list(found.values()), lost

    def _called(self, piece: str) -> list[Unit]:
        """Units of that name: with its kind if any is called so, else without; with the same marks if any has them."""
        units = self._by_name.get(folded(piece)) or self._by_name.get(bare(piece)) or []
        if len(units) < 2:  # noqa: PLR2004 - nothing to choose between
            return units
        marked = _marked(piece)
        exact = [unit for unit in units if _marked(unit.name) == marked]
        same = exact or [
            unit for unit in units if _marked(unit.name).endswith(marked) or marked.endswith(_marked(unit.name))
        ]
        return same or units


def _settled(candidates: list[tuple[str, list[Unit]]]) -> tuple[list[Unit], list[str]]:
    """One unit a piece, helped by what the other pieces name above it; without those that only say where others lie."""
    units: list[Unit] = []
    lost: list[str] = []
    for place, (piece, offered) in enumerate(candidates):
        others = {unit.id for other, (_, named) in enumerate(candidates) if other != place for unit in named}
        unit = _one(offered, others)
        if unit:
            units.append(unit)
        else:
            lost.append(piece)
    return [unit for place, unit in enumerate(units) if not _says_where(units, place)], lost


def _one(offered: list[Unit], others: set[str]) -> Unit | None:
    """The only one, or the only one below what else is named, or the one above all the rest of them."""
    within = [unit for unit in offered if others & set(unit.above)] if len(offered) > 1 else offered
    if len(within) == 1:
        return within[0]
    return next((top for top in offered if all(top is each or top.id in each.above for each in offered)), None)


def _says_where(units: list[Unit], place: int) -> bool:
    """Whether a unit stands behind one that lies in it, or before nothing but such."""
    unit = units[place]
    if place:
        return unit.id in units[place - 1].above
    return len(units) > 1 and all(unit.id in each.above for each in units[1:])
