"""Who fetches a relay of an airing: its stations from the broadcaster, or this server once for all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from core.settings import Settings, relay_secret
from playlists import relays
from playlists.libraries import Library
from playlists.parts import Part
from scheduler import listeners


@dataclass(frozen=True)
class Ways:
    """How stations come to relays. `crowds` are the audiences (internal names) of more than one station."""

    public_url: str = ""
    secret: bytes = b""
    crowds: frozenset[tuple[str, ...]] = field(default_factory=frozenset)

    def address(self, part: Part, audience: Sequence[str]) -> str:
        """Where the stations of an audience find a relay. Pure.

        Without `public_url` it is the broadcaster's own address, whatever that gives: a station that can't play it
        plays what plays in its stead, and reports.
        """
        many = tuple(audience) in self.crowds
        if relays.by_server(part.relay_kind, part.via, can_serve=bool(self.public_url), many=many):
            return relays.address(self.public_url, self.secret, part.relay)
        return part.relay


def ways(session: Session, settings: Settings, library: Library, audiences: Iterable[Sequence[str]]) -> Ways:
    """The ways of these programmes' relays to these audiences. Stations are counted only where there are relays."""
    if not library.relays or not settings.public_url:
        return Ways()
    every = {tuple(each) for each in audiences}
    network = listeners.load(session, {name for each in every for name in each})
    return Ways(settings.public_url, relay_secret(settings), listeners.crowds(network, every))
