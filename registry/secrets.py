"""Passwords, tokens and codes: made here, kept only as hashes."""

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that looks like something else
_PASSWORD_GROUPS = 4
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's minimum for Argon2id


def new_password() -> str:
    """Sixteen characters in four groups, about 78 bits, easy to read out."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(_PASSWORD_GROUPS))


def new_code() -> str:
    """An enrolment code such as `K7QM-3XPD`: 39 bits, good for one use within a day under throttling."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def same_code(code: str) -> str:
    """A code as people type it, brought to the one form that is hashed."""
    return "".join(c for c in code.upper() if c.isalnum())


def new_token(prefix: str) -> str:
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def digest(secret: str) -> str:
    """SHA-256 in hex: enough for secrets of this length, which nobody can guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def hash_password(password: str) -> str:
    return _hasher.hash(password)


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_hex(16))


def password_fits(hashed: str | None, password: str) -> bool:
    """Whether `password` belongs to `hashed`; takes as long when there is no such person."""
    try:
        return _hasher.verify(hashed or _nobody(), password) and hashed is not None
    except (Argon2Error, InvalidHashError):
        return False
