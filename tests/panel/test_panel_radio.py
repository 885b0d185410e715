"""The switch of a unit's Internet radio on its page."""


def test_an_administrator_opens_the_radio_to_everybody_and_the_page_says_so(as_, home, app):
    owner, unit = as_("administrator"), home.units["75.1"]
    page = owner.get(f"/units/{unit}").text
    assert "/radio/75.1.mp3" in page
    assert "chỉ người có tài khoản ở đây mới nghe được" in page
    for wish, status in (("everybody", 200), ("above", 404), ("everybody", 200), ("members", 404)):
        assert owner.post(f"/units/{unit}/radio", {"public_radio": wish}).status_code == 303
        assert app.test_client().head("/radio/75.1.mp3").status_code == status, wish
        assert ("mọi người đều nghe được" in owner.get(f"/units/{unit}").text) == (status == 200)


def test_who_is_signed_in_may_listen_to_what_they_see(as_, home):
    assert as_("approver").client.head("/radio/75.1.mp3").status_code == 200
    assert as_("stranger").client.head("/radio/75.1.mp3").status_code == 404


def test_the_state_of_the_system_says_how_many_listen(as_):
    assert "0 người đang nghe 0 nơi" in as_("administrator").get("/system").text
