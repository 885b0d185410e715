"""What becomes of bulletins, programmes, offers and what people wrote when two units become one."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import String, cast
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from playlists import carrying_rules
from playlists.feedback_models import Feedback
from playlists.models import Bulletin, Programme, ProgrammeItem
from playlists.offer_models import Offer, OfferTarget
from playlists.offered import DECLINED, TAKEN, WAITING
from playlists.writing_models import DraftNote, NoticeTemplate
from registry.merging import Merger, go_over

RULES: Mapping[str, str] = {
    "bulletin.unit_id": "moves", "programme.unit_id": "moves", "programme_item.from_unit_id": "moves",
    "feedback.unit_id": "moves", "notice_template.unit_id": "moves", "offer.unit_id": "moves",
    "offer_target.unit_id": "carried", "offer_rule.unit_id": "carried", "approval_rule.unit_id": "carried",
    "draft_note.fields": "rewritten",
}  # fmt: skip
_MAX_NAME = 100


def carry(session: Session, merger: Merger) -> None:
    """Carry over what this floor has; tickets of feedback keep their numbers and codes."""
    go_over(session, merger, col(Bulletin.unit_id), "bulletins")
    go_over(session, merger, col(Programme.unit_id), "programmes")
    go_over(session, merger, col(ProgrammeItem.from_unit_id), "newest_of")
    go_over(session, merger, col(Feedback.unit_id), "feedback")
    go_over(session, merger, col(Offer.unit_id), "offers")
    _templates(session, merger)
    _arrived(session, merger)
    carrying_rules.offers(session, merger)
    carrying_rules.approval(session, merger)
    _typed(session, merger)


def _arrived(session: Session, merger: Merger) -> None:
    """Let offers that came to the former unit be the other's; one that went to both is decided about once.

    What the former unit had answered to such a one stays with it, as does its place in line in a programme of its own.
    If it took what the other one declined, it sounds, and so counts as taken. Nobody is offered what they sent.
    """
    own = {row.offer_id: row for row in session.exec(_to(merger.target.id)).all()}
    theirs = set(session.exec(select(Offer.id).where(Offer.unit_id == merger.target.id)).all())
    for row in session.exec(_to(merger.source.id)).all():
        there = own.get(row.offer_id)
        if there is None and row.offer_id not in theirs:
            row.unit_id = merger.target.id
            session.add(row)
            merger.count("offers", 1)
            continue
        if there is not None and row.state == TAKEN and row.programme_id and there.state == DECLINED:
            there.state, there.reason, there.programme_id = TAKEN, "", row.programme_id
            there.answered_by, there.answered_at, there.automatic = row.answered_by, row.answered_at, row.automatic
            session.add(there)
        elif row.state == WAITING:
            session.delete(row)
        merger.count("offers_to_both", 1)
    session.flush()


def _to(unit_id: str) -> SelectOfScalar[OfferTarget]:
    return select(OfferTarget).where(OfferTarget.unit_id == unit_id)


@dataclass(frozen=True)
class _Said:
    title: str
    text: str
    field: str
    priority: str


def _templates(session: Session, merger: Merger) -> None:
    """Keep the templates of both, behind the other unit's own; one that says the same twice goes, and can come back."""
    own = session.exec(
        select(NoticeTemplate).where(
            NoticeTemplate.unit_id == merger.target.id, col(NoticeTemplate.deleted_at).is_(None)
        )
    ).all()
    names = {row.name.casefold(): row for row in own}
    last = max((row.position for row in own), default=0)
    query = select(NoticeTemplate).where(NoticeTemplate.unit_id == merger.source.id)
    for row in session.exec(query.order_by(col(NoticeTemplate.position), col(NoticeTemplate.id))).all():
        row.unit_id = merger.target.id
        session.add(row)
        if row.deleted_at is not None:
            continue
        there = names.get(row.name.casefold())
        if there is not None and _said(there) == _said(row):
            row.deleted_at = merger.now
            continue
        if there is not None:
            renamed = _free(row.name, merger.source.name, names)
            merger.clash("templates", row.name, there.name, renamed, both=True)
            row.name = renamed
        names[row.name.casefold()] = row
        last += 1
        row.position = last
        merger.count("templates", 1)
    session.flush()


def _said(row: NoticeTemplate) -> _Said:
    return _Said(row.title, row.text, row.field, row.priority)


def _free(name: str, unit: str, taken: Mapping[str, object]) -> str:
    """A name that nothing has: with that of the unit it comes from, and a number where that is not enough."""
    for number in range(1, len(taken) + 2):
        end = f" ({unit[:60]})" if number == 1 else f" ({unit[:60]} {number})"
        wanted = f"{name[: _MAX_NAME - len(end)]}{end}"
        if wanted.casefold() not in taken:
            return wanted
    raise AssertionError  # of one more name than there are, one is free


def _typed(session: Session, merger: Merger) -> None:
    """Let bulletins that people have begun to write for the former unit be for the other."""
    holding = cast(col(DraftNote.fields), String).contains(merger.source.id, autoescape=True)
    for note in session.exec(select(DraftNote).where(holding)).all():
        if note.fields.get("unit") == merger.source.id:
            note.fields = note.fields | {"unit": merger.target.id}
            session.add(note)
            merger.count("notes", 1)
    session.flush()
