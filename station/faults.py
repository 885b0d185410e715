"""What keeps a station from its work, by stable words: for the heartbeat, and for whoever must come and mend it."""

from collections.abc import Callable

from station.ledger import DISK_FAILING, DISK_FULL, DISK_READ_ONLY
from station.looping import Loop
from station.shelf import Shelf
from station.store import Store

NO_SOUND_CARD = "no_sound_card"
PLAYER_FAILING = "player_failing"
STORE_DAMAGED = "store_damaged"
AUDIO_DAMAGED = "audio_damaged"
NO_ROOM = "no_room_for_audio"
FAULTS = (
    NO_SOUND_CARD, PLAYER_FAILING, DISK_FULL, DISK_READ_ONLY, DISK_FAILING, NO_ROOM, STORE_DAMAGED, AUDIO_DAMAGED,
)  # fmt: skip
_REMEMBERED_SECONDS = 24 * 3600.0
_FAILING = 2


def found(
    store: Store, shelf: Shelf, output_fault: Callable[[], str | None], player: Callable[[], Loop | None]
) -> list[str]:
    """What is wrong now; damage that was mended is told for a day, or until a restart."""
    looping = player()
    wrong = {
        NO_SOUND_CARD: output_fault() is not None,
        PLAYER_FAILING: looping is not None and looping.failures >= _FAILING,
        NO_ROOM: not shelf.room_for(1),
        STORE_DAMAGED: store.damaged,
        AUDIO_DAMAGED: shelf.found_damage_within(_REMEMBERED_SECONDS),
    }
    if store.fault is not None:
        wrong[store.fault] = True
    return [name for name in FAULTS if wrong.get(name)]
