"""The key that signs airings, in the home folder; made once, never sent anywhere."""

import json
from pathlib import Path
from typing import Any

from core.files import write_atomically
from core.settings import Settings
from core.signing import Signer, new_signing_key, public_part

_CURRENT = "signing.jwk"
_RETIRED = "retired-*.jwk"


def prepare(settings: Settings) -> None:
    """Make the signing key unless it is there."""
    file = settings.keys / _CURRENT
    if not file.exists():
        write_atomically(file, json.dumps(new_signing_key()).encode(), mode=0o600)


def signer(settings: Settings) -> Signer:
    """What signs airings. Call `prepare` first."""
    return Signer(_read(settings.keys / _CURRENT))


def public_keys(settings: Settings) -> list[dict[str, Any]]:
    """The JWKs stations check with: the current one, then those retired but still trusted."""
    files = [settings.keys / _CURRENT, *sorted(settings.keys.glob(_RETIRED))]
    return [public_part(_read(file)) for file in files]


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text("utf-8")))
