"""The page of a commune for everybody: what it shows, and what it never shows."""

import gzip
import json
import re
from datetime import timedelta

import pytest
from sqlmodel import select

from audio.models import Clip
from playlists import bulletins, renditions
from playlists.models import BulletinVersion
from registry import sessions
from registry.models import Person

PATHS = ("", "/said", "/feed.xml", "/art.png", "/timetable.ics", "/feedback", "/ticket")


def test_a_bulletin_that_sounded_is_on_the_page_with_its_text_and_when(said, visitor):
    identity = said(title="Tiêm chủng", text="Sáng thứ bảy tiêm chủng tại trạm y tế.")
    page = visitor.get("/x/79.1")
    assert page.status_code == 200
    for expected in ("Tiêm chủng", "Sáng thứ bảy tiêm chủng", "11:00 23/11/2026", f"/x/79.1/said/{identity}", "<audio"):
        assert expected in page.text, expected


@pytest.mark.parametrize("path", PATHS)
def test_a_unit_without_a_page_answers_as_if_it_were_not_there(village, visitor, path):
    identity = village.say()
    for code in ("79.1", "nowhere"):
        assert visitor.get(f"/x/{code}{path}").status_code == 404
    for address in (f"/x/79.1/said/{identity}", f"/x/79.1/said/{identity}/vi.mp3"):
        assert visitor.get(address).status_code == 404
    assert visitor.post("/x/79.1/feedback", data={"kind": "noise", "text": "x"}).status_code == 404


def test_the_switch_reaches_down_until_a_unit_says_otherwise(village, visitor):
    def answers():
        return [visitor.get(f"/x/{code}").status_code for code in ("79", "79.1", "79.1.1", "79.2")]

    village.open("province")
    assert answers() == [200, 200, 200, 200]
    village.open("commune_a", public=False)
    assert answers() == [200, 404, 404, 200]
    village.open("province", public=None)
    village.open("hamlet_a1")
    assert answers() == [404, 404, 200, 404]


def test_nothing_is_shown_that_did_not_sound(village, visitor):
    village.open()
    village.bulletin(title="Bản nháp bí mật", until_state="draft")
    village.bulletin(title="Đã duyệt chưa phát")
    village.on_timetable(title="Sắp phát", minutes=60)
    village.roll()
    village.add_up()
    page = visitor.get("/x/79.1").text
    for hidden in ("Bản nháp bí mật", "Đã duyệt chưa phát", "Sắp phát"):
        assert hidden not in page
    assert "Bản tin" in page  # its programme's title and hour


def test_what_was_heard_for_less_than_half_was_not_said(village, visitor):
    village.open()
    _, slot = village.on_timetable(title="Mất điện giữa chừng")
    village.roll()
    airing = village.airing_of(slot)
    village.clock.at = airing.ends_at
    village.sound(airing, "a1", share=0.4, outcome="partial")
    village.add_up()
    assert "Mất điện giữa chừng" not in visitor.get("/x/79.1").text
    village.sound(airing, "a2", share=0.6, outcome="partial")
    village.add_up()
    assert "Mất điện giữa chừng" in visitor.get("/x/79.1").text


def test_what_only_the_neighbours_heard_is_not_on_this_page(village, visitor):
    village.open("province")
    ours = village.say("a1", title="Của xã A")
    theirs = village.say("b1", unit="commune_b", to=("unit:79.2",), title="Của xã B", text="Chuyện xã B")
    assert "Của xã B" not in visitor.get("/x/79.1").text
    assert "Của xã A" not in visitor.get("/x/79.2").text
    assert visitor.get(f"/x/79.1/said/{theirs}").status_code == 404
    assert visitor.get(f"/x/79.1/said/{theirs}/vi.mp3").status_code == 404
    assert visitor.get(f"/x/79.2/said/{ours}/vi.mp3").status_code == 404
    assert visitor.get(f"/x/79.2/said/{theirs}/vi.mp3").status_code == 200
    assert "Của xã B" in visitor.get("/x/79").text


def test_what_the_province_said_here_is_shown_with_whose_it_is(village, visitor):
    village.open()
    village.say("a1", unit="province", to=("unit:79",), title="Bão số 9")
    page = visitor.get("/x/79.1").text
    assert "Bão số 9" in page
    assert "province" in page


def test_a_withdrawn_bulletin_leaves_the_page_and_its_sound_with_it(said, village, visitor):
    identity = said(title="Rút lại")
    village.withdraw_bulletin(identity)
    assert "Rút lại" not in visitor.get("/x/79.1").text
    assert visitor.get(f"/x/79.1/said/{identity}").status_code == 404
    assert visitor.get(f"/x/79.1/said/{identity}/vi.mp3").status_code == 404


