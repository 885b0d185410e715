"""A second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes on paper.

The secret is sealed in the database (`core.vault`): unlike a password it must be read again to check a code, and a
copied backup must not hand it over. A code counts once: the time step of the newest one taken is kept, and neither it
nor an older one is taken again. The step before and the one after the present one count too (RFC 6238, 5.2), for
clocks that differ and fingers that are slow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import pyotp
from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from core import audit
from core.database import even_so, vault_of
from core.errors import N_, Conflict, InvalidInput, NotFound, TooMany
from registry import account_notices, passwords, secrets, throttle
from registry.account_models import RecoveryCode, SecondFactor
from registry.models import Person
from registry.people_above import require_above
from registry.rights import Actor

RECOVERY_CODES = 10
_ISSUER = "Loa Lang"  # some apps show letters with accents wrongly
_DRIFT = 1  # steps of 30 seconds either way
_DIGITS = 6
# Two counts: who guesses at the door must not keep the person from confirming an alarm within.
_TRIES = 5
_TRIES_A_DAY = 30
_DAY = timedelta(days=1)
_FIELD = "code"
_WRONG = N_("The code is not right. Codes change every 30 seconds; the clock of your telephone must be right.")
_USED = N_("This code has been used already. Wait for the next one.")
_USED_RECOVERY = N_("This recovery code has been used already. Take another one.")
_NOT_SET_UP = N_("No second factor is set up. Do it under “My account” first.")
_SET_UP = N_("A second factor is set up already. Switch it off first.")
_TOO_MANY = N_("Too many wrong codes. Wait %(minutes)s minutes.")


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app needs: the secret to type, and the address that the QR code holds."""

    secret: str
    address: str

    @property
    def in_groups(self) -> str:
        """The secret in groups of four, as people type it."""
        return " ".join(self.secret[start : start + 4] for start in range(0, len(self.secret), 4))


def is_set_up(session: Session, person_id: str) -> bool:
    """Whether this person has a second factor that counts."""
    found = session.get(SecondFactor, person_id)
    return found is not None and found.confirmed_at is not None


def check(session: Session, person_id: str, code: str, now: datetime, *, place: str = "act") -> None:
    """Take a code of the app or a recovery code; it is used up when the caller's transaction is committed.

    Needs a `write()` session; a wrong code is counted even when the caller's transaction is undone. Raises
    InvalidInput (field `code`) for a wrong or used one, for somebody without a second factor, and after 5 failures in
    a quarter of an hour or 30 in a day; failures are counted apart for each `place`.
    """
    found = session.get(SecondFactor, person_id, with_for_update=True)
    if found is None or found.confirmed_at is None:
        raise InvalidInput(_NOT_SET_UP, code="no_second_factor", fields={_FIELD: "none"})
    key = f"2f:{place}:{person_id}"
    _check_tries(session, key, now)
    try:
        if len(secrets.same_code(code)) > _DIGITS:
            _take_recovery(session, person_id, code, now)
        else:
            found.last_step = _fitting(session, found, code, now)
            session.add(found)
    except InvalidInput:
        even_so(session, partial(throttle.failed, key=key, now=now))
        raise
    throttle.forget(session, key)


def _check_tries(session: Session, key: str, now: datetime) -> None:
    try:
        throttle.check(session, key, _TRIES, now)
        throttle.check(session, key, _TRIES_A_DAY, now, _DAY)
    except TooMany as error:
        raise InvalidInput(
            _TOO_MANY, code="too_many", fields={_FIELD: "tries"}, minutes=error.params["minutes"]
        ) from error


def _fitting(session: Session, factor: SecondFactor, code: str, now: datetime) -> int:
    """The time step a code of the app belongs to. InvalidInput for a wrong code, or one not newer than the last."""
    digits = "".join(each for each in code if each.isdigit())
    clock = pyotp.TOTP(vault_of(session).open(factor.secret, factor.person_id))
    step = clock.timecode(now)
    fits = [
        each
        for each in range(step - _DRIFT, step + _DRIFT + 1)
        if pyotp.utils.strings_equal(clock.generate_otp(each), digits)
    ]
    if not fits:
        raise InvalidInput(_WRONG, fields={_FIELD: "wrong"})
    newer = [each for each in fits if factor.last_step is None or each > factor.last_step]
    if not newer:
        raise InvalidInput(_USED, fields={_FIELD: "used"})
    return newer[0]


def _take_recovery(session: Session, person_id: str, code: str, now: datetime) -> None:
    found = session.get(RecoveryCode, _hash(person_id, code), with_for_update=True)
    if found is None:
        raise InvalidInput(_WRONG, fields={_FIELD: "wrong"})
    if found.used_at is not None:
        raise InvalidInput(_USED_RECOVERY, fields={_FIELD: "used"})
    found.used_at = now
    session.add(found)
    person = session.get_one(Person, person_id)
    left = codes_left(session, person_id)
    audit.record(session, actor=person.username, action="second_factor.recovery", subject=person_id, now=now, left=left)


