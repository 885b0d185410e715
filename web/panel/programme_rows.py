"""The items of a programme as its form holds them. They travel in the form itself (`item-N-…`). Pure."""

from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from core.errors import N_, InvalidInput
from playlists import programmes
from playlists.models import ProgrammeItem
from playlists.programmes import Entry, Newest
from playlists.relays import Relay

KINDS = frozenset({"bulletin", "clip", "newest", "rotation", "relay"})


@dataclass(frozen=True)
class Row:
    """One item as the form holds it. `age` and `unheard` are days, None for no bound; `choices` are a rotation's.

    Of a relay `clip` plays in its stead; `minutes` is None where what was typed is no number.
    """

    kind: str
    bulletin: str = ""
    clip: str = ""
    field: str = ""
    priority: str = ""
    count: int = 1
    order: int = 0
    role: str = ""
    unit: str = ""
    age: int | None = None
    unheard: int | None = None
    choices: tuple[str, ...] = ()
    relay: str = ""
    minutes: float | None = None
    title: str = ""
    via: str = "auto"

    @property
    def minutes_typed(self) -> str:
        """The minutes as the form shows them."""
        return "" if self.minutes is None else f"{round(self.minutes, 5):.10g}"

    def broadcast(self) -> Relay:
        """A relay. Raises InvalidInput without minutes."""
        if self.minutes is None:
            raise InvalidInput(N_("Say how many minutes of the relay are taken over."), fields={"items": "seconds"})
        return Relay(self.relay, self.minutes * 60, self.title, self.clip or None, self.via or "auto")

    def entry(self) -> Entry:
        """Raises InvalidInput for a rotation of nothing, or a relay without minutes."""
        if self.kind == "relay":
            return Entry(relay=self.broadcast(), role=self.role)
        if self.kind == "newest":
            newest = Newest(
                self.field or None, self.priority or None, self.count, self.unit or None, self.age, self.unheard
            )
            return Entry(newest=newest, role=self.role)
        if self.kind == "rotation":
            if not self.choices:
                raise InvalidInput(N_("Put at least one item into the rotation."), fields={"items": "rotation"})
            return Entry(rotation=self.choices, role=self.role)
        return Entry(clip=self.clip, role=self.role) if self.kind == "clip" else Entry(
            bulletin=self.bulletin, role=self.role
        )  # fmt: skip


def stored(item: ProgrammeItem) -> Row:
    """An item of a programme that exists."""
    return Row(
        item.kind, item.bulletin_id or "", item.clip_id or "", item.field or "", item.priority or "", item.count,
        role=item.role, unit=item.from_unit_id or "", age=item.max_age_days, unheard=item.unheard_days,
        choices=tuple(item.choices), relay=item.relay or "", title=item.title, via=item.via or "auto",
        minutes=item.seconds / 60 if item.seconds else None,
    )  # fmt: skip


def typed_rows(typed: MultiDict[str, str]) -> list[Row]:
    """The items of the form, in the order that the numbers beside them say; what is ticked for removal is gone."""
    found = []
    for position in range(programmes.MAX_ITEMS + 1):
        name = f"item-{position}"
        kind = typed.get(f"{name}-kind", "")
        if kind not in KINDS or typed.get(f"{name}-remove"):
            continue
        found.append(
            Row(
                kind, typed.get(f"{name}-bulletin", ""), typed.get(f"{name}-clip", ""), typed.get(f"{name}-field", ""),
                typed.get(f"{name}-priority", ""), _or(whole(typed.get(f"{name}-count", "")), 1),
                _or(whole(typed.get(f"{name}-order", "")), position + 1), typed.get(f"{name}-role", ""),
                typed.get(f"{name}-unit", ""), whole(typed.get(f"{name}-age", "")),
                whole(typed.get(f"{name}-unheard", "")), _choices(typed, name),
                typed.get(f"{name}-relay", ""), minutes_of(typed.get(f"{name}-minutes", "")),
                typed.get(f"{name}-title", ""), typed.get(f"{name}-via", "auto"),
            )
        )  # fmt: skip
    return sorted(found, key=lambda row: row.order)


def _choices(typed: MultiDict[str, str], name: str) -> tuple[str, ...]:
    """What takes turns: what was there and isn't crossed out, and what was just chosen."""
    crossed_out = set(typed.getlist(f"{name}-drop"))
    kept = [each for each in typed.getlist(f"{name}-choice") if each and each not in crossed_out]
    return (*kept, *(each for each in typed.getlist(f"{name}-new") if each))[: programmes.MAX_CHOICES + 1]


def _or(number: int | None, otherwise: int) -> int:
    return otherwise if number is None else number


def minutes_of(text: str) -> float | None:
    """Minutes of the form, with point or comma; None for what is no number."""
    try:
        return float(text[:20].replace(",", "."))
    except ValueError:
        return None


def whole(text: str) -> int | None:
    """A whole number of the form; None for anything else."""
    try:
        return int(text[:9])
    except ValueError:
        return None
