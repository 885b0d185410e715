"""“Are you sure?”: the server asks before every act that can't be taken back, whatever sends the form."""

import re

import pytest
from sqlmodel import col, select
from test_panel_destructive_acts import ENDS
from test_panel_strangers import routes_with_ids

from playlists.models import BulletinVersion
from scheduler.models import Slot
from web.failures import KEEPS_TEXT
from web.panel import asking
from web.panel.questions import QUESTIONS

# Acts that end or remove something and ask nothing beforehand, and why.
UNASKED = {
    "alert_decline": "asks for the reason, and the alert can still be put on air",
    "approval_undo": "is itself the way back",
    "audit_check": "changes nothing but the mark up to which was looked",
    "bulletin_air_drop": "leaves the bulletin as it is; it can be arranged again",
    "bulletin_air_undo": "is itself the way back",
    "bulletin_new_forget": "drops a draft when another was sent",
    "bulletin_offer": "is a form of its own",
    "bulletin_reject": "asks for the reason",
    "emergency_decline": "asks for the reason",
    "feedback_close": "can be opened again",
    "live_end": "the speaker's own end of the talk",
    "offer_decline": "asks for the reason",
    "second_factor_off": "asks for password and code",
    "session_end": "one signs in again",
    "station_recode": "is a form of its own; the former code stays known",
    "template_remove": "can be taken back",
    "unit_merge": "asks for the name",
    "unit_recode": "is a form of its own; the former code stays known",
}


def unsure(browser, path, **fields):
    """Send a form as a browser without scripts does: nothing has been asked."""
    return browser.client.post(path, data={"csrf_token": browser.token, **fields})


def test_nothing_is_withdrawn_before_the_question_is_answered(as_, home, played, database):
    approver, path = as_("approver"), f"/bulletins/{home.bulletin}/withdraw"
    page = unsure(approver, path, reason="x & y")
    assert page.status_code == 200
    assert newest(database, home).state == "approved"
    main = page.text[page.text.index("<main") : page.text.index("</main>")]
    assert newest(database, home).title in main
    assert "Thu hồi" in main
    assert 'name="reason" value="x &amp; y"' in main
    assert main.index('id="leave"') < main.index('name="agreed"')  # the way back comes first
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', main))
    assert approver.client.post(path, data=fields).status_code == 303
    assert newest(database, home).state == "withdrawn"


def newest(database, home):
    with database.read() as reading:
        query = select(BulletinVersion).where(BulletinVersion.bulletin_id == home.bulletin)
        return reading.exec(query.order_by(col(BulletinVersion.number).desc())).first()


def test_no_act_with_a_question_is_done_without_the_answer(app, as_, home, played, alarm, database):
    administrator = as_("administrator")
    for endpoint, path in routes_with_ids(app, home, "POST"):
        if endpoint in QUESTIONS:
            answer = unsure(administrator, path, do="stop")
            if answer.status_code == 200:
                assert 'id="leave"' in answer.text, endpoint
            else:
                assert answer.status_code in {403, 404}, endpoint
    with database.read() as reading:
        assert reading.get_one(Slot, home.slot).withdrawn_at is None


@pytest.mark.parametrize("who", ["strange-administrator", "stranger"])
def test_who_may_not_see_a_thing_is_not_asked_about_it(app, as_, home, played, alarm, who):
    outsider = as_(who)
    asked = {
        endpoint: unsure(outsider, path, do="stop").status_code
        for endpoint, path in routes_with_ids(app, home, "POST") if endpoint in QUESTIONS
    }  # fmt: skip
    assert len(asked) > 15
    assert {endpoint: status for endpoint, status in asked.items() if status != 404} == {}


def test_an_order_that_breaks_nothing_off_is_not_asked_about(as_, home):
    operator = as_("operator")
    assert unsure(operator, f"/stations/{home.station}/order", do="sync").status_code == 303
    assert unsure(operator, f"/stations/{home.station}/order", do="restart").status_code == 200


def test_the_way_back_never_leads_to_another_host(as_, home):
    operator = as_("operator")
    for came, back in (
        ("http://localhost/stations?state=silent", "/stations?state=silent"),
        ("https://evil.example//evil.example/x", "/"),
        ("javascript:alert(1)", "/"),
        ("http://[", "/"),
    ):
        page = operator.client.post(
            f"/stations/{home.station}/revoke", data={"csrf_token": operator.token}, headers={"Referer": came}
        )
        assert f'id="leave" href="{back}"' in page.text


def test_every_act_that_ends_something_has_a_question_or_says_why_not(app):
    ends = {
        rule.endpoint for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("panel.") and "POST" in rule.methods and ENDS.search(rule.endpoint)
    }  # fmt: skip
    assert sorted(ends - set(QUESTIONS) - {f"panel.{name}" for name in UNASKED}) == []


def test_every_question_belongs_to_an_act_that_can_only_be_reached_by_it(app):
    for endpoint in QUESTIONS:
        assert not hasattr(app.view_functions[endpoint], KEEPS_TEXT), f"{endpoint} is also called for stale forms"
        assert any(r.endpoint == endpoint and "GET" not in r.methods for r in app.url_map.iter_rules()), endpoint
    assert asking.ask in app.before_request_funcs["panel"]
