"""The neighbour who must see nothing, and every route there is, so that a new one can't be forgotten."""

import hashlib
from datetime import timedelta

import pytest
from sqlmodel import SQLModel, select

from alerts import pending, raising
from alerts.drills_models import DrillPlan, DrillRun
from alerts.sources.models import CapAlert, CapSource
from core.ids import new_id
from playlists.feedback_models import Feedback
from playlists.offer_models import Offer, OfferTarget
from playlists.writing_models import NoticeTemplate
from registry import invitations, sessions, tokens
from registry.deputy_models import Deputy
from registry.models import Person, Unit
from registry.rights import Role, actor_for, system_actor
from scheduler import batches, live
from scheduler.alarms import Alarm
from scheduler.concern_models import Contact
from scheduler.live_models import LiveTalk
from scheduler.undo_models import TimetableStep

PUBLIC = {
    "panel.sign_in",
    "panel.sign_in_code",
    "panel.welcome",
    "panel.choose_language",
    "panel.choose_theme",
    "panel.calendar_feed",
    "panel.enrol",
}
LISTS = (
    "/", "/bulletins", "/programmes", "/slots", "/stations", "/groups", "/log", "/on-air", "/on-air/fragment", "/units",
    "/people", "/audit", "/system", "/emergencies", "/programmes/new", "/slots/new", "/groups/new", "/bulletins/new",
    "/stations/new", "/stations/map", "/stations/map.json", "/stations/table.csv", "/units/new", "/people/new", "/voices", "/week", "/times", "/recalled", "/recalled/fragment",
    "/emergencies/prepared", "/told", "/live", "/live/fragment", "/account", "/account/tokens/new", "/account/second-factor", "/people/invite", "/people/rights", "/feedback", "/drills",
    "/approvals", "/deputies", "/offers", "/sources", "/sources/new", "/templates/new",
)  # fmt: skip
OURS = ("Phước An", "Thôn Đông", "tiêm chủng", "Loa đầu đình", "Chợ làng", "Ven đê", "Bản tin chiều", "Lũ về", "Viết")


def routes_with_ids(app, home, method):
    """Path and endpoint of every panel route with an id, filled in with things of our commune."""
    of = {
        "bulletin": home.bulletin, "programme": home.programme, "slot": home.slot, "station": home.station,
        "word": home.units["75.1"], "time": home.units["75.1"], "voice": home.units["75.1"], "clip": home.clip,
         "log_entry": home.airing, "emergency": home.emergency, "unit": home.units["75.1"],
        "person": home.people["owner"], "withdrawal": home.airing, "prepared": home.prepared,
        "session": session_of(app, home), "token": token_of(app, home), "invitation": invitation_of(app, home),
        "unit_factor_rule": home.units["75.1"], "told": home.units["75.1"], "contact": contact_of(app, home), "feedback": feedback_of(app, home),
        "live": talk_of(app, home), "timetable": step_of(app, home), "week_open": home.units["75.1"], "template": template_of(app, home),
        "approval": home.bulletin, "deputy": deputy_of(app, home), "offer": offer_of(app, home, "75", "75.1"),
        **dict.fromkeys(("station_batch", "station_batch_fragment"), batch_of(app, home)),
        "offer_remind": offer_of(app, home, "75.1", "75.1.1"),
        **dict.fromkeys(("emergency_pending", "emergency_confirm", "emergency_decline"), pending_of(app, home)),
        **drills_of(app, home), **alerts_of(app, home),
    }  # fmt: skip
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("panel.") or not rule.arguments or method not in rule.methods:
            continue
        if rule.endpoint in PUBLIC:
            continue
        name = rule.endpoint.removeprefix("panel.")
        identity = of[name] if name in of else of[name.split("_")[0]]
        values = {each: identity if each == "identity" else 1 for each in rule.arguments}
        with app.test_request_context():
            found.append((rule.endpoint, app.url_for(rule.endpoint, **values)))
    return found


