"""Audio that others send: a real nginx with the very lines of docs/operations.md, and what a station makes of it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fleet_lab import Web, serving
from village import Village

from benchmarks import _nginx
from benchmarks._nginx import Nginx
from loa.fleet.trial import free_port
from station.link import Link, Rejected, TokenRefused, Unreachable
from web.signed_urls import for_nginx, for_s3

pytestmark = pytest.mark.processes
DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
CONTENT = bytes(range(256)) * 300
NAME = "ab" + "0" * 62


def lines(mark: str, media: Path, **more: str) -> str:
    """The example of the documentation, for this test's folder."""
    found = re.search(rf"```nginx\n# media: {mark}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert found is not None
    text = found[1].replace("/var/lib/loalang/home/media", str(media))
    for old, new in more.items():
        text = text.replace(old, new)
    return text


@pytest.fixture
def media(village: Village) -> Path:
    if _nginx.program() is None:
        message = "nginx is not installed"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    folder = village.settings.media
    (folder / NAME[:2]).mkdir(exist_ok=True)
    (folder / NAME[:2] / f"{NAME}.opus").write_bytes(CONTENT)
    return folder


@contextmanager
def linked(address: str, village: Village, short: str = "a1") -> Iterator[Link]:
    link = Link(address, village.cast.station_tokens[short])
    try:
        yield link
    finally:
        link.close()


def fetched(link: Link, name: str = NAME, **headers: str) -> bytes:
    with link.stream(f"/media/{name}.opus", headers) as download:
        return b"".join(download.pieces())


def test_nginx_in_front_sends_the_files_that_a_station_may_have(village: Village, media: Path):
    with serving(village.settings.home, LOA_MEDIA_ACCEL_PATH="/media-files/", LOA_TRUST_PROXY="true") as web:
        proxied = f"location / {{ proxy_pass http://127.0.0.1:{web.port}; proxy_set_header Host $host; }}\n"
        with _nginx.running(proxied + lines("accel", media)) as nginx:
            with linked(nginx.url, village) as link:
                assert fetched(link) == CONTENT
                assert fetched(link, Range="bytes=1000-") == CONTENT[1000:]
                with pytest.raises(Rejected):
                    fetched(link, "f" * 64)
            with _stranger(nginx.url) as link, pytest.raises(TokenRefused):
                fetched(link)
            answer = web_answer(web, village)
    assert (answer[0], answer[1]["x-accel-redirect"], answer[2]) == (200, f"/media-files/ab/{NAME}.opus", b"")


@contextmanager
def _stranger(address: str) -> Iterator[Link]:
    link = Link(address, "sta_wrong")
    try:
        yield link
    finally:
        link.close()


def web_answer(web: Web, village: Village) -> tuple[int, dict[str, str], bytes]:
    with web.line() as line:
        said = line.ask("GET", f"/media/{NAME}.opus", village.cast.station_tokens["a1"])
        return said.status, said.fields, said.body


def test_nobody_gets_at_the_files_behind_the_proxy_directly(village: Village, media: Path):
    with _nginx.running(lines("accel", media)) as nginx, _stranger(nginx.url) as link:
        answer = link._pool.request("GET", f"{nginx.url}/media-files/ab/{NAME}.opus", retries=False)
        assert answer.status == 404


@pytest.fixture
def elsewhere(media: Path) -> Iterator[Nginx]:
    with _nginx.running(lines("signed", media, SECRET="a secret of both")) as nginx:
        yield nginx


def test_a_station_follows_a_signed_address_and_leaves_its_token_at_home(village: Village, elsewhere: Nginx):
    environment = {"LOA_MEDIA_URL": f"{elsewhere.url}/audio", "LOA_MEDIA_SECRET": "a secret of both"}
    with serving(village.settings.home, **environment) as web:
        with linked(f"http://127.0.0.1:{web.port}", village) as link:
            assert fetched(link) == CONTENT
            assert fetched(link, Range="bytes=5-") == CONTENT[5:]
        status, fields, _ = web_answer(web, village)
    assert (status, fields["cache-control"]) == (302, "no-store")
    assert urlsplit(fields["location"]).path == f"/audio/ab/{NAME}.opus"
    logged = elsewhere.log.read_text().splitlines()
    assert len(logged) == 2
    assert all(line.endswith(" -") for line in logged), logged  # nothing came as Authorization


def test_an_address_that_is_old_or_of_another_file_opens_nothing(elsewhere: Nginx):
    now = datetime.now(UTC)
    address = f"{elsewhere.url}/audio/ab/{NAME}.opus"
    with _stranger(elsewhere.url) as link:
        for url, status in (
            (for_nginx(address, "a secret of both", now + timedelta(hours=1)), 200),
            (for_nginx(address, "a secret of both", now - timedelta(seconds=5)), 410),
            (for_nginx(address, "another secret", now + timedelta(hours=1)), 403),
            (for_nginx(address, "a secret of both", now + timedelta(hours=1)).replace("opus", "mp3"), 403),
            (address, 403),
        ):
            assert link._pool.request("GET", url, retries=False).status == status, url


def test_a_refusal_elsewhere_says_nothing_about_the_stations_token(village: Village, elsewhere: Nginx):
    environment = {"LOA_MEDIA_URL": f"{elsewhere.url}/audio", "LOA_MEDIA_SECRET": "not the same"}
    with (
        serving(village.settings.home, **environment) as web,
        linked(f"http://127.0.0.1:{web.port}", village) as link,
        pytest.raises(Unreachable),
    ):
        fetched(link)


def test_only_audio_may_lie_with_somebody_else(village: Village):
    port = free_port()
    with (
        _nginx.running(f"location / {{ return 302 http://127.0.0.1:{port}/elsewhere; }}") as nginx,
        linked(nginx.url, village) as link,
        pytest.raises(Unreachable),
    ):
        link.get("/plan")


def test_signed_addresses_of_s3_are_those_of_its_documentation():
    made = for_s3(
        "https://examplebucket.s3.amazonaws.com/test.txt", "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", datetime(2013, 5, 24, tzinfo=UTC), 86_400,
    )  # fmt: skip
    assert made.endswith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    assert "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" in made
