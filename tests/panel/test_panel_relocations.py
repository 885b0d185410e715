"""The pages on which units and stations move, merge and get other codes: all is told first, in words; then they ask."""

import re

import pytest
from sqlmodel import select

from core.audit import AuditEntry
from core.ids import new_id
from playlists import approval_rules, offers
from playlists.approval_rules import Rule
from registry import moving
from registry.models import Grant, Person, Station, Unit
from registry.rights import Role, actor_for, system_actor
from web.panel import relocation_said

SEEN, DONE, MOVED, MISSING, CONFLICT, INVALID = 200, 303, 301, 404, 409, 422


@pytest.fixture
def root(as_, database, home):
    """Somebody who administers the whole installation."""
    with database.write() as session:
        person = session.get_one(Person, home.people["administrator"])
        session.add(Grant(id=new_id("gt"), person_id=person.id, unit_id=None, role=Role.ADMINISTRATOR.value))
    return as_("administrator")


def one(database, model, identity):
    with database.read() as session:
        return session.get_one(model, identity)


def beside(page: str, field: str) -> bool:
    """Whether what is wrong stands beside the field, and the field says so."""
    return f'id="{field}-wrong"' in page and re.search(rf'id="{field}"[^>]*aria-invalid="true"', page) is not None


def test_a_merger_tells_all_first_and_asks_for_the_name(root, home, played, database):
    here, into = f"/units/{home.units['75.1']}/merge", home.units["75.2"]
    first = root.get(here).text
    assert 'name="typed"' not in first, "it can be pressed before anything was told"
    assert "Chọn một đơn vị" in first
    told = root.get(f"{here}?into={into}&name=&code=").text
    counted = {word: int(number) for word, number in re.findall(r"<li>([^<:]+): <strong>(\d+)</strong>", told)}
    assert {
        "Cụm loa": 2,
        "Bản tin": 1,
        "Khung giờ trong lịch phát": 1,
        "Vai trò của người dùng": 5,
    }.items() <= counted.items()
    assert "Nguyễn Thị Viết" in told
    assert one(database, Unit, home.units["75.1"]).merged_into is None
    wrong = root.post(here, {"into": into, "typed": "Xã Long Thành"})
    assert (wrong.status_code, beside(wrong.text, "typed")) == (INVALID, True)
    assert "Những gì chuyển từ Xã Phước An" in wrong.text, "what it would do is told no more"
    done = root.post(here, {"into": into, "typed": " xã phước an "})
    assert (done.status_code, done.location) == (DONE, f"/units/{into}")
    assert one(database, Unit, home.units["75.1"]).merged_into == into
    left = root.get(f"/units/{home.units['75.1']}").text
    assert "Xã Long Thành" in left
    assert "<code>75.1</code>" in left


def test_a_merger_into_the_unit_above_warns_whose_rights_grow(root, home):
    page = root.get(f"/units/{home.units['75.1']}/merge?into={home.units['75']}&name=&code=").text
    assert "Tỉnh Đồng Nai là cấp trên của Xã Phước An" in page
    beside_it = root.get(f"/units/{home.units['75.1']}/merge?into={home.units['75.2']}&name=&code=").text
    assert "là cấp trên của" not in beside_it


def test_a_merger_of_a_unit_with_nothing_in_it_says_so(root, home, database):
    page = root.get(f"/units/{home.units['75.1.1']}/merge?into={home.units['75.2']}&name=&code=")
    assert page.status_code == SEEN
    assert (
        root.post(f"/units/{home.units['75.1.1']}/merge", {"into": home.units["75.2"], "typed": "x"}).status_code
        == INVALID
    )


@pytest.mark.parametrize(
    ("address", "form", "field"),
    [
        ("/units/{75.1}/merge", {"into": "{75}", "code": "75.2", "typed": "Xã Phước An"}, "code"),
        ("/units/{75.1}/merge", {"into": "{75.1.1}", "typed": "Xã Phước An"}, "into"),
        ("/units/{75.1}/merge", {"into": "nowhere", "typed": "Xã Phước An"}, "into"),
        ("/units/{75.1}/move", {"parent": "{75.1.1}", "typed": "Xã Phước An"}, "parent"),
        ("/units/{75.1}/move", {"parent": "{75.2}", "typed": "Xã Long Thành"}, "typed"),
        ("/units/{75.1}/recode", {"code": "75.2", "name": "Xã Phước An"}, "code"),
        ("/units/{75.1}/recode", {"code": "bad code!", "name": "Xã Phước An"}, "code"),
    ],
)
def test_what_is_wrong_stands_beside_the_field(root, home, address, form, field):
    def filled(text: str) -> str:
        return re.sub(r"\{(.+?)\}", lambda found: home.units[found[1]], text)

    page = root.post(filled(address), {name: filled(value) for name, value in form.items()})
    assert page.status_code in {CONFLICT, INVALID, MISSING}
    assert beside(page.text, field)