def step_of(app, home):
    """Something that our viewer has just changed on the timetable."""
    here = app.extensions["loa"]
    with here.database.write() as session:
        session.merge(
            TimetableStep(
                id="ts_ours", unit_id=home.units["75.1"], person_id=home.people["viewer"], kind="move", before={},
                after="x", made_at=here.clock(),
            )
        )  # fmt: skip
    return "ts_ours"


def deputy_of(app, home):
    """Our viewer will stand in for our approver, some day."""
    here = app.extensions["loa"]
    with here.database.write() as session:
        session.merge(
            Deputy(
                id="dp_ours", unit_id=home.units["75.1"], person_id=home.people["viewer"],
                of_person_id=home.people["approver"], begins_at=here.clock() + timedelta(days=9),
                ends_at=here.clock() + timedelta(days=10), created_by="x", created_at=here.clock(),
            )
        )  # fmt: skip
    return "dp_ours"


def offer_of(app, home, above, below):
    """Our bulletin, offered by a unit to one below it that has not answered."""
    here, name = app.extensions["loa"], f"of_{above}"
    with here.database.write() as session:
        session.merge(
            Offer(
                id=name, bulletin_id=home.bulletin, unit_id=home.units[above], priority="ordinary", offered_by="x",
                offered_at=here.clock(),
            )
        )  # fmt: skip
        session.flush()
        session.merge(OfferTarget(offer_id=name, unit_id=home.units[below], state="waiting"))
    return name


def batch_of(app, home):
    """An order to many that reached our station."""
    here = app.extensions["loa"]
    with here.database.write() as writing:
        plan = batches.propose(
            writing, system_actor(), [home.station], "sync", None, default_zone="Asia/Ho_Chi_Minh", now=here.clock()
        )
        return batches.give(writing, system_actor(), plan, batch_id=new_id("sb"), now=here.clock()).id


def session_of(app, home):
    """A browser in which our writer is signed in."""
    here = app.extensions["loa"]
    with here.database.write() as writing:
        writer = writing.get_one(Person, home.people["owner"])
        return sessions.begin(writing, writer, agent="", address="10.0.0.9", now=here.clock())


def token_of(app, home):
    """A token of our writer's script."""
    here = app.extensions["loa"]
    with here.database.write() as writing:
        return tokens.make(writing, system_actor(), "owner", "x", here.clock())[1].id


def invitation_of(app, home):
    """An invitation to our commune that nobody has used."""
    here = app.extensions["loa"]
    with here.database.write() as writing:
        administrator = actor_for(writing, writing.get_one(Person, home.people["administrator"]))
        unit = writing.get_one(Unit, home.units["75.1"])
        return invitations.invite(
            writing, administrator, unit=unit, role=Role.WRITER, name="Tiêm chủng viên", now=here.clock()
        )[0].id


def contact_of(app, home):
    """Somebody who is told of what happens in our commune."""
    here = app.extensions["loa"]
    with here.database.write() as session:
        session.merge(
            Contact(
                id="ct_ours", unit_id=home.units["75.1"], way="webhook", address="https://example.org/x",
                kinds=["silent"], created_by="x", created_at=here.clock(),
            )
        )  # fmt: skip
    return "ct_ours"


def feedback_of(app, home):
    """What somebody wrote to our commune from outside."""
    here = app.extensions["loa"]
    with here.database.write() as session:
        session.merge(
            Feedback(
                id="fb_ours", number="K7QM3XPD", code_hash="x", unit_id=home.units["75.1"], kind="noise",
                text="Loa đầu đình to quá", contact="0912 345 678", created_at=here.clock(),
            )
        )  # fmt: skip
    return "fb_ours"


def pending_of(app, home):
    """An emergency of ours that waits for another person."""
    here = app.extensions["loa"]
    unit_id = home.units["75.1"]
    with here.database.write() as writing:
        approver = actor_for(writing, writing.get_one(Person, home.people["approver"]))
        alarm = Alarm(audience=[f"unit:{unit_id}"], text="Lũ về nhanh, lên cao ngay.")
        unit, now = writing.get_one(Unit, unit_id), here.clock()
        return pending.add(writing, approver, unit, alarm, now, now + raising.WAITS).id


