"""A bulletin from draft to air: who may do what with it in which state, and what it leaves in the log."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, TEXT, Village

from audio import clips, queue
from audio.models import Clip
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, LoaError, NotFound
from playlists import bulletins, desk
from playlists.bulletins import Draft
from playlists.models import Bulletin, BulletinVersion

MAX = 20_000


class Desk:
    """Acts on one bulletin as the person named."""

    def __init__(self, village: Village) -> None:
        self.village = village
        self.id = ""

    def write(self, by: str = "writer", unit: str = "commune_a", **draft) -> BulletinVersion:
        with self.village.database.write() as session:
            made = bulletins.create(
                session, self.village.actor(by), self.village.unit(unit), Draft(**({"title": "Họp", "text": TEXT} | draft)),
                max_chars=MAX, now=self.village.clock(),
            )  # fmt: skip
        self.id = made.bulletin_id
        return made

    def edit(self, by: str = "writer", **draft) -> BulletinVersion:
        with self.village.database.write() as session:
            return bulletins.edit(
                session,
                self.village.actor(by),
                self.id,
                Draft(**({"title": "Họp", "text": "Bản mới."} | draft)),
                max_chars=MAX,
                now=self.village.clock(),
            )

    def _do(self, step, by: str, *more) -> BulletinVersion:
        with self.village.database.write() as session:
            return step(session, self.village.actor(by), self.id, *more, self.village.clock())

    def submit(self, by: str = "writer") -> BulletinVersion:
        return self._do(bulletins.submit, by)

    def approve(self, by: str = "approver") -> BulletinVersion:
        return self._do(bulletins.approve, by)

    def reject(self, by: str = "approver", reason: str = "Sai ngày.") -> BulletinVersion:
        return self._do(bulletins.reject, by, reason)

    def withdraw(self, by: str = "approver") -> BulletinVersion:
        return self._do(bulletins.withdraw, by)

    def bring(self, state: str) -> "Desk":
        """A fresh bulletin of the writer's in `state`."""
        self.write()
        steps = {
            "draft": [], "submitted": [self.submit], "approved": [self.submit, self.approve], "rejected": [self.submit, self.reject],
            "withdrawn": [self.submit, self.approve, self.withdraw],
        }  # fmt: skip
        for step in steps[state]:
            step()
        return self

    @property
    def bulletin(self) -> Bulletin:
        with self.village.database.read() as session:
            return session.get_one(Bulletin, self.id)

    @property
    def states(self) -> list[str]:
        """Of all versions, the oldest first."""
        with self.village.database.read() as session:
            return [version.state for version in reversed(bulletins.versions(session, self.id))]


@pytest.fixture
def paper(village: Village) -> Desk:
    return Desk(village)


ALLOWED = {
    "submit": {"draft": "submitted"},
    "approve": {"submitted": "approved"},
    "reject": {"submitted": "rejected"},
    "withdraw": {"draft": "withdrawn", "submitted": "withdrawn", "approved": "withdrawn", "rejected": "withdrawn"},
    "edit": {"draft": "draft", "approved": "draft", "rejected": "draft"},
}


@pytest.mark.parametrize("state", ["draft", "submitted", "approved", "rejected", "withdrawn"])
@pytest.mark.parametrize("step", sorted(ALLOWED))
def test_each_step_is_possible_from_its_states_only(paper: Desk, state: str, step: str):
    paper.bring(state)
    wanted = ALLOWED[step].get(state)
    if wanted is None:
        before = paper.states
        with pytest.raises(Conflict):
            getattr(paper, step)()
        assert paper.states == before
    else:
        assert getattr(paper, step)().state == wanted


