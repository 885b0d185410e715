"""The queue of approvals on a phone, deputies, the rules of a unit, and what comes from units above."""

import re
from datetime import timedelta

import pytest
from panel_lab import Browser
from sqlmodel import select

from core.audit import AuditEntry
from playlists import approval_rules, bulletins, offers, programmes
from playlists.approval_rules import Rule
from playlists.offer_models import OfferTarget
from playlists.programmes import Entry
from registry import people, units
from registry.deputy_models import Deputy
from registry.rights import Role, system_actor
from scheduler.models import Slot

SEAL = re.compile(r'name="seal" value="([^"]+)"')
JSON = {"Accept": "application/json"}


@pytest.fixture
def waiting(database, worker, clock, draft, actor_of):
    """A bulletin of the writer's that waits for approval."""
    worker.render(clock())
    with database.write() as session:
        bulletins.submit(session, actor_of("owner"), draft, clock())
    return draft


@pytest.fixture
def approver(as_):
    browser = as_("approver")
    browser.token_of("/account")
    return browser


@pytest.fixture
def editor(database, app, home, clock):
    """Somebody who approves for the whole province."""
    with database.write() as session:
        made, _ = people.create(
            session, system_actor(), username="editor", name="Biên Tập Tỉnh", role=Role.APPROVER, now=clock(),
            unit=units.find(session, system_actor(), "75"),
        )  # fmt: skip
    home.people["editor"] = made.id
    return Browser(app, home, "editor")


@pytest.fixture
def announcement(database, home, editor, worker, clock):
    """An approved bulletin of the province."""
    with database.write() as session:
        root = system_actor()
        version = bulletins.create(
            session, root, units.find(session, root, "75"),
            bulletins.Draft(title="Phòng chống bão", text="Đề nghị bà con chằng chống nhà cửa."), max_chars=20_000,
            now=clock(),
        )  # fmt: skip
    worker.render(clock())
    with database.write() as session:
        bulletins.submit(session, root, version.bulletin_id, clock())
        bulletins.approve(session, root, version.bulletin_id, clock())
    return version.bulletin_id


def state_of(database, identity):
    with database.read() as session:
        return bulletins.find(session, system_actor(), identity)[2].state


def test_the_queue_shows_what_waits_and_leads_on(approver, waiting, database):
    page = approver.get("/approvals").text
    assert "Lịch tiêm chủng" in page
    assert "Nguyễn Thị Viết" in page
    assert "Sáng thứ bảy" in page
    answer = approver.post(f"/approvals/{waiting}/approve", {"seal": SEAL.search(page)[1]})
    assert answer.status_code == 303
    assert state_of(database, waiting) == "approved"
    after = approver.get(answer.location).text
    assert "data-undo" in after
    assert f"/approvals/{waiting}/undo" in after


def test_two_taps_count_once(approver, waiting, database):
    seal = SEAL.search(approver.get("/approvals").text)[1]
    first, second = (
        approver.post(f"/approvals/{waiting}/approve", {"seal": seal}, headers=JSON) for _ in range(2)
    )  # fmt: skip
    assert first.status_code == second.status_code == 200
    assert first.json["next"].startswith("/approvals")
    with database.read() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.action == "bulletin.approve")).all()
    assert len(entries) == 1


def test_what_was_changed_meanwhile_is_not_approved(approver, waiting, database):
    answer = approver.post(f"/approvals/{waiting}/approve", {"seal": "1-0000000000000000"}, headers=JSON)
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "changed_meanwhile"
    assert state_of(database, waiting) == "submitted"


def test_it_goes_back_with_reasons_that_were_tapped(approver, waiting, database):
    seal = SEAL.search(approver.get("/approvals").text)[1]
    answer = approver.post(
        f"/approvals/{waiting}/return", {"seal": seal, "ready": ["name", "length"], "reason": "Xem lại mục 2."}
    )
    assert answer.status_code == 303
    with database.read() as session:
        version = bulletins.find(session, system_actor(), waiting)[2]
    assert version.state == "rejected"
    assert version.reason.endswith("Xem lại mục 2.")
    assert len(version.reason) > len("Xem lại mục 2.") + 20
    again = approver.post(f"/approvals/{waiting}/return", {"seal": seal, "reason": "Xem lại mục 2."}, headers=JSON)
    assert again.status_code == 200