def template_of(app, home):
    """A template of a notice that our commune keeps."""
    here = app.extensions["loa"]
    with here.database.write() as session:
        session.merge(
            NoticeTemplate(
                id="nt_ours", unit_id=home.units["75.1"], name="tiêm chủng", title="tiêm chủng", text="[ngày]",
                field="general", changed_by="x", changed_at=here.clock(),
            )
        )  # fmt: skip
    return "nt_ours"


def talk_of(app, home):
    """Somebody of ours who speaks live."""
    here = app.extensions["loa"]
    with here.database.write() as session:
        found = session.exec(select(LiveTalk.id)).first()
        if found is None:
            person = actor_for(session, session.get_one(Person, home.people["approver"]))
            found = live.begin(
                session, person, session.get_one(Unit, home.units["75.1"]), live.Wish([f"unit:{home.units['75.1']}"]),
                signer=here.signer, settings=here.settings, now=here.clock(),
            )[0].id  # fmt: skip
    return found


def drills_of(app, home):
    """A drill of our commune on a schedule, and one that was held."""
    here, now = app.extensions["loa"], app.extensions["loa"].clock()
    shared = {
        "unit_id": home.units["75.1"],
        "kind": "silent",
        "name": "Phước An",
        "audience": [f"unit:{home.units['75.1']}"],
    }
    with here.database.write() as session:
        session.merge(
            DrillPlan(
                id="dp_ours", **shared, starts="2026-12-05T09:00", zone="Asia/Ho_Chi_Minh", answered_by="x",
                answered_at=now, renew_by=now + timedelta(days=365), created_at=now, next_at=now + timedelta(days=9),
            )
        )  # fmt: skip
        session.flush()
        session.merge(
            DrillRun(
                id="dr_ours",
                plan_id="dp_ours",
                **shared,
                ordered_by="x",
                planned_at=now,
                begun_at=now,
                state="reported",
            )
        )
    return {"drill": "dp_ours", "drill_run": "dr_ours", "drill_run_csv": "dr_ours"}


def alerts_of(app, home):
    """A source of alerts of our commune, and a message of it that waits."""
    here = app.extensions["loa"]
    with here.database.write() as session:
        session.merge(
            CapSource(
                id="cs_ours", unit_id=home.units["75.1"], name="Lũ về", kind="push", made_by=home.people["owner"],
                made_at=here.clock(),
            )
        )  # fmt: skip
        session.flush()
        session.merge(
            CapAlert(
                id="ca_ours", source_id="cs_ours", unit_id=home.units["75.1"], received_at=here.clock(),
                seen_at=here.clock(), key="k", name="n", digest="d", title="Lũ về", state="waiting",
            )
        )  # fmt: skip
    return {"source": "cs_ours", "alert": "ca_ours"}


