"""What can be read of a ticket that is not genuine: for the report of its refusal, never for a decision."""

import base64
import hashlib
import json

_MAX_ID = 80


def fingerprint(jws: str) -> str:
    return hashlib.sha256(jws.encode("utf-8", "surrogatepass")).hexdigest()


def claimed_id(jws: str) -> str | None:
    """The airing's id as an unverified ticket claims it; None when it can't be read."""
    try:
        payload = jws.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claimed = claims["id"]
    except (IndexError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return claimed if isinstance(claimed, str) and 0 < len(claimed) <= _MAX_ID else None
