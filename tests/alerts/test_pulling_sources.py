"""Sources that are asked: indexes and single files, conditional, bounded, and whatever a server does to us."""

from datetime import timedelta

import pytest
from cap_builder import bare, reference
from cap_lab import SENT, Lab, message
from feed_server import FeedServer, bomb, html, huge, leading_to, own_certificate, silent
from sqlmodel import select

from alerts.sources import pulling, registering
from alerts.sources.pulling import Puller
from core.errors import InvalidInput
from core.outside import Limits, Outside
from core.settings import load
from scheduler import concerns, troubles
from scheduler.concern_models import Concern

ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id><updated>2026-11-23T00:00:00Z</updated>{}</feed>'
ENTRY = '<entry><id>{name}</id><updated>{mark}</updated><link rel="alternate" type="application/cap+xml" href="{link}"/></entry>'


def atom(*entries) -> bytes:
    return ATOM.format("".join(ENTRY.format(name=n, mark=m, link=link) for n, m, link in entries)).encode()


@pytest.fixture
def server():
    made = FeedServer()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def lab(village, monkeypatch):
    monkeypatch.setattr(pulling, "_LIMITS", Limits(connect_seconds=2, idle_seconds=2, seconds=4, size=2 << 20))
    village.settings = load(village.settings.home, gtts_enabled=False, outside_hosts=["127.0.0.1"])
    return Lab(village)


@pytest.fixture
def puller(lab):
    return Puller(lab.taker, Outside(["127.0.0.0/8"]), "worker/1/x", chance=lambda: 0.5)


def asked_again(puller, source, lab, minutes=30):
    lab.now += timedelta(minutes=minutes)
    return puller.pull(source, lab.now)


def test_a_single_file_is_taken_in_and_asked_for_only_if_it_has_changed(lab, puller, server):
    server.pages["/a.xml"] = message()
    source = lab.source(kind="pull", url=server.url("/a.xml"))
    assert puller.pull(source, lab.now).messages == 1
    assert lab.states() == {"VN-1": "on_air"}
    assert asked_again(puller, source, lab).messages == 0
    assert "If-None-Match" in server.asked[-1][1]
    assert lab.row("VN-1").times_seen == 1


def test_of_an_index_only_new_and_changed_entries_are_fetched(lab, puller, server):
    server.pages |= {
        "/1": message("A"),
        "/2": message("B", status="Test"),
        "/feed": atom(("a", "1", "1"), ("b", "1", "2")),
    }
    source = lab.source(kind="pull", url=server.url("/feed"))
    assert puller.pull(source, lab.now).messages == 2
    server.pages |= {"/3": message("C"), "/feed": atom(("c", "1", "3"), ("a", "1", "1"), ("b", "2", "2"))}
    asked_again(puller, source, lab, 1)
    assert server.paths() == ["/feed", "/1", "/2", "/feed", "/3", "/2"]
    assert lab.states() == {"A": "on_air", "B": "ignored", "C": "on_air"}


def test_an_index_with_whole_messages_in_it_needs_no_more_calls(lab, puller, server):
    inner = bare(identifier="IN", sent=SENT).split("?>")[-1]
    entry = f'<entry><id>x</id><content type="text/xml">{inner}</content></entry>'
    server.pages["/feed"] = ATOM.format(entry).encode()
    source = lab.source(kind="pull", url=server.url("/feed"))
    assert puller.pull(source, lab.now).messages == 1
    assert server.paths() == ["/feed"]


def test_more_entries_than_a_round_takes_are_taken_in_the_next(lab, puller, server):
    server.pages["/feed"] = atom(*((f"n{n}", "1", f"/{n}") for n in range(50)))
    server.pages |= {f"/{n}": message(f"N-{n}", status="Test") for n in range(50)}
    source = lab.source(kind="pull", url=server.url("/feed"))
    assert puller.pull(source, lab.now).messages == 40
    assert asked_again(puller, source, lab, 1).messages == 10
    assert asked_again(puller, source, lab, 1).messages == 0


@pytest.mark.parametrize("fault", [html, bomb, huge, silent, None])
def test_what_goes_wrong_ends_no_alert_and_is_said(lab, puller, server, fault):
    server.pages["/a.xml"] = message()
    source = lab.source(kind="pull", url=server.url("/a.xml"))
    puller.pull(source, lab.now)
    server.pages["/a.xml"] = fault
    done = asked_again(puller, source, lab)
    assert not done.answered
    assert done.error
    assert lab.sounding() == {"VN-1"}
    assert lab.get(source).failures == 1


def test_an_empty_index_ends_no_alert(lab, puller, server):
    server.pages |= {"/1": message("A"), "/feed": atom(("a", "1", "/1"))}
    source = lab.source(kind="pull", url=server.url("/feed"))
    puller.pull(source, lab.now)
    for empty in (atom(), b"<alerts/>", b'<rss version="2.0"><channel><title>x</title></channel></rss>'):
        server.pages["/feed"] = empty
        assert asked_again(puller, source, lab).answered
    assert lab.sounding() == {"A"}


