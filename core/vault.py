"""Secrets that must be read again, sealed before they go into the database.

The key lies in the home folder and in no table: who gets hold of a backup or a dump of the database alone can open
nothing. Who holds the server's folder can, as with the keys that sign airings.
"""

import base64
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import N_, LoaError
from core.files import write_atomically

_NONCE_BYTES = 12
_KEY_BITS = 256
_LOST = N_(
    "A secret in the database can't be opened: the key in the installation's folder is not the one it was sealed with."
)


class Vault:
    """Seals and opens short texts (AES-256-GCM). The key is made at first use; nothing is read before."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def seal(self, secret: str, owner: str) -> str:
        """`secret` in a form that only this vault opens, and only for the same `owner`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._key()).encrypt(nonce, secret.encode(), owner.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode("ascii")

    def open(self, sealed: str, owner: str) -> str:
        """What was sealed for `owner`. Raises LoaError where the key is another one or the text was changed."""
        try:
            raw = base64.urlsafe_b64decode(sealed)
            return AESGCM(self._key()).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise LoaError(_LOST, code="vault") from error

    def _key(self) -> bytes:
        if not self._file.exists():
            fresh = self._file.with_name(f".{self._file.name}-{secrets.token_hex(8)}")
            write_atomically(fresh, AESGCM.generate_key(_KEY_BITS).hex().encode(), mode=0o600)
            try:
                with suppress(FileExistsError):  # another process was quicker: then its key holds
                    os.link(fresh, self._file)
            finally:
                fresh.unlink()
        return bytes.fromhex(self._file.read_text("ascii"))