def test_the_text_is_that_of_the_version_that_sounded(said, village, visitor):
    identity = said(text="Họp lúc bảy giờ.")
    village.rewrite(identity, "Họp lúc tám giờ.")
    assert "bảy giờ" in visitor.get(f"/x/79.1/said/{identity}").text
    assert "tám giờ" not in visitor.get(f"/x/79.1/said/{identity}").text


def test_a_late_report_counts_when_it_comes(village, visitor):
    village.open()
    _, slot = village.on_timetable(title="Trạm mất mạng")
    village.roll()
    airing = village.airing_of(slot)
    village.clock.at = airing.ends_at + timedelta(days=3)
    village.add_up()
    village.clock.advance(minutes=30)
    village.sound(airing, "a1")
    assert village.add_up() == 1
    assert "Trạm mất mạng" in visitor.get("/x/79.1").text


def test_adding_up_again_changes_nothing(said, village, database):
    from scheduler.statistics_models import HeardBulletin

    def rows():
        with database.read() as session:
            return [row.model_dump() for row in session.exec(select(HeardBulletin)).all()]

    said("a1", "a2", "a_hall")
    before = rows()
    assert len(before) == 3  # a row for each unit whose stations played it
    village.clock.advance(seconds=20)
    village.add_up()
    assert rows() == before


def test_an_emergency_stands_on_top_while_it_holds(village, visitor):
    village.open()
    emergency = village.alarm("79")
    page = visitor.get("/x/79.1").text
    assert "Lũ lên, bà con sơ tán ngay!" in page
    assert page.index('role="alert"') < page.index('id="now"')
    village.stop(emergency)
    assert 'role="alert"' not in visitor.get("/x/79.1").text


def test_a_drill_is_no_emergency(village, visitor):
    village.open()
    village.alarm("79", drill=True)
    assert 'role="alert"' not in visitor.get("/x/79.1").text


def test_an_emergency_of_the_neighbours_is_not_on_this_page(village, visitor):
    village.open("province")
    village.alarm("79.2")
    assert 'role="alert"' not in visitor.get("/x/79.1").text
    assert 'role="alert"' in visitor.get("/x/79.2").text


def test_an_emergency_that_has_run_out_is_gone(village, visitor):
    village.open()
    village.alarm("79")
    assert 'role="alert"' in visitor.get("/x/79.1").text
    village.clock.advance(hours=3)
    assert 'role="alert"' not in visitor.get("/x/79.1").text


def test_what_sounds_now_is_named(village, visitor):
    village.open()
    _, slot = village.on_timetable(title="Đang đọc")
    village.roll()
    village.clock.at = village.airing_of(slot).starts_at + timedelta(seconds=3)
    assert "Đang đọc" in visitor.get("/x/79.1").text


def test_each_language_has_its_page_and_its_sound(village, visitor):
    village.open()
    with village.database.write() as session:
        made = bulletins.create(
            session, village.actor("root"), village.unit("commune_a"),
            bulletins.Draft(title="Hai thứ tiếng", text="Xin chào bà con.", others=[
                renditions.Other(language="en", text="Hello everybody."),
            ]), max_chars=1_000, now=village.clock(),
        )  # fmt: skip

    with village.database.read() as session:
        clips = list(session.exec(select(Clip.id)).all())
    for clip in clips:
        village.finish_clip(clip)
    village._bring(made.bulletin_id, "approved")
    with village.database.write() as session:
        from registry.models import Station

        station = session.get_one(Station, village.cast.stations["a2"])
        station.languages = ["en"]
        session.add(station)
    slot = village.slot(village.programme(made.bulletin_id), village.clock() + timedelta(hours=1))
    village.roll()
    village.clock.advance(hours=2)
    for airing in village.airings():
        if airing.slot_id == slot:
            village.sound(airing, "a2" if airing.variant == "en" else "a1")
    village.add_up()
    address = f"/x/79.1/said/{made.bulletin_id}"
    assert "Xin chào bà con." in visitor.get(address).text
    assert "Hello everybody." in visitor.get(f"{address}?in=en").text
    assert visitor.get(f"{address}?in=km").status_code == 404
    first, other = visitor.get(f"{address}/vi.mp3"), visitor.get(f"{address}/en.mp3")
    assert (first.status_code, other.status_code) == (200, 200)
    assert first.data != other.data


def test_audio_is_sent_in_ranges_and_nothing_else_is_sent(said, visitor, database):
    identity = said()
    with database.read() as session:
        clip = session.exec(
            select(Clip).join(BulletinVersion, BulletinVersion.clip_id == Clip.id).where(
                BulletinVersion.bulletin_id == identity
            )
        ).one()  # fmt: skip
    address = f"/x/79.1/said/{identity}/vi.mp3"
    whole = visitor.get(address)
    assert (whole.status_code, whole.mimetype, len(whole.data)) == (200, "audio/mpeg", clip.mp3_bytes)
    part = visitor.get(address, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.data) == (206, whole.data[4:10])
    assert part.headers["Content-Range"] == f"bytes 4-9/{clip.mp3_bytes}"
    assert visitor.get(address, headers={"Range": "bytes=999999-"}).status_code == 416
    for wrong in ("en.mp3", "..%2f..%2fx.mp3", f"{clip.mp3_sha256}.mp3"):
        assert visitor.get(f"/x/79.1/said/{identity}/{wrong}").status_code == 404


