"""Rotations, roles and bounds of the items of a programme, composed without a script and shown on its page."""

import re

import pytest

from playlists import bulletins, programmes
from registry import units


def composed(home, **changes):
    return {"title": "Bản tin sáng", "unit": home.units["75.1"], "step": "save", **changes}


@pytest.fixture
def second(database, home, approved, actor_of, clock):
    with database.write() as session:
        owner = actor_of("owner")
        draft = bulletins.Draft(title="Giá lúa", text="Giá lúa hôm nay tăng nhẹ.")
        version = bulletins.create(
            session, owner, units.find(session, owner, "75.1"), draft, max_chars=900, now=clock()
        )
        return version.bulletin_id


def stored(database, place):
    with database.read() as session:
        return [
            (item.kind, item.role, item.choices, item.from_unit_id, item.max_age_days, item.unheard_days)
            for item in programmes.items(session, place.rsplit("/", 1)[1])
        ]


def test_a_rotation_is_put_together_step_by_step(as_, home, approved, second, database):
    owner = as_("owner")
    page = owner.post("/programmes/new", composed(home, step="add-rotation")).text
    assert 'name="item-0-kind" value="rotation"' in page
    empty = owner.post("/programmes/new", composed(home, **{"item-0-kind": "rotation"}))
    assert empty.status_code == 422
    assert "Hãy đưa ít nhất một mục vào nhóm phát luân phiên." in empty.text
    first = {"item-0-kind": "rotation", "item-0-order": "1", "item-0-new": approved}
    page = owner.post("/programmes/new", composed(home, step="rotate", **first)).text
    assert re.findall(r'name="item-0-choice" value="([^"]+)"', page) == [approved]
    both = {"item-0-kind": "rotation", "item-0-choice": [approved, second], "item-0-order": "1"}
    place = owner.post("/programmes/new", composed(home, **both)).headers["Location"]
    assert stored(database, place) == [("rotation", "", [approved, second], None, None, None)]
    assert "Luân phiên, mỗi lần một mục: Lịch tiêm chủng / Giá lúa" in re.sub(r"\s+", " ", owner.get(place).text)
    less = {**both, "item-0-drop": second, "title": "Bản tin", "step": "save"}
    owner.post(f"{place}/edit", less)
    assert stored(database, place)[0][2] == [approved]


def test_the_newest_is_bounded_and_items_have_their_part(as_, home, approved, database):
    owner = as_("owner")
    form = {
        "item-0-kind": "bulletin", "item-0-bulletin": approved, "item-0-role": "signature", "item-0-order": "1",
        "item-1-kind": "newest", "item-1-count": "2", "item-1-unit": home.units["75"], "item-1-age": "7",
        "item-1-unheard": "3", "item-1-order": "2",
    }  # fmt: skip
    place = owner.post("/programmes/new", composed(home, **form)).headers["Location"]
    expected = [("bulletin", "signature", [], None, None, None), ("newest", "", [], home.units["75"], 7, 3)]
    assert stored(database, place) == expected
    page = owner.get(place).text
    for words in ("Nhạc hiệu", "do Tỉnh Đồng Nai soạn", "duyệt trong 7 ngày qua", "chưa phát ở đây trong 3 ngày qua"):
        assert words in page
    edit = owner.get(f"{place}/edit").text
    assert f'<option value="{home.units["75"]}" selected>Tỉnh Đồng Nai</option>' in edit
    assert 'value="signature" selected' in edit
    far = owner.post(f"{place}/edit", {**form, "title": "x", "step": "save", "item-1-age": "400"})
    assert far.status_code == 422
    assert "Hãy ghi từ 1 đến 90 ngày." in far.text


def test_bulletins_of_a_neighbour_are_not_asked_for(as_, home, approved):
    form = {"item-0-kind": "newest", "item-0-count": "1", "item-0-unit": home.units["75.2"]}
    assert as_("owner").post("/programmes/new", composed(home, **form)).status_code == 404


def test_fill_music_is_shown_by_itself(as_, home, approved):
    owner = as_("owner")
    form = {
        "item-0-kind": "newest", "item-0-count": "1", "item-1-kind": "bulletin", "item-1-bulletin": approved,
        "item-1-role": "fill",
    }  # fmt: skip
    place = owner.post("/programmes/new", composed(home, **form)).headers["Location"]
    assert "Nhạc chèn, nếu còn thời gian" in owner.get(place).text
