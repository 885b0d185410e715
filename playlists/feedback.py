"""What citizens say is wrong with the loudspeakers, from their note to the answer and to a bulletin made of it.

1. Somebody sends a note from the page of a unit and gets a number and a code: two times 39 bits, good for nothing else.
2. People of the unit see the note; those who write there see how to reach the sender, answer, and close it.
3. With number and code the sender reads the answer. Nobody else outside does.
4. An answer that concerns everybody becomes a draft bulletin in one step; it is approved like any other.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from playlists import bulletins
from playlists.feedback_models import Feedback
from playlists.models import Bulletin
from registry import secrets, throttle
from registry.models import Unit
from registry.rights import Actor, Permission

KINDS = ("noise", "not_heard", "content", "other")
STATES = ("open", "answered", "closed")
MAX_TEXT, MAX_PLACE, MAX_CONTACT, MAX_ANSWER = 2_000, 200, 200, 4_000
# A mobile network shows hundreds of phones under one address, so few notes an hour would lock out a commune.
AN_HOUR = 10
A_DAY_AND_UNIT = 300
WRONG_CODES = 20
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NUMBER = 8
_LONG = N_("Please write at most %(limit)s characters here.")
# What is said on air stays Vietnamese, whatever language the panel is shown in.
_TITLES = {
    "noise": "Trả lời ý kiến người dân về tiếng ồn của loa",
    "not_heard": "Trả lời ý kiến người dân về loa không nghe được",
    "content": "Trả lời ý kiến người dân về nội dung phát thanh",
    "other": "Trả lời ý kiến người dân",
}


@dataclass(frozen=True)
class Note:
    """What somebody outside wrote, as it came in."""

    kind: str
    text: str
    place: str = ""
    contact: str = ""
    about: str | None = None
    language: str = "vi"


@dataclass(frozen=True)
class Receipt:
    """What opens the answer. The code is shown this once; only its hash is kept."""

    number: str
    code: str


def receive(session: Session, unit: Unit, note: Note, *, address: str, now: datetime) -> Receipt:
    """Keep a note. Raises InvalidInput for what is missing or too long, TooMany for too many from one address.

    `note.about`, if any, must be a bulletin that the sender may know of; who calls has made sure.
    """
    if note.kind not in KINDS:
        raise InvalidInput(N_("Say what it is about."), fields={"kind": "unknown"})
    text = _plain(note.text, "text", MAX_TEXT, lines=True)
    place, contact = _plain(note.place, "place", MAX_PLACE), _plain(note.contact, "contact", MAX_CONTACT)
    if not text and not (note.kind == "not_heard" and place):
        raise InvalidInput(N_("Please write what is wrong."), fields={"text": "empty"})
    check(session, unit, address, now)
    for key in _keys(unit, address):
        throttle.failed(session, key, now)
    number, code = (secrets.same_code(secrets.new_code()) for _ in range(2))
    ticket = Feedback(
        id=new_id("fb"), number=number, code_hash=secrets.digest(code), unit_id=unit.id, kind=note.kind, place=place,
        about=note.about, text=text, contact=contact, language=note.language, created_at=now,
    )  # fmt: skip
    session.add(ticket)
    session.flush()
    audit.record(
        session, actor="visitor", action="feedback.receive", subject=ticket.id, unit_id=unit.id, now=now, kind=note.kind
    )
    return Receipt(number, code)


def check(session: Session, unit: Unit, address: str, now: datetime) -> None:
    """Raises TooMany where no more is taken for now: from this address, or for this unit from everywhere."""
    mine, everybodys = _keys(unit, address)
    throttle.check(session, mine, AN_HOUR, now, _HOUR)
    throttle.check(session, everybodys, A_DAY_AND_UNIT, now, _DAY)


def _keys(unit: Unit, address: str) -> tuple[str, str]:
    return f"feedback:{of_network(address)}", f"feedback-unit:{unit.id}"


def of_network(address: str) -> str:
    """An address as it is counted: of IPv6 the network of 64 bits that one household has. Pure."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "?"
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _plain(text: str, field: str, limit: int, *, lines: bool = False) -> str:
    """Text without control characters and outer white space. Raises InvalidInput for more than `limit` characters."""
    even = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c if c.isprintable() or (lines and c == "\n") else " " for c in even).strip()
    if len(kept) > limit:
        raise InvalidInput(_LONG, fields={field: "long"}, limit=limit)
    return kept


def look_up(session: Session, unit: Unit, number: str, code: str, *, address: str, now: datetime) -> Feedback | None:
    """The note with this number and code, if it was sent to `unit`; None when they don't fit, which is counted.

    The caller commits the count. Raises TooMany for who has guessed too often.
    """
    key = f"ticket:{of_network(address)}"
    throttle.check(session, key, WRONG_CODES, now)
    wanted = secrets.same_code(number[:40])
    found = session.exec(select(Feedback).where(Feedback.number == wanted, Feedback.unit_id == unit.id)).first()
    if found is not None and found.code_hash == secrets.digest(secrets.same_code(code[:40])):
        return found
    throttle.failed(session, key, now)
    return None