def test_every_step_is_in_the_log_with_who_and_when(paper: Desk, village: Village):
    paper.write()
    village.clock.advance(minutes=1)
    paper.submit()
    paper.reject()
    paper.edit()
    paper.submit()
    paper.approve()
    paper.withdraw()
    with village.database.read() as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.subject == paper.id)).all()
    assert [(row.action.removeprefix("bulletin."), row.actor) for row in rows] == [
        ("create", "writer"), ("submit", "writer"), ("reject", "approver"), ("edit", "writer"), ("submit", "writer"), ("approve", "approver"),
        ("withdraw", "approver"),
    ]  # fmt: skip
    assert rows[2].detail["reason"] == "Sai ngày."
    assert rows[1].at == NOW + timedelta(minutes=1)
    assert all(row.unit_id == village.cast.units["commune_a"] for row in rows)


@pytest.mark.parametrize(
    ("writes", "submits", "approves", "allowed"),
    [
        ("writer", "writer", "approver", True), ("approver", "approver", "approver", False), ("writer", "approver", "approver", False),
        ("approver", "writer", "approver", False), ("administrator", "administrator", "administrator", True), ("writer", "writer", "administrator", True),
    ],
)  # fmt: skip
def test_nobody_approves_their_own_except_an_administrator(
    paper: Desk, writes: str, submits: str, approves: str, allowed: bool
):
    paper.write(writes)
    paper.submit(submits)
    if allowed:
        assert paper.approve(approves).decided_by == paper.village.cast.people[approves]
    else:
        with pytest.raises(Forbidden) as refused:
            paper.approve(approves)
        assert refused.value.code == "own_bulletin"


def test_who_rewrote_it_last_counts_as_its_writer(paper: Desk):
    paper.write("writer")
    paper.edit("approver")
    paper.submit("writer")
    with pytest.raises(Forbidden):
        paper.approve("approver")


@pytest.mark.parametrize(("by", "error"), [("viewer", Forbidden), ("operator", Forbidden), ("stranger", NotFound)])
def test_who_has_no_right_changes_nothing(paper: Desk, by: str, error: type[LoaError]):
    with pytest.raises(error):
        paper.write(by)
    paper.bring("draft")
    for step in (paper.edit, paper.submit, paper.withdraw):
        with pytest.raises(error):
            step(by)
    paper.submit()
    for step in (paper.approve, paper.reject, paper.withdraw):
        with pytest.raises(error):
            step(by)
    assert paper.states == ["submitted"]


def test_a_writer_takes_back_what_is_not_approved_and_only_their_own(paper: Desk, village: Village):
    paper.bring("submitted")
    assert paper.withdraw("writer").state == "withdrawn"
    paper.bring("approved")
    with pytest.raises(Forbidden):
        paper.withdraw("writer")
    paper.write("approver")
    with pytest.raises(Forbidden):
        paper.withdraw("writer")


def test_a_new_draft_of_an_approved_bulletin_leaves_the_old_one_on_air_until_it_is_approved(paper: Desk):
    paper.bring("approved")
    paper.edit()
    assert (paper.states, paper.bulletin.approved, paper.bulletin.latest) == (["approved", "draft"], 1, 2)
    paper.submit()
    paper.reject()
    assert (paper.states, paper.bulletin.approved) == (["approved", "rejected"], 1)
    paper.edit()
    paper.submit()
    paper.approve()
    assert (paper.states, paper.bulletin.approved) == (["superseded", "rejected", "approved"], 3)


def test_withdrawing_takes_every_version_off(paper: Desk):
    paper.bring("approved")
    paper.edit()
    paper.withdraw()
    assert (paper.states, paper.bulletin.approved) == (["withdrawn", "withdrawn"], None)


