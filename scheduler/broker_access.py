"""Who may do what at the broker: names and passwords of stations, and the two files that Mosquitto reads.

A station's password is derived from a key of this installation, so that none of them is kept anywhere. It opens the
station's own topics and those of its units for reading, and its `online` for writing; nothing else.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator

from core.files import write_atomically
from core.settings import Settings
from core.topics import BASE, now_of, now_of_units, online_of
from registry.stations import Place

_KEY = "mqtt.key"
_ROUNDS = 101  # Mosquitto's own number; these passwords have 256 bits, and can't be guessed at any speed
_SALT_BYTES = 12


def password_of(settings: Settings, station_id: str) -> str:
    """The station's password at the broker. The key is made at first use and kept in the home folder."""
    file = settings.keys / _KEY
    if not file.exists():
        write_atomically(file, secrets.token_hex(32).encode(), mode=0o600)
    key = bytes.fromhex(file.read_text("ascii").strip())
    return base64.urlsafe_b64encode(hmac.digest(key, station_id.encode(), "sha256")).rstrip(b"=").decode()


def topics_of(place: Place) -> list[str]:
    """What a station reads: its units' documents from the root down, then its own."""
    return [*now_of_units(place.unit_path), now_of(place.station.id)]


def acl(places: Iterable[Place], server: str) -> Iterator[str]:
    """Lines of Mosquitto's `acl_file`. `server` is the name of this installation at the broker."""
    yield f"user {server}"
    yield f"topic readwrite {BASE}/#"
    for place in places:
        yield ""
        yield f"user {place.station.id}"
        yield f"topic write {online_of(place.station.id)}"
        yield from (f"topic read {topic}" for topic in topics_of(place))


def passwords(settings: Settings, places: Iterable[Place]) -> Iterator[str]:
    """Lines of Mosquitto's `password_file`: the server's, and those of all stations; salted anew each time."""
    yield f"{settings.mqtt_username}:{_hashed(settings.mqtt_password)}"
    for place in places:
        yield f"{place.station.id}:{_hashed(password_of(settings, place.station.id))}"


def _hashed(password: str) -> str:
    """As `mosquitto_passwd` writes it: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
    return f"$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
