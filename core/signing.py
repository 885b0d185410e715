"""Airing tickets: compact JWS with Ed25519 (`alg` `Ed25519`, RFC 9864) and the key's `kid` in the header.

The keys themselves travel in the same way: a set of trusted keys is signed by one of them (`typ` `loa-keys+jws`), so
whoever changes what is on the way can't add a key of their own.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from pydantic import ValidationError

from core.errors import N_, BadTicket
from core.wire import MAX_KEYS, KeySetDocument, SettingsDocument, Ticket, Wire

_ALGORITHM = "Ed25519"
_KEYS = "loa-keys+jws"
_SETTINGS = "loa-settings+jws"
MAX_TICKET_BYTES = 256 * 1024
_BAD = N_("The signature of an airing is not right: %(why)s.")
_UNREADABLE = (JoseError, ValidationError, ValueError, TypeError, KeyError, RecursionError)


def new_signing_key() -> dict[str, Any]:
    """A fresh private JWK. Its `kid` is the key's RFC 7638 thumbprint."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": _ALGORITHM}, auto_kid=True)
    return dict(key.as_dict(private=True))


def public_part(private_jwk: dict[str, Any]) -> dict[str, Any]:
    """The public JWK that stations are given at enrolment."""
    return dict(OKPKey.import_key(private_jwk).as_dict(private=False))


class Signer:
    """Signs tickets with one private key, read once."""

    def __init__(self, private_jwk: dict[str, Any]) -> None:
        self._key = OKPKey.import_key(private_jwk)
        self.kid = str(self._key.kid)
        self._header = _packed({"alg": _ALGORITHM, "kid": self.kid})
        private = self._key.private_key
        if not isinstance(private, Ed25519PrivateKey):
            raise TypeError("not a private Ed25519 key")
        self._private = private
        self.public_jwk = public_part(private_jwk)

    def sign(self, ticket: Ticket) -> str:
        """The compact JWS (RFC 7515, section 7.1), put together here: a country's timetable is 50,000 of them."""
        payload = ticket.model_dump_json(exclude_none=False, by_alias=True).encode()
        return self._seal(self._header, payload)

    def announce(self, public_jwks: Sequence[dict[str, Any]], version: int) -> str:
        """Say which keys are to be trusted from now on; of two such sets the one of the higher `version` holds."""
        return self._typed(_KEYS, KeySetDocument(version=version, server_keys=list(public_jwks)))

    def settle(self, document: SettingsDocument) -> str:
        """Sign the settings of a station."""
        return self._typed(_SETTINGS, document)

    def _typed(self, kind: str, document: Wire) -> str:
        header = _packed({"alg": _ALGORITHM, "kid": self.kid, "typ": kind})
        return self._seal(header, document.model_dump_json().encode())

    @property
    def mark(self) -> str:
        """How every ticket begins that this key has signed."""
        return self._header.decode() + "."

    def _seal(self, header: bytes, payload: bytes) -> str:
        signed = header + b"." + urlsafe_b64encode(payload).rstrip(b"=")
        return (signed + b"." + urlsafe_b64encode(self._private.sign(signed)).rstrip(b"=")).decode()


def _packed(header: dict[str, str]) -> bytes:
    return urlsafe_b64encode(json.dumps(header, separators=(",", ":")).encode()).rstrip(b"=")


Kept = Callable[[list[dict[str, Any]], int], None]


class Verifier:
    """Checks tickets against the server's public keys; holds no secret.

    `version` is that of the set which the keys came in, 0 for those of enrolment. `keep` is called with keys and
    version before a newer set is in force.
    """

    def __init__(self, public_jwks: Sequence[dict[str, Any]], version: int = 0, keep: Kept | None = None) -> None:
        self._keys = _key_set(public_jwks)
        self._version, self._keep = version, keep

    @property
    def kids(self) -> list[str]:
        """The names of the keys that are trusted."""
        return [str(key.kid) for key in self._keys.keys]

    def verify(self, token: str) -> Ticket:
        """Return the ticket inside `token`.

        Raises BadTicket(reason="bad_signature") for a wrong or missing signature, another algorithm, an
        unknown key, or a payload that is not an airing. Audience and time are not checked here.
        """
        if len(token) > MAX_TICKET_BYTES:
            raise BadTicket(_BAD, reason="bad_signature", why="too long")
        try:
            signed = jws.deserialize_compact(token, self._keys, algorithms=[_ALGORITHM])
            if signed.headers().get("typ") in {_KEYS, _SETTINGS}:
                raise ValueError("not an airing")
            return Ticket.model_validate(json.loads(signed.payload))
        except _UNREADABLE as error:
            raise BadTicket(_BAD, reason="bad_signature", why=type(error).__name__) from error

    def settings(self, token: str) -> SettingsDocument | None:
        """The settings that a trusted key has signed; None for anything else."""
        content = _content(token, self._keys, _SETTINGS) if len(token) <= MAX_TICKET_BYTES else None
        try:
            return SettingsDocument.model_validate_json(content) if content is not None else None
        except _UNREADABLE:
            return None

    def learn(self, announcements: Sequence[str]) -> bool:
        """Take over the newest set of keys that a chain of `announcements` leads to; True when that changed anything.

        Each must be signed by a key trusted when its turn comes, and be newer than what is held: an old one that is
        played back does nothing. Raises what `keep` raises, and then goes on as before.
        """
        found = self._keys, self._version
        left = [token for token in announcements[:MAX_KEYS] if len(token) <= MAX_TICKET_BYTES]
        while True:
            sets = [(document.version, document) for token in left if (document := _announced(token, found[0]))]
            newer = [(version, document) for version, document in sets if version > found[1]]
            if not newer:
                break
            # The oldest first: a station that was away for two changes follows the one, then the other.
            version, document = min(newer, key=lambda each: each[0])
            try:
                found = _key_set(document.server_keys), version
            except _UNREADABLE:
                left = [token for token in left if _announced(token, found[0]) != document]
        if found[1] == self._version:
            return False
        if self._keep is not None:
            self._keep([dict(key.as_dict(private=False)) for key in found[0].keys], found[1])
        self._keys, self._version = found
        return True


def _key_set(public_jwks: Sequence[dict[str, Any]]) -> KeySet:
    """Raises ValueError, KeyError or JoseError for what are no keys of ours."""
    return KeySet([OKPKey.import_key(jwk) for jwk in public_jwks])


def _announced(token: str, trusted: KeySet) -> KeySetDocument | None:
    """The set of keys in an announcement that a trusted key has signed; None for anything else."""
    content = _content(token, trusted, _KEYS)
    try:
        return KeySetDocument.model_validate_json(content) if content is not None else None
    except _UNREADABLE:
        return None


def _content(token: str, trusted: KeySet, kind: str) -> bytes | None:
    """What is in a JWS of this `typ` that a trusted key has signed; None for anything else."""
    try:
        signed = jws.deserialize_compact(token, trusted, algorithms=[_ALGORITHM])
    except _UNREADABLE:
        return None
    return signed.payload if signed.headers().get("typ") == kind else None