def test_one_bad_entry_stops_no_other_and_is_given_up_one_day(lab, puller, server):
    server.pages |= {"/1": message("A").replace(b"Severe", b"Awful"), "/2": html, "/3": message("C")}
    server.pages["/feed"] = atom(("a", "1", "/1"), ("b", "1", "/2"), ("c", "1", "/3"), ("d", "1", "/gone"))
    source = lab.source(kind="pull", url=server.url("/feed"))
    done = puller.pull(source, lab.now)
    assert (done.answered, lab.sounding()) == (True, {"C"})
    for _ in range(10):
        asked_again(puller, source, lab)
    assert server.paths().count("/2") == 6
    assert server.paths().count("/1") == server.paths().count("/3") == 1


def test_nothing_leads_into_the_inner_network(lab, server):
    outside = Outside(["127.0.0.1"])
    puller = Puller(lab.taker, outside, "worker/1/x", chance=lambda: 0.5)
    server.pages |= {
        "/away": leading_to("http://10.0.0.1/a.xml"),
        "/feed": atom(("a", "1", "http://169.254.169.254/latest")),
    }
    for path in ("/away", "/feed"):
        source = lab.source(kind="pull", url=server.url(path), name=path)
        assert "public" in puller.pull(source, lab.now).error


def test_a_server_is_known_by_its_certificate_or_its_key(lab, puller, tmp_path):
    certificate, key, pem, sha256 = own_certificate(tmp_path)
    server = FeedServer((certificate, key))
    server.pages["/a.xml"] = message()
    try:
        url = server.url("/a.xml")
        assert not puller.pull(lab.source(kind="pull", url=url), lab.now).answered
        assert puller.pull(lab.source(kind="pull", url=url, tls_certificate=pem), lab.now).answered
        assert puller.pull(lab.source(kind="pull", url=url, tls_key_sha256=sha256.upper()), lab.now).answered
        other = own_certificate(tmp_path)
        assert not puller.pull(lab.source(kind="pull", url=url, tls_certificate=other[2]), lab.now).answered
        assert not puller.pull(lab.source(kind="pull", url=url, tls_key_sha256=other[3]), lab.now).answered
    finally:
        server.shutdown()
        server.server_close()


def test_over_plain_http_nothing_goes_on_air_by_itself(lab):
    with pytest.raises(InvalidInput, match="signed or over https"):
        lab.source(kind="pull", url="http://alerts.example.vn/feed")
    lab.source(kind="pull", url="https://alerts.example.vn/feed")


def test_people_are_told_once_of_a_source_that_fails_for_long_and_once_that_it_is_well(lab, puller, server):
    source = lab.source(kind="pull", url=server.url("/gone"))
    for _ in range(4):
        asked_again(puller, source, lab)
    with lab.village.database.read() as session:
        assert troubles.subjects(session, "source") == {source}
        (told,) = session.exec(select(Concern).where(Concern.kind == concerns.SOURCE)).all()
    assert told.cleared_at is None
    server.pages["/gone"] = atom()
    asked_again(puller, source, lab)
    with lab.village.database.read() as session:
        assert troubles.subjects(session, "source") == set()
        assert session.get(Concern, (concerns.SOURCE, source)).cleared_at == lab.now


def test_failures_make_it_rest_longer_but_never_for_long(lab, puller):
    source = lab.source(kind="pull", url="http://127.0.0.1:1/feed", interval_s=60)
    rests = []
    for _ in range(7):
        puller.pull(source, lab.now)
        rests.append((lab.get(source).next_poll_at - lab.now).total_seconds())
        lab.now = lab.get(source).next_poll_at
    assert rests == [120, 240, 480, 900, 900, 900, 900]


def test_two_workers_ask_a_source_once(lab, puller, server):
    server.pages["/a.xml"] = message()
    source = lab.source(kind="pull", url=server.url("/a.xml"))
    assert puller.due(lab.now) == [source]
    assert puller.pull(source, lab.now) is not None
    assert puller.pull(source, lab.now) is None
    assert puller.due(lab.now) == []


def test_an_update_and_its_cancel_come_through_an_index_in_any_order(lab, puller, server):
    later = "2026-11-23T09:45:00+07:00"
    server.pages |= {
        "/1": message("A"),
        "/2": message("C", msgType="Cancel", references=reference("A", SENT), sent=later),
        "/feed": atom(("c", "1", "/2"), ("a", "1", "/1")),
    }
    puller.pull(lab.source(kind="pull", url=server.url("/feed")), lab.now)
    assert lab.states() == {"A": "cancelled", "C": "done"}
    assert registering.SHORTEST_S == 30
