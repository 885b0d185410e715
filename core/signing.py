"""Airing tickets: compact JWS with Ed25519 (`alg` `Ed25519`, RFC 9864) and the key's `kid` in the header."""

import json
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from pydantic import ValidationError

from core.errors import N_, BadTicket
from core.wire import Ticket

_ALGORITHM = "Ed25519"
MAX_TICKET_BYTES = 256 * 1024
_BAD = N_("The signature of an airing is not right: %(why)s.")


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
        self._header = {"alg": _ALGORITHM, "kid": self._key.kid}
        self.public_jwk = public_part(private_jwk)

    def sign(self, ticket: Ticket) -> str:
        payload = ticket.model_dump_json(exclude_none=False, by_alias=True).encode()
        return jws.serialize_compact(dict(self._header), payload, self._key, algorithms=[_ALGORITHM])


class Verifier:
    """Checks tickets against the server's public keys; holds no secret."""

    def __init__(self, public_jwks: list[dict[str, Any]]) -> None:
        self._keys = KeySet([OKPKey.import_key(jwk) for jwk in public_jwks])

    def verify(self, token: str) -> Ticket:
        """Return the ticket inside `token`.

        Raises BadTicket(reason="bad_signature") for a wrong or missing signature, another algorithm, an
        unknown key, or a payload that is not an airing. Audience and time are not checked here.
        """
        if len(token) > MAX_TICKET_BYTES:
            raise BadTicket(_BAD, reason="bad_signature", why="too long")
        try:
            signed = jws.deserialize_compact(token, self._keys, algorithms=[_ALGORITHM])
            return Ticket.model_validate(json.loads(signed.payload))
        except (JoseError, ValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadTicket(_BAD, reason="bad_signature", why=type(error).__name__) from error
