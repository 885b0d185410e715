"""The neighbour who must see nothing, and every route there is, so that a new one can't be forgotten."""

import hashlib

import pytest
from sqlmodel import SQLModel

PUBLIC = {"panel.sign_in", "panel.choose_language"}
LISTS = (
    "/", "/bulletins", "/programmes", "/slots", "/stations", "/groups", "/log", "/on-air", "/on-air/fragment", "/units",
    "/people", "/audit", "/system", "/emergencies", "/programmes/new", "/slots/new", "/groups/new", "/bulletins/new",
    "/stations/new", "/units/new", "/people/new",
)  # fmt: skip
OURS = ("Phước An", "Thôn Đông", "tiêm chủng", "Loa đầu đình", "Chợ làng", "Ven đê", "Bản tin chiều", "Lũ về", "Viết")


def routes_with_ids(app, home, method):
    """Path and endpoint of every panel route with an id, filled in with things of our commune."""
    of = {
        "bulletin": home.bulletin, "programme": home.programme, "slot": home.slot, "station": home.station,
        "word": home.units["75.1"], "log_entry": home.airing, "emergency": home.emergency, "unit": home.units["75.1"], "person": home.people["owner"],
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
        "hours": "none", "item-0-kind": "bulletin", "item-0-bulletin": home.bulletin, "step": "save",
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
        ("viewer", ["/units", "/people", "/people/new", "/units/new", "/audit", "/system", "/emergencies"]),
        ("owner", ["/units", "/people", "/audit", "/system", "/emergencies"]),
        ("operator", ["/units", "/people", "/audit", "/system", "/emergencies"]),
        ("approver", ["/units", "/people", "/audit", "/system"]),
        ("administrator", []),
    ],
)
def test_pages_of_other_roles_are_refused_by_name(as_, who, refused):
    browser = as_(who)
    answers = {path: browser.get(path).status_code for path in LISTS}
    assert {path for path, status in answers.items() if status == 403} == {
        *refused, *(() if who == "administrator" else ("/units/new", "/people/new"))
    }  # fmt: skip
    assert set(answers.values()) <= {200, 403}
