"""Relays in the form of a programme: tried with a button, refused beside their field, shown on its page."""

import re
from collections.abc import Iterator

import pytest
from relay_lab import FORMS, Broadcaster, encoded, noise

from core.settings import Settings
from playlists import programmes


@pytest.fixture
def broadcaster() -> Iterator[Broadcaster]:
    running = Broadcaster()
    for form in ("mp3", "aac"):
        running.pages[f"/{form}"] = encoded(noise(2.0), *FORMS[form])
    running.headers["/mp3"] = {"icy-name": "Đài Đồng Nai <b>".encode().decode("latin-1")}
    yield running
    running.close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"outside_hosts": ["127.0.0.1"]})


def composed(home, step: str, **changes):
    return {"title": "Tiếp sóng", "unit": home.units["75.1"], "step": step, **changes}


def row(url: str, **changes):
    return {
        "item-0-kind": "relay",
        "item-0-order": "1",
        "item-0-relay": url,
        "item-0-minutes": "30",
        "item-0-via": "auto",
        **changes,
    }


def test_a_relay_is_added_tried_saved_and_changed(as_, home, database, broadcaster):
    owner, url = as_("approver"), broadcaster.url("/mp3")
    page = owner.post("/programmes/new", composed(home, "add-relay", **{"new-relay": url, "new-minutes": "30"})).text
    assert f'name="item-0-relay" value="{url}"' in page
    assert 'name="item-0-minutes" value="30"' in page
    assert not broadcaster.asked
    page = owner.post("/programmes/new", composed(home, "try-0", **row(url))).text
    assert "Có sóng: Đài Đồng Nai &lt;b&gt;, dạng MP3. Các cụm loa tự thu được." in page
    changes = {"item-0-minutes": "12,5", "item-0-title": "Thời sự", "item-0-via": "station"}
    done = owner.post("/programmes/new", composed(home, "save", **row(url, **changes)))
    assert done.status_code == 303
    with database.read() as session:
        (item,) = programmes.items(session, done.headers["Location"].rsplit("/", 1)[1])
        assert (item.relay, item.seconds, item.title, item.via, item.clip_id) == (url, 750, "Thời sự", "station", None)
    page = re.sub(r"\s+", " ", owner.get(done.headers["Location"]).text)
    assert "Tiếp sóng đài khác: Thời sự" in page
    assert "từng cụm loa tự thu" in page
    edit = owner.get(f"{done.headers['Location']}/edit").text
    assert 'name="item-0-minutes" value="12.5"' in edit
    assert 'value="station" selected' in edit


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(as_, home, broadcaster):
    owner = as_("approver")
    for changes, field, words in (
        ({"item-0-relay": broadcaster.url("/none")}, "relay", "báo lỗi (404)"),
        ({"item-0-relay": "http://10.1.1.1/"}, "relay", "nằm trong mạng nội bộ"),
        ({"item-0-relay": "đài tỉnh"}, "relay", "http"),
        ({"item-0-minutes": "lâu"}, "seconds", "bao nhiêu phút"),
        ({"item-0-minutes": "0.1"}, "seconds", "10 giây"),
        ({"item-0-relay": broadcaster.url("/aac")}, "via", "public_url"),
        ({"item-0-relay": broadcaster.url("/aac"), "item-0-via": "station"}, "via", "Hãy để máy chủ thu"),
    ):
        for step in ("try-0", "save"):
            answer = owner.post("/programmes/new", composed(home, step, **row(broadcaster.url("/mp3"), **changes)))
            assert answer.status_code == 422, (changes, step)
            wrong = re.search(rf'id="item-0-{field}-wrong">([^<]*)', answer.text)
            assert wrong is not None, (changes, step)
            assert words in wrong[1], (changes, wrong[1])
            assert 'name="item-0-via"' in answer.text


def test_who_may_not_approve_is_not_offered_relays(as_, home, broadcaster):
    url = broadcaster.url("/mp3")
    assert 'name="new-relay"' in as_("approver").get("/programmes/new").text
    writer = as_("owner")
    assert 'name="new-relay"' not in writer.get("/programmes/new").text
    for step in ("try-0", "save"):
        assert writer.post("/programmes/new", composed(home, step, **row(url))).status_code == 403
    assert not broadcaster.asked