def test_it_does_not_go_back_without_a_reason(approver, waiting, database):
    seal = SEAL.search(approver.get("/approvals").text)[1]
    assert approver.post(f"/approvals/{waiting}/return", {"seal": seal}, headers=JSON).status_code == 422
    assert state_of(database, waiting) == "submitted"


def test_an_approval_is_undone_for_a_moment(approver, waiting, database, clock):
    seal = SEAL.search(approver.get("/approvals").text)[1]
    approver.post(f"/approvals/{waiting}/approve", {"seal": seal})
    clock.forward(seconds=6)
    approver.post(f"/approvals/{waiting}/undo")
    assert state_of(database, waiting) == "submitted"
    approver.post(f"/approvals/{waiting}/approve", {"seal": seal})
    clock.forward(seconds=60)
    assert "data-undo" not in approver.get(f"/approvals?done={waiting}").text
    approver.post(f"/approvals/{waiting}/undo")
    assert state_of(database, waiting) == "approved"


def test_what_the_approval_put_on_the_timetable_is_taken_back_with_it(as_, approver, waiting, database, clock, home):
    wish = {"place": "mine", "when": "time", "date": "2026-11-24", "times": "17:00", "every": "day", "step": "send"}
    assert as_("owner").post(f"/bulletins/{waiting}/air", wish).status_code == 303
    clock.forward(seconds=30)
    seal = SEAL.search(approver.get("/approvals").text)[1]
    approver.post(f"/approvals/{waiting}/approve", {"seal": seal})
    assert len(living_slots(database)) == 1
    clock.forward(seconds=6)
    page = approver.post(f"/approvals/{waiting}/undo", follow_redirects=True).text
    assert "gỡ khỏi lịch phát" in page
    assert living_slots(database) == []
    assert state_of(database, waiting) == "submitted"
    clock.forward(seconds=6)
    approver.post(f"/approvals/{waiting}/approve", {"seal": seal})  # and with the next one it is there again
    assert [slot.starts for slot in living_slots(database)] == ["2026-11-24T17:00"]


def test_what_was_on_the_timetable_before_the_approval_stays_and_that_is_said(approver, waiting, database, clock):
    wish = {"place": "mine", "when": "time", "date": "2026-11-24", "times": "17:00", "every": "day", "step": "send"}
    assert approver.post(f"/bulletins/{waiting}/air", wish).status_code == 303
    clock.forward(seconds=30)
    seal = SEAL.search(approver.get("/approvals").text)[1]
    approver.post(f"/approvals/{waiting}/approve", {"seal": seal})
    page = approver.post(f"/approvals/{waiting}/undo", follow_redirects=True).text
    assert "vẫn giữ chỗ trong lịch phát" in page
    assert len(living_slots(database)) == 1
    assert state_of(database, waiting) == "submitted"


def living_slots(database):
    with database.read() as session:
        return [slot for slot in session.exec(select(Slot)).all() if slot.withdrawn_at is None]


def test_remarks_are_made_before_the_approval(approver, database, home, actor_of, clock, worker):
    with database.write() as session:
        owner = actor_of("owner")
        version = bulletins.create(
            session, owner, units.find(session, owner, "75.1"),
            bulletins.Draft(title="Cắt điện", text="Ngày [ngày] XYZQ cắt điện."), max_chars=20_000, now=clock(),
        )  # fmt: skip
    worker.render(clock())
    with database.write() as session:
        bulletins.submit(session, owner, version.bulletin_id, clock())
    page = approver.get("/approvals").text
    assert "[ngày]" in page.partition('class="remarks"')[2]
    assert "XYZQ" in page.partition('class="remarks"')[2]


