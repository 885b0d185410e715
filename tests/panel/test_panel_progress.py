"""Server-sent events: how far audio is, for many who look, from one thread that asks only while somebody does."""

import json
import threading
import time

import pytest

from audio.models import Clip
from core.errors import Busy
from web.progress import FINAL, ProgressBoard, Stage, told

PATIENCE_SECONDS = 30


def set_state(database, clip_id, state, percent):
    with database.write() as session:
        clip = session.get(Clip, clip_id)
        clip.state, clip.progress = state, percent
        session.add(clip)


def until(question):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if question():
            return
        time.sleep(0.01)
    pytest.fail("not in time")


@pytest.fixture
def board(database):
    made = ProgressBoard(database, most=3, poll_seconds=0.02)
    yield made
    made.close()


def data_of(lines):
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def test_a_listener_is_told_every_stage_until_the_last_and_then_let_go(board, database, draft, home):
    listener = board.join(home.clip)
    events = told(board, listener, {"queued": "chờ"}, heartbeat_seconds=5, most_events=100)
    assert next(events) == "retry: 2000\n\n"
    first = next(events)
    assert data_of([first]) == [{"state": "queued", "percent": 0, "words": "chờ"}]
    set_state(database, home.clip, "rendering", 40)
    assert data_of([next(events)]) == [{"state": "rendering", "percent": 40, "words": ""}]
    set_state(database, home.clip, "ready", 100)
    rest = data_of(list(events))
    assert [each["state"] for each in rest] == ["ready"]
    assert board.listening == 0


def test_the_database_is_asked_only_while_somebody_listens(board, draft, home):
    assert not board.following
    one, other = board.join(home.clip), board.join(home.clip)
    assert board.following
    board.leave(one)
    board.leave(one)
    assert board.following
    board.leave(other)
    until(lambda: not board.following)
    again = board.join(home.clip)
    assert again.news.wait(PATIENCE_SECONDS)
    assert again.stage == Stage("queued", 0)


def test_silence_is_filled_with_comments_and_ends_by_itself(board, draft, home):
    listener = board.join(home.clip)
    lines = list(told(board, listener, {}, heartbeat_seconds=0.05, most_events=4))
    assert len(lines) <= 5
    assert ": still here\n\n" in lines
    assert board.listening == 0


def test_a_clip_that_is_gone_is_told_as_gone(board, draft):
    listener = board.join("cl_never_was")
    lines = list(told(board, listener, {}, heartbeat_seconds=5, most_events=9))
    assert data_of(lines) == [{"state": "gone", "percent": 0, "words": ""}]


def test_only_so_many_listen_at_once(board, draft, home):
    for _ in range(3):
        board.join(home.clip)
    with pytest.raises(Busy):
        board.join(home.clip)


def test_one_thread_serves_everybody(board, database, draft, home):
    before = threading.active_count()
    listeners = [board.join(home.clip) for _ in range(3)]
    assert threading.active_count() == before + 1
    set_state(database, home.clip, "failed", 0)
    for listener in listeners:
        until(lambda one=listener: one.stage and one.stage.state in FINAL)


def test_trouble_with_the_database_does_not_end_the_following(board, database, draft, home, monkeypatch):
    listener = board.join(home.clip)
    assert listener.news.wait(PATIENCE_SECONDS)
    failures, real = [], board._stages

    def failing(wanted):
        if len(failures) < 2:
            failures.append(wanted)
            raise Busy("locked")
        return real(wanted)

    monkeypatch.setattr(board, "_stages", failing)
    set_state(database, home.clip, "ready", 100)
    until(lambda: listener.stage.state == "ready")
    assert len(failures) == 2


def test_when_the_process_stops_everybody_is_let_go(board, draft, home):
    listener = board.join(home.clip)
    assert listener.news.wait(PATIENCE_SECONDS)
    lines = []
    reader = threading.Thread(
        target=lambda: lines.extend(told(board, listener, {}, heartbeat_seconds=60, most_events=9))
    )
    reader.start()
    board.close()
    reader.join(PATIENCE_SECONDS)
    assert not reader.is_alive()
    with pytest.raises(Busy):
        board.join(home.clip)


def test_the_page_of_a_clip_streams_its_events(as_, draft, home, worker, clock):
    worker.render(clock())
    answer = as_("viewer").get(f"/clips/{home.clip}/events")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert data_of(answer.text.split("\n")) == [{"state": "ready", "percent": 100, "words": "Âm thanh đã sẵn sàng"}]


def test_who_goes_before_the_first_event_is_not_kept(as_, app, draft, home):
    board = app.extensions["loa"].progress
    answer = as_("viewer").client.get(f"/clips/{home.clip}/events", buffered=False)
    assert board.listening == 1
    answer.close()
    assert board.listening == 0


def test_a_strangers_clip_has_no_events(as_, draft, home):
    assert as_("stranger").get(f"/clips/{home.clip}/events").status_code == 404
    assert as_("stranger").get(f"/clips/{home.clip}/progress").status_code == 404


def test_progress_is_also_told_to_who_only_asks(as_, draft, home):
    assert as_("viewer").get(f"/clips/{home.clip}/progress").json == {
        "state": "queued", "percent": 0, "words": "Âm thanh đang chờ đến lượt",
    }  # fmt: skip
