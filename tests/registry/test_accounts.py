"""Passwords, sessions, invitations and tokens: what each lets in, and how each ends."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from core.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn
from registry import account_notices, invitations, overview, passwords, people, sessions, tokens, trail_search, units
from registry.account_models import BrowserSession, Invitation
from registry.models import ApiToken, Person
from registry.rights import Permission, Role, system_actor
from registry.trail_search import Wanted

LASTS = timedelta(hours=12)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GOOD = "cá kho bên hiên nhà"


@pytest.mark.parametrize(
    "password",
    ["matkhau123", "Mật Khẩu 2026", "anhyeuem123", "password!!", "P@ssw0rd123", "1234567890", "0987654321", "0912345678",
     "abcdefghij", "qwertyuiop", "aaaaaaaaaaaa", "abcabcabcabc", "truyenthanhxa1", "loalangloalang", "84912345678", "11112222233"],
)  # fmt: skip
def test_a_password_that_many_choose_is_refused(password: str):
    with pytest.raises(InvalidInput) as told:
        passwords.check(password, "an.nguyen")
    assert told.value.fields["new"] == "common"


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "trâu vàng uống nước ao",
        "correct horse battery",
        "4711-hoa-cau",
        "vhxk2mqzpt",
        "ĐƯỜNGQUÊXANHTỐT",
        "63829 51749",
    ],
)
def test_a_password_needs_no_signs_digits_or_capitals(password: str):
    passwords.check(password, "an.nguyen")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("ngắn quá", "short"),
        ("x" * 9, "short"),
        ("lạ" * 101, "long"),
        ("tôi là an.nguyen đây", "name"),
        ("ANNGUYENxyzk", "name"),
    ],
)
def test_a_password_is_long_and_not_the_name(password: str, why: str):
    with pytest.raises(InvalidInput) as told:
        passwords.check(password, "an.nguyen")
    assert told.value.fields["new"] == why


def test_generated_passwords_pass_their_own_rules(village: Village):
    for password in village.cast.passwords.values():
        passwords.check(password, "writer")


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (FIREFOX, ("Firefox", "Linux")),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0", ("Edge", "Windows")),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) coc_coc_browser/140.0 Chrome/134.0 Safari/537.36", ("Cốc Cốc", "Windows")),
        ("Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36", ("Chrome", "Android")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", ("Safari", "iPhone")),
        ("curl/8", ("", "")),
        ("", ("", "")),
    ],
)  # fmt: skip
def test_a_browser_is_named_as_people_call_it(agent: str, device: tuple[str, str]):
    assert sessions.device_of(agent) == device


def begun(village: Village, username: str = "writer", agent: str = FIREFOX) -> str:
    with village.database.write() as session:
        person = session.get_one(Person, village.cast.people[username])
        return sessions.begin(session, person, agent=agent, address="10.0.0.9", now=village.clock())


def known(village: Village, name: str) -> bool:
    with village.database.read() as session:
        return sessions.known(session, name, village.clock(), LASTS) is not None


def test_a_session_that_was_ended_is_out_and_the_others_are_not(village: Village):
    first, second, third = begun(village), begun(village), begun(village)
    me = village.actor("writer")
    with village.database.write() as session:
        assert [row.browser for row in sessions.of(session, me.id)] == ["Firefox"] * 3
        sessions.end(session, me, second, NOW)
    assert [known(village, each) for each in (first, second, third)] == [True, False, True]
    with village.database.write() as session:
        assert sessions.end_others(session, me, third, NOW) == 1
    assert [known(village, each) for each in (first, second, third)] == [False, False, True]


def test_nobody_ends_a_session_of_somebody_else(village: Village):
    name = begun(village)
    for other in ("stranger", "administrator"):
        with village.database.write() as session, pytest.raises(NotFound):
            sessions.end(session, village.actor(other), name, NOW)
    assert known(village, name)


def test_a_session_runs_out_when_it_is_not_used_and_its_row_goes(village: Village):
    name = begun(village)
    village.clock.advance(hours=11)
    with village.database.write() as session:
        sessions.seen(session, name, "10.0.0.10", village.clock())
    village.clock.advance(hours=11)
    assert known(village, name)
    village.clock.advance(hours=2)
    assert not known(village, name)
    with village.database.write() as session:
        sessions.prune(session, LASTS, village.clock())
        assert session.exec(select(BrowserSession)).all() == []


def test_a_person_has_at_most_twenty_sessions_and_the_oldest_go(village: Village):
    names = []
    for _ in range(sessions.MOST + 2):
        names.append(begun(village))
        village.clock.advance(seconds=1)
    assert [known(village, each) for each in names] == [False] * 2 + [True] * sessions.MOST


def test_a_new_password_ends_every_session(village: Village):
    names = [begun(village), begun(village)]
    with village.database.write() as session:
        people.change_password(session, village.cast.people["writer"], village.cast.passwords["writer"], GOOD, NOW)
    assert not any(known(village, each) for each in names)


def invited(village: Village, by: str = "administrator", role: Role = Role.WRITER) -> tuple[Invitation, str]:
    with village.database.write() as session:
        return invitations.invite(
            session, village.actor(by), unit=village.unit("commune_a"), role=role, name="  Lê  Thị Mới ",
            phone="0912 000 111", now=village.clock(),
        )  # fmt: skip


def accepted(village: Village, token: str, username: str = "le.moi", password: str = GOOD) -> Person:
    with village.database.write() as session:
        return invitations.accept(session, token, username=username, password=password, now=village.clock())


def test_an_invited_person_chooses_name_and_password_and_has_the_role(village: Village):
    row, token = invited(village)
    assert row.name == "Lê Thị Mới"
    assert token not in row.token_hash
    person = accepted(village, token)
    with village.database.write() as session:
        assert people.sign_in(session, "le.moi", GOOD, "10.0.0.9", NOW).id == person.id  # type: ignore[union-attr]
        assert people.may(session, person.id, Permission.WRITE, village.unit("hamlet_a1"))
        assert not people.may(session, person.id, Permission.APPROVE, village.unit("commune_a"))
        assert not people.may(session, person.id, Permission.SEE, village.unit("commune_b"))


def test_a_link_works_once(village: Village):
    _, token = invited(village)
    accepted(village, token)
    with pytest.raises(NotFound):
        accepted(village, token, "second")


def test_a_link_that_ran_out_or_was_taken_back_or_never_was_looks_the_same(village: Village):
    taken_back, first = invited(village)
    with village.database.write() as session:
        with pytest.raises(NotFound):
            invitations.revoke(session, village.actor("stranger"), taken_back.id, NOW)
        invitations.revoke(session, village.actor("administrator"), taken_back.id, NOW)
    _, second = invited(village)
    village.clock.advance(days=3)
    told = set()
    for token in (first, second, "hi_wrong", ""):
        with pytest.raises(NotFound) as error, village.database.read() as session:
            invitations.opened(session, token, village.clock())
        told.add(str(error.value))
    assert len(told) == 1


def test_a_refused_choice_leaves_the_link_open(village: Village):
    _, token = invited(village)
    for username, password, kind in (
        ("le.moi", "matkhau123", InvalidInput),
        ("Lê", GOOD, InvalidInput),
        ("writer", GOOD, Conflict),
    ):
        with pytest.raises(kind):
            accepted(village, token, username, password)
    accepted(village, token)


def test_an_invitation_ends_with_the_rights_of_who_made_it(village: Village):
    _, token = invited(village)
    with village.database.write() as session:
        session.get_one(Person, village.cast.people["administrator"]).active = False
    with pytest.raises(NotFound):
        accepted(village, token)


def test_only_administrators_invite(village: Village):
    for username, refusal in (("approver", Forbidden), ("stranger", NotFound)):
        with pytest.raises(refusal):
            invited(village, username)


def test_open_invitations_are_listed_to_who_administers_the_unit(village: Village):
    row, _ = invited(village)
    with village.database.read() as session:
        assert [each.id for each, _ in invitations.standing(session, village.actor("administrator"), NOW)] == [row.id]
        assert invitations.standing(session, village.actor("stranger"), NOW) == []


def test_a_password_link_sets_a_password_and_the_person_is_told(village: Village):
    person, old = village.cast.people["writer"], village.cast.passwords["writer"]
    name = begun(village)
    with village.database.write() as session:
        row = session.get_one(Person, person)
        _, first = invitations.for_password(session, village.actor("administrator"), row, NOW)
        _, second = invitations.for_password(session, village.actor("administrator"), row, NOW)
    assert known(village, name)  # the link alone changes nothing
    with pytest.raises(NotFound):
        accepted(village, first)
    accepted(village, second, "", GOOD)
    assert not known(village, name)
    with village.database.write() as session:
        assert people.sign_in(session, "writer", old, "x", NOW) is None
        assert people.sign_in(session, "writer", GOOD, "x", NOW)
        assert [each.kind for each in account_notices.take(session, person)] == ["password_link"] * 2


def test_nobody_below_makes_a_link_for_somebody_above(village: Village):
    with village.database.write() as session:
        root = session.get_one(Person, village.cast.people["root"])
    with village.database.write() as session, pytest.raises(NotFound):
        invitations.for_password(session, village.actor("administrator"), root, NOW)


def token_of(
    village: Village, username: str, scope: tuple[str, ...] = (), days: int | None = None
) -> tuple[str, ApiToken]:
    with village.database.write() as session:
        return tokens.make(session, system_actor(), username, "thử", village.clock(), scope=scope, days=days)


def shown(village: Village, token: str):
    with village.database.read() as session:
        return tokens.by_token(session, token, village.clock())[0]


def test_a_scope_bounds_what_a_token_may_and_gives_nothing(village: Village):
    home = village.unit("commune_a")
    reading = shown(village, token_of(village, "administrator", ("read",))[0])
    writing = shown(village, token_of(village, "administrator", ("bulletins", "alarms"))[0])
    viewing = shown(village, token_of(village, "viewer", ("alarms",))[0])
    everything = shown(village, token_of(village, "administrator")[0])
    may = {
        name: {each.value for each in Permission if who.may(each, home)}
        for name, who in (("r", reading), ("w", writing), ("v", viewing), ("all", everything))
    }
    assert may == {
        "r": {"see"},
        "w": {"see", "write", "alarm"},
        "v": {"see"},
        "all": {each.value for each in Permission},
    }
    for permission in Permission:
        assert bool(reading.paths(permission)) == reading.may_somewhere(permission) == (permission is Permission.SEE)


def test_a_token_with_a_scope_does_not_touch_accounts(village: Village):
    bounded = shown(village, token_of(village, "root", ("read", "stations"))[0])
    other, row = token_of(village, "root")
    with village.database.write() as session:
        writer = session.get_one(Person, village.cast.people["writer"])
        for act in (
            lambda: tokens.revoke(session, bounded, row.id, NOW),
            lambda: tokens.make(session, bounded, "root", "x", NOW),
            lambda: units.create(session, bounded, name="x", code="x", parent=None, zone=None, now=NOW),
            lambda: people.create(
                session, bounded, username="xx", name="x", unit=village.unit("commune_a"), role=Role.VIEWER, now=NOW
            ),
            lambda: people.reset_password(session, bounded, writer, NOW),
        ):
            with pytest.raises((Forbidden, NotFound)):
                act()
    assert shown(village, other).username == "root"


def test_a_token_ends_on_its_day_or_when_it_is_revoked(village: Village):
    dated, _ = token_of(village, "writer", days=30)
    revoked, row = token_of(village, "writer")
    village.clock.advance(days=29)
    assert shown(village, dated).username == "writer"
    with village.database.write() as session:
        assert len(tokens.of(session, village.cast.people["writer"], village.clock())) == 3
        with pytest.raises(NotFound):
            tokens.revoke(session, village.actor("stranger"), row.id, NOW)
        with pytest.raises(Forbidden):
            tokens.revoke(session, village.actor("approver"), row.id, NOW)
        tokens.revoke(session, village.actor("administrator"), row.id, NOW)
        with pytest.raises(NotFound):
            tokens.revoke(session, village.actor("administrator"), row.id, NOW)
    village.clock.advance(days=1)
    for token in (dated, revoked, "loa_never"):
        with pytest.raises(NotSignedIn):
            shown(village, token)
    with village.database.read() as session:
        assert len(tokens.of(session, village.cast.people["writer"], village.clock())) == 1


def test_nonsense_about_tokens_is_refused(village: Village):
    for scope, days in ((("king",), None), ((), 0), ((), 4_000)):
        with pytest.raises(InvalidInput):
            token_of(village, "writer", scope, days)
    with pytest.raises(NotFound):
        token_of(village, "nobody")
    with village.database.write() as session, pytest.raises(NotFound):
        tokens.make(session, village.actor("administrator"), "writer", "x", NOW)


def test_the_words_of_a_scope_come_back(village: Village):
    for scope in (("read",), ("bulletins", "timetable"), tuple(each for each in tokens.SCOPES if each != "read")):
        assert set(tokens.words_of(token_of(village, "writer", scope)[1]) or ()) == set(scope)
    assert tokens.words_of(token_of(village, "writer")[1]) is None


def test_who_may_do_what_names_people_here_and_above_and_nobody_beside(village: Village):
    with village.database.read() as session:
        lines = overview.at(session, village.actor("administrator"), village.unit("hamlet_a1"))
        by_name = {line.person.username: line for line in lines}
        assert set(by_name) == {*(role.value for role in Role), "root"}
        assert by_name["writer"].may == {Permission.SEE, Permission.WRITE}
        assert by_name["root"].roles[0][1] is None
        with pytest.raises(NotFound):
            overview.at(session, village.actor("stranger"), village.unit("hamlet_a1"))
        with pytest.raises(Forbidden):
            overview.at(session, village.actor("approver"), village.unit("hamlet_a1"))


def test_the_log_is_searched_by_each_question_and_paged_without_gaps(either: Village):
    root = either.actor("root")
    with either.database.read() as session:
        everything = trail_search.search(session, root, Wanted(), limit=500)
        assert [each.number for each in everything] == sorted((each.number for each in everything), reverse=True)
        paged, before = [], None
        while page := trail_search.search(session, root, Wanted(), before=before, limit=7):
            paged += [each.number for each in page]
            before = trail_search.cursor(trail_search.cursor_of(page[-1]))
        assert paged == [each.number for each in everything]
        first = everything[-1]
        for wanted, fits in (
            (Wanted(act="person.grant"), lambda each: each.action == "person.grant"),
            (Wanted(person="system"), lambda each: each.actor == "system"),
            (Wanted(subject=first.subject), lambda each: each.subject == first.subject),
            (Wanted(unit=either.unit("commune_b")), lambda each: each.unit_id in {either.cast.units["commune_b"], either.cast.units["hamlet_b1"]}),
            (Wanted(end=NOW), lambda each: each.at < NOW),
            (Wanted(start=NOW), lambda each: each.at >= NOW),
        ):  # fmt: skip
            found = trail_search.search(session, root, wanted, limit=500)
            assert [each.number for each in found] == [each.number for each in everything if fits(each)], wanted


def test_a_search_shows_no_more_than_the_log_does(village: Village):
    with village.database.read() as session:
        stranger = village.actor("stranger")
        ours = {village.cast.units[each] for each in ("commune_a", "hamlet_a1", "hamlet_a2", "province")}
        assert not ours & {each.unit_id for each in trail_search.search(session, stranger, Wanted(), limit=500)}
        with pytest.raises(NotFound):
            trail_search.search(session, stranger, Wanted(unit=village.unit("commune_a")))
        with pytest.raises(Forbidden):
            trail_search.search(session, village.actor("approver"), Wanted(unit=village.unit("commune_a")))
        assert trail_search.search(session, village.actor("approver"), Wanted()) == []


@pytest.mark.parametrize("text", ["x", "2026-11-23T03:00:00.000Z", "~5", "2026-11-23T03:00:00.000Z~x", "y~1"])
def test_a_cursor_of_nonsense_is_told(text: str):
    with pytest.raises(InvalidInput):
        trail_search.cursor(text)