def test_two_people_are_told_of_each_other(approver, as_, waiting, database, clock):
    with database.write() as session:
        unit = units.find(session, system_actor(), "75.1")
        approval_rules.settle(session, system_actor(), unit, Rule(frozenset({"ordinary"})), clock())
    seal = SEAL.search(approver.get("/approvals").text)[1]
    approver.post(f"/approvals/{waiting}/approve", {"seal": seal})
    assert state_of(database, waiting) == "submitted"
    second = as_("administrator")
    page = second.get("/approvals").text
    assert "Trần Văn Duyệt" in page
    second.post(f"/approvals/{waiting}/approve", {"seal": seal})
    assert state_of(database, waiting) == "approved"


def test_only_approvers_have_a_queue(as_, waiting):
    assert as_("owner").get("/approvals").status_code == 403
    assert as_("strange-administrator").get("/approvals").text.count("Lịch tiêm chủng") == 0


def test_a_deputy_is_named_on_the_page_and_approves(approver, as_, waiting, home, database, clock):
    assert "Lê Văn Hành" in approver.get("/deputies").text
    form = {"unit": home.units["75.1"], "person": home.people["operator"], "begins": "2026-11-24", "ends": "2026-11-25"}
    assert approver.post("/deputies", form).status_code == 303
    with database.read() as session:
        row = session.exec(select(Deputy)).one()
        assert row.ends_at - row.begins_at == timedelta(days=2)
    assert as_("operator").get("/approvals").status_code == 403
    clock.forward(days=1)
    deputy = as_("operator")
    seal = SEAL.search(deputy.get("/approvals").text)[1]
    deputy.post(f"/approvals/{waiting}/approve", {"seal": seal})
    assert state_of(database, waiting) == "approved"
    clock.forward(days=2)
    assert as_("operator").get("/approvals").status_code == 403


def test_a_deputy_is_ended_and_a_wrong_day_is_told(approver, home, database):
    form = {"unit": home.units["75.1"], "person": home.people["operator"], "begins": "2026-11-24", "ends": "x"}
    answer = approver.post("/deputies", form)
    assert answer.status_code == 422
    assert 'id="ends-wrong"' in answer.text
    approver.post("/deputies", {**form, "ends": "2026-11-30"})
    with database.read() as session:
        identity = session.exec(select(Deputy.id)).one()
    approver.post(f"/deputies/{identity}/end")
    with database.read() as session:
        assert session.get_one(Deputy, identity).ended_at is not None


def test_the_rule_of_a_unit_is_set_on_its_page(as_, home, database):
    administrator = as_("administrator")
    address = f"/units/{home.units['75.1']}/approval"
    assert "two_persons" in administrator.get(address).text
    form = {
        "lines": "1", "two_persons": "priority", "never_own": "1", "0-fields": ["security"], "0-roles": ["administrator"],
        "0-people": [home.people["approver"]],
    }  # fmt: skip
    assert administrator.post(address, form).status_code == 303
    with database.read() as session:
        rule = approval_rules.own(session, units.find(session, system_actor(), "75.1"))
    assert rule.two_persons == {"priority"}
    assert rule.never_own
    assert rule.lines[0].people == {home.people["approver"]}
    assert "Trần Văn Duyệt" in administrator.get(address).text
    wrong = administrator.post(address, {"lines": "1", "0-fields": ["security"]})
    assert wrong.status_code == 422
    assert administrator.post(address, {"lines": "1"}).status_code == 303
    with database.read() as session:
        assert approval_rules.own(session, units.find(session, system_actor(), "75.1")) == Rule()


