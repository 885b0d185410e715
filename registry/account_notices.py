"""What somebody else did to an account: left for its person, told when they next sign in."""

from datetime import datetime

from sqlmodel import Session, col, select

from core.errors import N_
from registry.account_models import AccountNotice
from registry.rights import Actor

SENTENCES = {
    "second_factor_reset": N_(
        "%(by)s reset your second factor on %(day)s. If you did not ask for it, tell your administrator."
    ),
    "password_reset": N_(
        "%(by)s gave your account a new password on %(day)s. If you did not ask for it, tell your administrator."
    ),
    "password_link": N_(
        "%(by)s made a link for a new password on %(day)s. If you did not ask for it, tell your administrator."
    ),
}
MOST = 20


def leave(session: Session, actor: Actor, person_id: str, kind: str, now: datetime) -> None:
    """Note something for a person to be told; what they do themselves needs no telling."""
    if actor.id != person_id:
        session.add(AccountNotice(person_id=person_id, kind=kind, by=actor.name, at=now))


def take(session: Session, person_id: str) -> list[AccountNotice]:
    """What is to be told, the oldest first, at most 20; it is gone afterwards."""
    rows = session.exec(
        select(AccountNotice).where(AccountNotice.person_id == person_id).order_by(col(AccountNotice.id)).limit(MOST)
    ).all()
    for row in rows:
        session.delete(row)
    return list(rows)