def _hash(person_id: str, code: str) -> str:
    return secrets.digest(f"{person_id}:{secrets.same_code(code)}")


def begin(session: Session, person_id: str, now: datetime) -> Enrolment:
    """Make a secret that waits to be confirmed; one that waited before is replaced. Raises Conflict."""
    if is_set_up(session, person_id):
        raise Conflict(_SET_UP)
    secret = pyotp.random_base32()
    row = session.get(SecondFactor, person_id) or SecondFactor(person_id=person_id, secret="", created_at=now)
    row.secret, row.created_at, row.last_step = vault_of(session).seal(secret, person_id), now, None
    session.add(row)
    return _enrolment(session, person_id, secret)


def waiting(session: Session, person_id: str) -> Enrolment | None:
    """The secret that `begin` made and nobody has confirmed; None where there is none."""
    row = session.get(SecondFactor, person_id)
    if row is None or row.confirmed_at is not None:
        return None
    return _enrolment(session, person_id, vault_of(session).open(row.secret, person_id))


def _enrolment(session: Session, person_id: str, secret: str) -> Enrolment:
    username = session.get_one(Person, person_id).username
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=_ISSUER))


def confirm(session: Session, person_id: str, code: str, now: datetime) -> list[str]:
    """Put the waiting secret into use with its first code. Returns the recovery codes, which are shown once.

    Raises Conflict when nothing waits, InvalidInput for a wrong code (counted as in `check`).
    """
    row = session.get(SecondFactor, person_id, with_for_update=True)
    if row is None or row.confirmed_at is not None:
        raise Conflict(_SET_UP if row else _NOT_SET_UP)
    key = f"2f:confirm:{person_id}"
    _check_tries(session, key, now)
    try:
        row.last_step = _fitting(session, row, code, now)
    except InvalidInput:
        even_so(session, partial(throttle.failed, key=key, now=now))
        raise
    row.confirmed_at = now
    session.add(row)
    person = session.get_one(Person, person_id)
    audit.record(session, actor=person.username, action="second_factor.on", subject=person_id, now=now)
    return _fresh_codes(session, person_id)


def new_recovery_codes(session: Session, person_id: str, code: str, now: datetime) -> list[str]:
    """Replace all recovery codes; `code` is one of the app or an old one. Raises InvalidInput as `check` does."""
    check(session, person_id, code, now)
    person = session.get_one(Person, person_id)
    audit.record(session, actor=person.username, action="second_factor.codes", subject=person_id, now=now)
    return _fresh_codes(session, person_id)


def _fresh_codes(session: Session, person_id: str) -> list[str]:
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id))
    codes = [secrets.new_password() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(code_hash=_hash(person_id, each), person_id=person_id) for each in codes)
    session.flush()
    return codes


def codes_left(session: Session, person_id: str) -> int:
    """How many recovery codes are unused."""
    unused = select(func.count()).where(RecoveryCode.person_id == person_id, col(RecoveryCode.used_at).is_(None))
    return session.exec(unused).one()


def switch_off(session: Session, person_id: str, password: str, code: str, now: datetime) -> None:
    """Remove one's own second factor. Raises InvalidInput for a wrong password or code."""
    person = session.get_one(Person, person_id)
    if not secrets.password_fits(person.password_hash, password[: passwords.MAX]):
        raise InvalidInput(N_("The present password is not right."), fields={"password": "wrong"})
    check(session, person_id, code, now)
    _remove(session, person_id)
    audit.record(session, actor=person.username, action="second_factor.off", subject=person_id, now=now)


def reset(session: Session, actor: Actor, person: Person, now: datetime) -> None:
    """An administrator takes away a second factor whose telephone is lost; the person is told when they next sign in.

    The actor must administer every unit where the person holds a role. Raises NotFound where there is none to reset.
    """
    units = require_above(session, actor, person)
    if session.get(SecondFactor, person.id) is None:
        raise NotFound
    _remove(session, person.id)
    account_notices.leave(session, actor, person.id, "second_factor_reset", now)
    audit.record(
        session, actor=actor.username, action="second_factor.reset", subject=person.id,
        unit_id=units[0].id if units else None, now=now,
    )  # fmt: skip


def _remove(session: Session, person_id: str) -> None:
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id))
    session.execute(delete(SecondFactor).where(col(SecondFactor.person_id) == person_id))


def with_one(session: Session, person_ids: Sequence[str]) -> set[str]:
    """Those of these people who have a second factor that counts."""
    found: set[str] = set()
    for start in range(0, len(person_ids), 400):
        chunk = person_ids[start : start + 400]
        query = select(SecondFactor.person_id).where(
            col(SecondFactor.person_id).in_(chunk), col(SecondFactor.confirmed_at).is_not(None)
        )
        found.update(session.exec(query).all())
    return found