def test_a_bulletin_is_sent_to_all_units_below_and_taken(
    editor, approver, announcement, home, database, clock, actor_of
):
    page = editor.get(f"/bulletins/{announcement}/offer").text
    assert "Xã Phước An" in page
    assert "Xã Long Thành" in page
    assert editor.post(f"/bulletins/{announcement}/offer", {"to": "all", "note": "Phát ngay"}).status_code == 303
    with database.write() as session:
        who = actor_of("approver")
        own = bulletins.create(
            session, who, units.find(session, who, "75.1"), bulletins.Draft(title="Của xã", text="Nội dung."),
            max_chars=20_000, now=clock(),
        )  # fmt: skip
        programme = programmes.create(
            session, who, units.find(session, who, "75.1"), "Bản tin chiều", [Entry(bulletin=own.bulletin_id)], clock()
        ).id
    inbox = approver.get("/offers").text
    assert "Phòng chống bão" in inbox
    assert "Phát ngay" in inbox
    assert "Bản tin chiều" in inbox
    offer_id = re.search(r"/offers/([^/]+)/take", inbox)[1]
    form = {"unit": home.units["75.1"], "how": "programme", "programme": programme}
    assert approver.post(f"/offers/{offer_id}/take", form).status_code == 303
    assert "Phòng chống bão" in approver.get(f"/programmes/{programme}").text
    assert "Phòng chống bão" in approver.get(f"/programmes/{programme}/edit").text
    table = editor.get(f"/bulletins/{announcement}/offer").text
    assert "Trần Văn Duyệt" in table
    assert editor.post(f"/offers/{offer_id}/remind").status_code == 303
    with database.read() as session:
        states = {row.unit_id: row.state for row in session.exec(select(OfferTarget)).all()}
    assert states[home.units["75.1"]] == "taken"
    assert states[home.units["75.2"]] == "waiting"


def test_a_bulletin_from_above_is_taken_for_a_time_of_its_own(editor, approver, announcement, home):
    editor.post(f"/bulletins/{announcement}/offer", {"for": [home.units["75.1"]]})
    offer_id = re.search(r"/offers/([^/]+)/take", approver.get("/offers").text)[1]
    answer = approver.post(f"/offers/{offer_id}/take", {"unit": home.units["75.1"], "how": "alone"})
    assert answer.location == f"/bulletins/{announcement}/air?unit={home.units['75.1']}"
    assert "Phòng chống bão" in approver.get(answer.location).text


def test_an_offer_is_declined_on_the_page(editor, approver, announcement, home, database):
    editor.post(f"/bulletins/{announcement}/offer", {"for": [home.units["75.1"]]})
    offer_id = re.search(r"/offers/([^/]+)/decline", approver.get("/offers").text)[1]
    approver.post(f"/offers/{offer_id}/decline", {"unit": home.units["75.1"], "ready": ["known"]})
    with database.read() as session:
        row = session.get_one(OfferTarget, (offer_id, home.units["75.1"]))
    assert row.state == "declined"
    assert row.reason
    assert row.reason in editor.get(f"/bulletins/{announcement}/offer").text


def test_the_neighbour_sees_no_offer_of_ours(editor, as_, announcement, home):
    editor.post(f"/bulletins/{announcement}/offer", {"for": [home.units["75.1"]]})
    neighbour = as_("strange-administrator")
    assert "Phòng chống bão" not in neighbour.get("/offers").text
    assert neighbour.get(f"/bulletins/{announcement}/offer").status_code == 404


def test_the_pages_take_as_many_queries_for_many_as_for_one(editor, approver, announcement, home, database, clock):
    from sqlalchemy import event

    asked = []
    event.listen(database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    editor.post(f"/bulletins/{announcement}/offer", {"for": [home.units["75.1"]]})
    asked.clear()
    approver.get("/offers")
    one = len(asked)
    with database.write() as session:
        for number in range(6):
            root = system_actor()
            version = bulletins.create(
                session, root, units.find(session, root, "75"), bulletins.Draft(title=f"Tin {number}", text="Nội dung"),
                max_chars=20_000, now=clock(),
            )  # fmt: skip
            bulletins.submit(session, root, version.bulletin_id, clock())
            bulletins.approve(session, root, version.bulletin_id, clock())
            offers.offer(session, root, version.bulletin_id, [home.units["75.1"]], "", clock())
    asked.clear()
    approver.get("/offers")
    assert len(asked) <= one + 2, asked
