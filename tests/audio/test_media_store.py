"""The store and the uploads: whole files under true names, or none."""

import errno
import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audio.store import MediaStore
from audio.uploads import Incoming, clean_title, locate, receive, remove, size_of
from core.errors import InvalidInput, NoSpace, NotFound, TooLarge


@pytest.fixture
def store(tmp_path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def put(store: MediaStore, content: bytes):
    with store.workspace() as folder:
        (folder / "x").write_bytes(content)
        return store.put(folder / "x", "opus")


def test_a_file_lies_under_the_hash_of_its_bytes(store):
    file = put(store, b"sound")
    assert file.sha256 == hashlib.sha256(b"sound").hexdigest()
    path = store.path(file.sha256, "opus")
    assert path == store.root / file.sha256[:2] / f"{file.sha256}.opus"
    assert path.read_bytes() == b"sound"
    assert store.has(file, "opus")
    assert not store.has(file, "mp3")
    assert [p for p in store.root.rglob("*") if p.is_file()] == [path]


def test_the_same_bytes_are_kept_once_and_not_written_again(store):
    first = put(store, b"sound")
    before = store.path(first.sha256, "opus").stat()
    assert put(store, b"sound") == first
    assert store.path(first.sha256, "opus").stat().st_ino == before.st_ino


def test_a_file_damaged_on_disk_is_noticed_and_put_right(store):
    file = put(store, b"sound")
    store.path(file.sha256, "opus").write_bytes(b"soNnd")
    assert not store.verify(file.sha256, "opus")
    put(store, b"sound")
    assert store.verify(file.sha256, "opus")


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_no_other_name_leads_anywhere(store, name):
    with pytest.raises(NotFound):
        store.path(name, "mp3")


def test_a_process_killed_while_it_works_leaves_no_file_under_a_final_name(store, tmp_path):
    script = (
        "import sys, pathlib, audio.store as s, core.files\n"
        "store = s.MediaStore(pathlib.Path(sys.argv[1]))\n"
        "with store.workspace() as folder:\n"
        "    (folder / 'x').write_bytes(b'z' * 5_000_000)\n"
        "    s.put_in_place = lambda *a: (print('here', flush=True), sys.stdin.read())\n"
        "    store.put(folder / 'x', 'mp3')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, store.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    with process:
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGKILL)
    assert list(store.root.glob("*/*.mp3")) == []
    assert store.sweep(3600) == 0
    assert store.sweep(3600, now=time.time() + 7200) == 1
    assert list((store.root / ".work").iterdir()) == []


def test_verifying_names_every_damaged_file_and_touches_none(store):
    files = [put(store, f"sound {number}".encode()) for number in range(5)]
    bad = store.path(files[2].sha256, "opus")
    bad.write_bytes(b"rot")
    (store.root / files[0].sha256[:2] / "notes.txt").write_text("not ours")
    seen: list[int] = []
    found = store.verify_all(progress=seen.append)
    assert (found.files, found.looked_at, found.damaged) == (5, 5, (bad.name,))
    assert (seen, seen[-1]) == (sorted(seen), 100)
    assert bad.read_bytes() == b"rot"


def test_verifying_stops_when_its_time_is_over_and_says_so(store):
    for number in range(3):
        put(store, f"sound {number}".encode())
    found = store.verify_all(at_most_seconds=0)
    assert (found.files, found.looked_at, found.damaged) == (3, 0, ())


def test_an_empty_store_is_whole(store):
    assert store.verify_all().files == 0
    assert store.collect(set(), 0).files == 0


def test_what_nobody_names_is_collected_after_its_time_of_grace_and_nothing_else(store):
    kept, loose = put(store, b"kept"), put(store, b"loose")
    hour = time.time() + 3_601
    assert store.collect({kept.sha256}, 3_600).files == 0
    gone = store.collect({kept.sha256}, 3_600, now=hour)
    assert (gone.files, gone.bytes) == (1, 5)
    assert store.verify(kept.sha256, "opus")
    assert not store.has(loose, "opus")


def test_what_is_put_again_begins_its_time_of_grace_anew(store):
    file = put(store, b"sound")
    old = time.time() - 10_000
    os.utime(store.path(file.sha256, "opus"), (old, old))
    put(store, b"sound")
    assert store.collect(set(), 3_600).files == 0


def test_a_file_put_again_while_it_is_being_collected_stays(store, monkeypatch):
    file = put(store, b"sound")
    path = store.path(file.sha256, "opus")
    os.utime(path, (1, 1))
    older = store.older

    def put_in_between(*arguments: object, **named: object):
        for found in older(*arguments, **named):
            put(store, b"sound")  # another process, after the age was looked at
            yield found

    monkeypatch.setattr(store, "older", put_in_between)
    assert store.collect(set(), 3_600).files == 0
    assert store.verify(file.sha256, "opus")
    assert list((store.root / ".work").rglob("*")) == []


def test_a_file_collected_while_it_is_put_again_is_put_anew(store, monkeypatch):
    file = put(store, b"sound")
    verify = store.verify

    def collected_in_between(sha256: str, codec: str) -> bool:
        good = verify(sha256, codec)
        store.path(sha256, codec).unlink()
        return good

    monkeypatch.setattr(store, "verify", collected_in_between)
    assert put(store, b"sound") == file
    assert verify(file.sha256, "opus")


@pytest.mark.parametrize("keep", [set(), {"a"}])
def test_any_set_of_files_keeps_what_is_named_or_young_and_nothing_else(store, keep):
    contents = {name: put(store, name.encode()).sha256 for name in "abcdef"}
    old, named = {"a", "b", "c"}, {contents[name] for name in keep}
    for name in old:
        os.utime(store.path(contents[name], "opus"), (1, 1))
    gone = store.collect(named, 3_600)
    assert gone.files == len(old - keep)
    left = {name for name, sha256 in contents.items() if store.verify(sha256, "opus")}
    assert left == set("abcdef") - (old - keep)


def test_collecting_leaves_work_in_progress_and_files_of_others_alone(store):
    with store.workspace() as folder:
        (folder / "clip.mp3").write_bytes(b"half")
        (store.root / "ab").mkdir()
        (store.root / "ab" / "README").write_text("mine")
        assert store.collect(set(), 0, now=time.time() + 10).files == 0
        assert (folder / "clip.mp3").exists()
    assert (store.root / "ab" / "README").exists()


def test_an_upload_is_streamed_under_a_name_of_ours(tmp_path):
    upload = receive(
        io.BytesIO(b"x" * 700_000), tmp_path / "up", limit_bytes=1_000_000, filename="../../Họp_thôn 1.MP3"
    )
    assert (upload.bytes, upload.title) == (700_000, "Họp thôn 1")
    assert locate(tmp_path / "up", upload.path).stat().st_size == 700_000
    assert upload.path.startswith("up_")


@pytest.mark.parametrize("name", ["../home/loa.db", "up_x", "", ".up_" + "0" * 32 + ".part", "up_" + "0" * 32])
def test_only_uploads_that_are_there_are_found(tmp_path, name):
    with pytest.raises(NotFound):
        locate(tmp_path, name)


class Endless:
    def __init__(self, error: Exception | None = None) -> None:
        self.read_bytes, self._error = 0, error

    def read(self, size: int, /) -> bytes:
        self.read_bytes += size
        if self._error and self.read_bytes > 1_000_000:
            raise self._error
        return b"x" * size


def test_an_upload_says_its_size_and_one_cut_short_is_not_taken_for_it(tmp_path):
    upload = receive(io.BytesIO(b"x" * 1_000), tmp_path, limit_bytes=10_000, filename="a.wav")
    assert size_of(upload.path) == 1_000
    os.truncate(tmp_path / upload.path, 999)
    with pytest.raises(NotFound, match="hand it in again"):
        locate(tmp_path, upload.path)


def test_what_a_form_parser_has_written_is_named_and_not_written_again(tmp_path):
    with Incoming(tmp_path, limit_bytes=1_000) as incoming:
        incoming.write(b"ab")
        incoming.write(b"cd")
        incoming.seek(0)
        (part,) = tmp_path.iterdir()
        before = part.stat()
        upload = receive(incoming, tmp_path, limit_bytes=1_000, filename="a.wav")
    after = (tmp_path / upload.path).stat()
    assert (before.st_ino, after.st_size) == (after.st_ino, 4)
    assert [path.name for path in tmp_path.iterdir()] == [upload.path]


def test_what_nobody_kept_is_gone_when_it_is_closed(tmp_path):
    incoming = Incoming(tmp_path, limit_bytes=1_000)
    assert list(tmp_path.iterdir()) == [], "nothing is made before the first byte"
    incoming.write(b"ab")
    incoming.close()
    incoming.close()
    assert list(tmp_path.iterdir()) == []


def test_no_upload_takes_from_the_space_that_is_kept_free(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(NoSpace, match="nearly full") as refused:
        receive(io.BytesIO(b"x"), tmp_path, limit_bytes=10, filename="a", reserve_bytes=free * 2)
    assert refused.value.code == "disk_nearly_full"
    assert list(tmp_path.iterdir()) == []


def test_removing_an_upload_removes_what_was_made_of_it_and_nothing_else(tmp_path):
    name = "up_" + "0" * 32 + "_7"
    for other in (name, f"{name}.preview.mp3", f"{name}1", "up_" + "1" * 32):
        (tmp_path / other).write_bytes(b"x")
    remove(tmp_path, name)
    remove(tmp_path, name)
    remove(tmp_path, "../*")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}1", "up_" + "1" * 32]


def test_an_upload_over_the_limit_is_cut_off_early_and_nothing_stays(tmp_path):
    stream = Endless()
    with pytest.raises(TooLarge, match="5 MB"):
        receive(stream, tmp_path, limit_bytes=5 << 20, filename="big.wav")
    assert stream.read_bytes < 6 << 20
    assert list(tmp_path.iterdir()) == []


def test_an_empty_upload_and_a_broken_one_leave_nothing(tmp_path):
    with pytest.raises(InvalidInput, match="0 bytes"):
        receive(io.BytesIO(b""), tmp_path, limit_bytes=100, filename="a")
    with pytest.raises(ConnectionResetError):
        receive(Endless(ConnectionResetError()), tmp_path, limit_bytes=1 << 30, filename="a")
    with pytest.raises(NoSpace):
        receive(Endless(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))), tmp_path, limit_bytes=1 << 30, filename="a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("C:\\Users\\me\\Thông báo.m4a", "Thông báo"),
        ("/etc/passwd", "passwd"),
        ("a\x00b\r\nc.mp3", "a b c"),
        ("..", ""),
        ("", ""),
        ("x" * 500 + ".wav", "x" * 120),
        ("\u202egnp.mp3", "gnp"),
        ("họp 1.12.2026.mp3", "họp 1.12.2026"),
    ],
)
def test_a_title_is_what_a_person_may_be_shown(filename, title):
    assert clean_title(filename) == title