def test_no_cookie_is_set_for_visitors_and_no_script_is_sent(said, visitor):
    identity = said()
    for path in (*PATHS, f"/said/{identity}", f"/said/{identity}/vi.mp3"):
        answer = visitor.get(f"/x/79.1{path}")
        assert answer.status_code == 200, path
        assert "Set-Cookie" not in answer.headers, path
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        if answer.mimetype == "text/html":
            scripts = re.findall(r"<script([^>]*)>", answer.text)
            assert all('type="application/ld+json"' in each for each in scripts), path
            assert " style=" not in answer.text
            assert not re.search(r" on[a-z]+=", answer.text)


def test_a_page_weighs_no_more_than_sixty_kilobytes(village, visitor):
    village.open("province")
    for number in range(12):
        village.say("a1", minutes=20, title=f"Bản tin số {number} " + "rất dài " * 10, text="Kính mời bà con. " * 1_170)
    identity = village.say("a1", text="Kính mời bà con ra nhà văn hóa. " * 620)
    styles = len(visitor.get("/static/public.css").data) + len(visitor.get("/static/loa.svg").data)
    for path in ("", "/said", f"/said/{identity}", "/feedback", "/ticket"):
        plain = len(visitor.get(f"/x/79.1{path}").data) + styles
        assert plain <= 60_000, (path, plain)
    packed = visitor.get("/x/79.1", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < 8_000
    assert "Bản tin số 11" in gzip.decompress(packed.data).decode()


def test_addresses_come_from_the_setting_and_never_from_the_caller(said, visitor):
    identity = said()
    for path in ("", f"/said/{identity}", "/feed.xml"):
        answer = visitor.get(f"/x/79.1{path}", headers={"Host": "evil.example"})
        assert "evil.example" not in answer.text
        assert "https://loa.example.vn/x/79.1" in answer.text
    assert '<link rel="canonical" href="https://loa.example.vn/x/79.1">' in visitor.get("/x/79.1?utm=x").text
    english = visitor.get("/x/79.1?lang=en").text
    assert '<link rel="canonical" href="https://loa.example.vn/x/79.1?lang=en">' in english
    assert "What was said" in english


def test_search_engines_are_told_what_it_is_in_data_that_can_not_break_out(said, visitor):
    identity = said(title="</script><img src=x onerror=alert(1)>", text="<b>đậm</b>")
    page = visitor.get(f"/x/79.1/said/{identity}").text
    assert "<img src=x" not in page
    told = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)[1])
    assert told["@type"] == "RadioEpisode"
    assert told["name"] == "</script><img src=x onerror=alert(1)>"
    assert told["audio"]["contentUrl"] == f"https://loa.example.vn/x/79.1/said/{identity}/vi.mp3"


def test_the_archive_goes_month_by_month(said, visitor):
    said(title="Tháng mười một")
    page = visitor.get("/x/79.1/said?month=2026-11")
    assert "Tháng mười một" in page.text
    assert visitor.get("/x/79.1/said?month=2026-10").status_code == 404
    assert visitor.get("/x/79.1/said?month=%27%22").status_code == 404


def test_whoever_is_signed_in_sees_no_more_than_anybody(village, app, visitor):
    village.open()
    village.bulletin(title="Bản nháp bí mật", until_state="draft")
    signed_in = app.test_client()
    with village.database.write() as session:
        root = session.get_one(Person, village.cast.people["root"])
        name = sessions.begin(session, root, agent="", address="127.0.0.1", now=village.clock())
    with signed_in.session_transaction() as cookie:
        cookie["session"] = name
    assert signed_in.get("/units").status_code == 200
    assert signed_in.get("/x/79.1").text == visitor.get("/x/79.1").text
    assert signed_in.get("/x/79.1").headers["Cache-Control"] == "no-store"
    assert visitor.get("/x/79.1").headers["Cache-Control"] == "public, max-age=30"


def test_the_radio_is_offered_where_it_is_open(village, visitor):
    from registry import units

    village.open()
    assert "/radio/79.1.mp3" not in visitor.get("/x/79.1").text
    with village.database.write() as session:
        units.open_radio(session, village.actor("root"), village.unit("commune_a"), True, village.clock())
    assert "/radio/79.1.mp3" in visitor.get("/x/79.1").text