def shown(number: str) -> str:
    """A number or code as people read it out: `K7QM-3XPD`."""
    return f"{number[: _NUMBER // 2]}-{number[_NUMBER // 2 :]}"


def visible(
    session: Session, actor: Actor, *, state: str | None = None, before: str = "zz", limit: int = 50
) -> list[tuple[Feedback, Unit]]:
    """Notes to units the actor sees, the newest first, older than the id `before`."""
    query = (
        select(Feedback, Unit)
        .join(Unit, col(Unit.id) == Feedback.unit_id)
        .where(actor.within(Permission.SEE, col(Unit.path)), col(Feedback.id) < before)
    )
    if state:
        query = query.where(Feedback.state == state)
    rows = session.exec(query.order_by(col(Feedback.id).desc()).limit(limit)).all()
    return [(ticket, unit) for ticket, unit in rows]


def waiting(session: Session, actor: Actor) -> int:
    """How many notes wait for an answer where the actor may give one."""
    query = select(func.count()).select_from(Feedback).join(Unit, col(Unit.id) == Feedback.unit_id)
    return session.exec(query.where(Feedback.state == "open", actor.within(Permission.WRITE, col(Unit.path)))).one()


def find(session: Session, actor: Actor, identity: str) -> tuple[Feedback, Unit]:
    """A note to a unit the actor sees. Raises NotFound."""
    ticket = session.get(Feedback, identity)
    unit = session.get(Unit, ticket.unit_id) if ticket else None
    if ticket is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return ticket, unit


def contact_for(actor: Actor, ticket: Feedback, unit: Unit) -> str:
    """How to reach the sender: for those who may answer, nobody else."""
    return ticket.contact if actor.may(Permission.WRITE, unit) else ""


def answer(session: Session, actor: Actor, identity: str, text: str, now: datetime) -> Feedback:
    """Answer a note, or answer it better; the sender reads it with number and code. Raises InvalidInput."""
    ticket, unit = find(session, actor, identity)
    actor.require(Permission.WRITE, unit)
    said = _plain(text, "answer", MAX_ANSWER, lines=True)
    if not said:
        raise InvalidInput(N_("Write the answer first."), fields={"answer": "empty"})
    ticket.answer, ticket.answered_by, ticket.answered_at = said, actor.id, now
    ticket.state, ticket.closed_at = "answered", None
    return _kept(session, actor, ticket, "feedback.answer", now)


def close(session: Session, actor: Actor, identity: str, now: datetime) -> Feedback:
    """Put a note away, answered or not; closing it twice changes nothing."""
    ticket, unit = find(session, actor, identity)
    actor.require(Permission.WRITE, unit)
    if ticket.state == "closed":
        return ticket
    ticket.state, ticket.closed_at = "closed", now
    return _kept(session, actor, ticket, "feedback.close", now)


def reopen(session: Session, actor: Actor, identity: str, now: datetime) -> Feedback:
    """Take a closed note out again."""
    ticket, unit = find(session, actor, identity)
    actor.require(Permission.WRITE, unit)
    if ticket.state != "closed":
        return ticket
    ticket.state, ticket.closed_at = "answered" if ticket.answer else "open", None
    return _kept(session, actor, ticket, "feedback.reopen", now)


def draft_of(session: Session, actor: Actor, identity: str, *, max_chars: int, now: datetime) -> str:
    """The id of the draft bulletin made of the answer, made now unless there is one. Nothing of the note is in it.

    Raises Conflict without an answer, and what `bulletins.create` raises.
    """
    ticket, unit = find(session, actor, identity)
    actor.require(Permission.WRITE, unit)
    if ticket.bulletin_id and session.get(Bulletin, ticket.bulletin_id) is not None:
        return ticket.bulletin_id
    if not ticket.answer:
        raise Conflict(N_("Answer first; the bulletin is made of the answer."))
    title = _TITLES[ticket.kind]
    draft = bulletins.Draft(title=title, text=f"{title}. {ticket.answer}", field="general")
    made = bulletins.create(session, actor, unit, draft, max_chars=max_chars, now=now)
    ticket.bulletin_id = made.bulletin_id
    _kept(session, actor, ticket, "feedback.bulletin", now)
    return made.bulletin_id


def _kept(session: Session, actor: Actor, ticket: Feedback, action: str, now: datetime) -> Feedback:
    session.add(ticket)
    session.flush()
    audit.record(session, actor=actor.username, action=action, subject=ticket.id, unit_id=ticket.unit_id, now=now)
    return ticket


def forget_contacts(session: Session, before: datetime) -> int:
    """Empty what tells how to reach senders in notes that came in before; how many."""
    old = update(Feedback).where(col(Feedback.created_at) < before, col(Feedback.contact) != "").values(contact="")
    return int(session.execute(old).rowcount)  # type: ignore[attr-defined]