def test_a_move_tells_programmes_and_times_in_words(root, home, played, database):
    here = f"/units/{home.units['75.1.1']}/move"
    told = root.get(f"{here}?parent={home.units['75.2']}").text
    assert "Bản tin chiều" in told
    assert "mỗi ngày 17:00" in told
    assert "FREQ=" not in told
    assert "2 cụm loa chuyển theo" in told
    done = root.post(here, {"parent": home.units["75.2"], "typed": "Thôn Đông"})
    assert done.status_code == DONE
    assert one(database, Unit, home.units["75.1.1"]).parent_id == home.units["75.2"]
    with database.read() as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "unit.move")).one().actor == "administrator"


def test_a_station_moves_and_its_code_is_asked_for_on_the_same_page(root, home, database):
    here = f"/stations/{home.station}"
    assert "1 cụm loa chuyển theo" in root.get(f"{here}/move?unit={home.units['75.2']}").text
    assert root.post(f"{here}/move", {"unit": home.units["75.2"]}).status_code == DONE
    assert one(database, Station, home.station).unit_id == home.units["75.2"]
    assert root.post(f"{here}/recode", {"code": "L-1"}).status_code == DONE
    taken = root.post(f"/stations/{home.fresh_station}/recode", {"code": "L-1"})
    assert (taken.status_code, beside(taken.text, "code")) == (CONFLICT, True)
    assert 'value="L-1"' in taken.text, "what was typed is gone"
    assert one(database, Station, home.fresh_station).code is None


def test_an_address_with_a_former_code_leads_to_that_of_today(root, as_, home, database):
    with database.write() as session:
        system = system_actor()
        moving.recode_unit(session, system, session.get_one(Unit, home.units["75.1"]), "75.9", played_at(root))
        for code in ("L-1", "L-2"):
            moving.recode_station(session, system, home.station, code, played_at(root))
    for former, today in (
        ("/units/75.1", f"/units/{home.units['75.1']}"),
        ("/units/75.1/recode?x=%C4%91", f"/units/{home.units['75.1']}/recode?x=%C4%91"),
        ("/stations/L-1", f"/stations/{home.station}"),
        ("/times/75.1", f"/times/{home.units['75.1']}"),
    ):
        answer = root.get(former)
        assert (answer.status_code, answer.location) == (MOVED, today), former
        assert "no-store" in answer.headers["Cache-Control"]
    assert root.get("/units/75.9").status_code == SEEN
    for path in ("/units/75.1", "/stations/L-1", "/units/75.77"):
        assert as_("stranger").get(path).status_code in {403, MISSING}, path


def played_at(browser):
    return browser.client.application.extensions["loa"].clock()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_both_had_is_said_in_words(app, language):
    from flask_babel import force_locale

    with app.test_request_context("/"), force_locale(language):
        said = [
            relocation_said.line("approval_rules", "two_persons", "priority", "", both=False),
            relocation_said.line("second_factor", "", "administrator, approver", "approver", both=False),
            relocation_said.line("offer_rules", "", "", "all", both=False),
            relocation_said.line("offer_rules", "", "health", "general, health", False, {"health": "Y tế"}),
            relocation_said.line("setting", "limits", '{"sessions_a_day": 2}', "", both=False),
            relocation_said.line("setting", "public_page", "True", "False", both=False),
            relocation_said.line("setting", "alarm_rule", "second_person", "tick", both=False),
            relocation_said.line("approval_rules", "approval_lines", "2", "1", both=False),
        ]
    for each in said:
        assert not re.search(r"sessions_a_day|second_person|True|\{|two_persons|administrator,", each), each
    assert ("phiên" in said[4] or "buổi" in said[4]) if language == "vi" else "at most 2 sessions a day" in said[4]


def test_rules_that_go_over_are_told_with_their_names(root, home, database):
    with database.write() as session:
        actor = actor_for(session, session.get_one(Person, home.people["administrator"]))
        ours = session.get_one(Unit, home.units["75.1"])
        approval_rules.settle(session, actor, ours, Rule(two_persons=frozenset({"priority"})), played_at(root))
        offers.settle(session, actor, ours, None, [], played_at(root))
    page = root.get(f"/units/{home.units['75.1']}/merge?into={home.units['75.2']}&name=&code=").text
    assert "Cần hai người khác nhau duyệt" in page
    assert "với người của cả hai đơn vị: Ưu tiên" in page
