"""Trying the addresses of relays before a programme is saved, with nothing locked meanwhile."""

from collections.abc import Sequence
from functools import partial

from sqlmodel import Session

from audio.relays import looking
from audio.relays.looking import Looked
from playlists import programmes, relays
from playlists.relays import Relay
from registry import units
from registry.models import Unit
from web.access import actor
from web.app import house


def try_relays(wanted: Sequence[Relay], unit_name: str, programme: str | None = None) -> None:
    """Try every address that is new in the programme (None: one that is to be made in the unit); keep what was found.

    At most `looking.LOOK_SECONDS` for each. Raises Forbidden, InvalidInput (with `fields`), NotFound or Busy.
    """
    if not wanted:
        return
    here = house()
    can_serve = bool(here.settings.public_url)
    with here.database.read() as session:
        unit = _unit(session, unit_name, programme)
        fresh = relays.to_try(session, actor(), unit, wanted, programme, can_serve=can_serve)
    found = relays.tried(fresh, partial(looking.look, here.outside), can_serve=can_serve)
    if found:
        with here.database.write() as session:
            relays.note(session, found, here.clock())


def listen(wanted: Relay, unit_name: str, programme: str | None = None) -> Looked:
    """What is behind an address now, whether it is known or not; nothing is kept. Raises as `try_relays` does."""
    here = house()
    can_serve = bool(here.settings.public_url)
    with here.database.read() as session:
        unit = _unit(session, unit_name, programme)
        fresh = relays.to_try(session, actor(), unit, [wanted], None, can_serve=can_serve)
    return relays.tried(fresh, partial(looking.look, here.outside), can_serve=can_serve)[0]


def _unit(session: Session, unit_name: str, programme: str | None) -> Unit:
    if programme is None:
        return units.find(session, actor(), unit_name)
    return programmes.find(session, actor(), programme)[1]