def test_a_rejection_needs_a_reason(paper: Desk):
    paper.bring("submitted")
    with pytest.raises(InvalidInput):
        paper.reject(reason="  ")
    assert paper.reject(reason="x" * 5_000).reason == "x" * 1_000


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"text": ""}, "text"), ({"text": " \n "}, "text"), ({"text": "…"}, "text"), ({"text": "chữ " * 12_500}, "text"), ({"clip": "cl_x"}, "text"),
        ({"title": " "}, "title"), ({"title": "x" * 201}, "title"), ({"field": "sport"}, "field"), ({"priority": "loud"}, "priority"),
        ({"language": "tiếng Việt"}, "language"), ({"valid_until": NOW}, "valid_until"),
        ({"valid_from": NOW + timedelta(days=2), "valid_until": NOW + timedelta(days=1)}, "valid_until"),
    ],
)  # fmt: skip
def test_a_draft_that_makes_no_sense_is_refused_with_its_field(paper: Desk, draft: dict, field: str):
    with pytest.raises(InvalidInput) as refused:
        paper.write(**draft)
    assert field in refused.value.fields
    with paper.village.database.read() as session:
        assert session.exec(select(Bulletin)).all() == []


def test_a_text_of_exactly_the_limit_is_taken(paper: Desk):
    assert paper.write(text="chữ " * 4_999 + "chữ.").text
    with pytest.raises(InvalidInput, match="20001"):
        paper.write(text="a" * 20_001)


def test_speech_is_queued_with_the_draft_and_once_for_the_same_text(paper: Desk, village: Village):
    first = paper.write()
    second = paper.write(title="Khác tên, cùng chữ")
    assert first.clip_id == second.clip_id
    assert paper.write(text="Chữ khác.").clip_id != first.clip_id
    assert paper.write("stranger", unit="commune_b").clip_id != first.clip_id  # each unit its own


def test_what_could_not_be_spoken_is_not_submitted(paper: Desk, village: Village):
    version = paper.write()
    with village.database.write() as session:
        queue.claim_next(session, "x", NOW)
        queue.fail(session, version.clip_id, "x", LoaError("no voice"), NOW)
    with pytest.raises(Conflict):
        paper.submit()
    paper.edit(text="Bản khác.")
    assert paper.submit().state == "submitted"


def recording(village: Village, unit: str) -> str:
    with village.database.write() as session:
        clip = clips.request_recording(
            session, unit_id=village.cast.units[unit], upload=f"up_{unit:0<32}", title="Ghi âm", created_by="x", now=NOW
        )
    village.finish_clip(clip.id)
    return clip.id


@pytest.mark.parametrize(
    ("home", "by", "error"),
    [("commune_a", "writer", None), ("hamlet_a1", "writer", None), ("commune_b", "writer", NotFound), ("province", "writer", NotFound),
     ("province", "root", None), ("commune_b", "root", InvalidInput)],
)  # fmt: skip
def test_a_recording_of_another_unit_is_not_used(
    paper: Desk, village: Village, home: str, by: str, error: type[LoaError] | None
):
    clip = recording(village, home)
    if error:
        with pytest.raises(error):
            paper.write(by, text="", clip=clip)
    else:
        assert paper.write(by, text="", clip=clip).clip_id == clip


def test_a_desk_shows_what_waits_for_this_person(paper: Desk, village: Village):
    mine = paper.bring("draft").id
    rejected = paper.bring("rejected").id
    waiting = paper.bring("submitted").id
    paper.write("approver")
    own = paper.id
    paper.submit("approver")
    with village.database.read() as session:

        def ids(rows) -> set[str]:
            return {row[0].id for row in rows}

        assert ids(desk.unfinished(session, village.actor("writer"))) == {mine, rejected}
        assert ids(desk.to_approve(session, village.actor("approver"))) == {waiting}
        assert ids(desk.to_approve(session, village.actor("administrator"))) == {waiting, own}
        assert ids(desk.to_approve(session, village.actor("stranger"))) == set()
        assert ids(desk.to_approve(session, village.actor("writer"))) == set()
        assert desk.titles(session, village.actor("stranger"), [mine]) == {}
        assert desk.titles(session, village.actor("viewer"), [mine]) == {mine: "Họp"}
        assert session.exec(select(Clip.state)).all()