def everything(database):
    """A hash of every row of every table."""
    digest = hashlib.sha256()
    with database.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            digest.update(repr(session.execute(table.select().order_by(*list(table.columns)[:2])).all()).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("who", ["stranger", "strange-administrator"])
def test_no_page_of_ours_exists_for_a_stranger(app, as_, home, played, alarm, who):
    stranger = as_(who)
    routes = routes_with_ids(app, home, "GET")
    assert len(routes) >= 11
    assert {path: stranger.get(path).status_code for _, path in routes} == {path: 404 for _, path in routes}


@pytest.mark.parametrize("who", ["stranger", "strange-administrator"])
def test_no_button_of_ours_works_for_a_stranger(app, as_, home, played, alarm, database, who):
    stranger = as_(who)
    routes = routes_with_ids(app, home, "POST")
    assert len(routes) >= 14
    before = everything(database)
    filled = {
        "title": "x", "text": "x", "reason": "x", "unit": home.units["75.1"], "role": "administrator", "do": "stop",
        "hours": "none", "roles": "writer", "quota_mb": "1", "speed": "1.2", "item-0-kind": "bulletin", "item-0-bulletin": home.bulletin, "step": "save",
    }  # fmt: skip
    answers = {path: stranger.post(path, filled).status_code for _, path in routes}
    assert answers == {path: 404 for _, path in routes}
    assert everything(database) == before


@pytest.mark.parametrize("who", ["stranger", "strange-administrator"])
def test_no_list_shows_a_stranger_anything_of_ours(as_, home, played, alarm, who):
    stranger = as_(who)
    for path in LISTS:
        page = stranger.get(path).text
        assert not [word for word in OURS if word in page], path
    page = stranger.get(f"/log?day=2026-11-23&unit={home.units['75.1']}").text
    assert not [word for word in OURS if word in page]


def test_a_stranger_can_not_write_into_our_unit_or_use_our_things(as_, home, played, database):
    stranger, unit = as_("strange-administrator"), home.units["75.1"]
    own = home.units["75.2"]
    before = everything(database)
    for path, form in (
        ("/bulletins/new", {"title": "x", "text": "x", "unit": unit, "field": "general", "priority": "ordinary"}),
        ("/programmes/new", {"title": "x", "unit": unit, "item-0-kind": "newest", "step": "save"}),
        ("/programmes/new", {"title": "x", "unit": own, "new-bulletin": home.bulletin, "step": "save"}),
        ("/slots/new", {"programme": home.programme, "date": "2026-11-24", "time": "17:00", "for": f"unit:{unit}"}),
        ("/groups/new", {"name": "x", "unit": unit}),
        ("/groups/new", {"name": "x", "unit": own, "members": home.station}),
        ("/stations/new", {"name": "x", "unit": unit}),
        ("/units/new", {"name": "x", "code": "x", "parent": unit}),
        ("/people/new", {"name": "x", "username": "xx", "role": "writer", "unit": unit}),
        ("/emergencies", {"text": "x", "unit": unit, "for": f"unit:{unit}", "sure": "1"}),
        (
            "/emergencies/prepared",
            {"title": "x", "unit": unit, "kind": "flood", "bulletin": home.bulletin, "sure": "1"},
        ),
        ("/emergencies/prepared", {"title": "x", "unit": own, "kind": "flood", "bulletin": home.bulletin, "sure": "1"}),
        ("/emergencies", {"text": "x", "unit": own, "for": f"station:{home.station}", "sure": "1"}),
    ):
        assert stranger.post(path, form).status_code == 404, path
    assert everything(database) == before


def test_nobody_sees_anything_without_signing_in(app, outsider, home, played, alarm):
    for _, path in routes_with_ids(app, home, "GET"):
        assert outsider.get(path).headers["Location"].startswith("/sign-in"), path
    for path in LISTS:
        assert outsider.get(path).headers["Location"].startswith("/sign-in"), path


@pytest.mark.parametrize(
    ("who", "refused"),
    [
        (
            "viewer",
            [
                "/approvals",
                "/deputies",
                "/units",
                "/people",
                "/people/new",
                "/units/new",
                "/audit",
                "/system",
                "/emergencies",
                "/emergencies/prepared",
                "/drills",
                "/live",
                "/live/fragment",
                "/sources",
                "/sources/new",
                "/voices",
                "/templates/new",
            ],
        ),
        (
            "owner",
            [
                "/approvals",
                "/deputies",
                "/units",
                "/people",
                "/audit",
                "/system",
                "/emergencies",
                "/emergencies/prepared",
                "/drills",
                "/live",
                "/live/fragment",
                "/sources",
                "/sources/new",
            ],
        ),
        (
            "operator",
            [
                "/approvals",
                "/deputies",
                "/units",
                "/people",
                "/audit",
                "/system",
                "/emergencies",
                "/emergencies/prepared",
                "/live",
                "/live/fragment",
                "/sources",
                "/sources/new",
                "/voices",
                "/templates/new",
            ],
        ),
        ("approver", ["/units", "/people", "/audit", "/system"]),
        ("administrator", []),
    ],
)
def test_pages_of_other_roles_are_refused_by_name(as_, who, refused):
    browser = as_(who)
    answers = {path: browser.get(path).status_code for path in LISTS}
    assert {path for path, status in answers.items() if status == 403} == {
        *refused, *(() if who == "administrator" else ("/units/new", "/people/new", "/people/invite", "/people/rights"))
    }  # fmt: skip
    assert set(answers.values()) <= {200, 403}
