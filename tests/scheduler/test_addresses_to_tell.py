"""Where messages may be sent: public addresses only, and what is no address at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from post_office import WebServer

from core.errors import InvalidInput, LoaError
from core.settings import Settings, load
from scheduler import mail, webhook


@pytest.fixture
def web() -> Iterator[WebServer]:
    office = WebServer()
    yield office
    office.close()


@pytest.fixture
def plain(tmp_path: Path) -> Settings:
    return load(tmp_path)


INSIDE = (
    "http://127.0.0.1/x", "http://localhost:8080/", "http://10.1.2.3/", "http://192.168.1.1/", "http://172.16.0.9/",
    "http://169.254.169.254/latest/meta-data", "http://[::1]/", "http://[fe80::1]/", "http://[::ffff:127.0.0.1]/",
    "http://[fc00::1]/", "http://0.0.0.0/", "http://[64:ff9b::7f00:1]/", "http://224.0.0.1/", "http://100.64.0.1/",
)  # fmt: skip


@pytest.mark.parametrize("url", INSIDE)
def test_places_inside_are_refused_unless_the_settings_allow_them(plain: Settings, url: str):
    with pytest.raises(InvalidInput):
        webhook.understood(url, plain)
    assert webhook.understood(url, plain.model_copy(update={"webhook_private": True})) == url


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost.localdomain", "ip6-localhost"])
def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up(plain: Settings, web: WebServer, host: str):
    with pytest.raises(LoaError):
        webhook.post(plain, f"http://{host}:{web.port}/", "s", {"id": "no_1"})
    assert web.posts == []


@pytest.mark.parametrize(
    "url", ["ftp://example.vn/x", "file:///etc/passwd", "https://", "http://a:b@example.vn/", "http://example.vn/ x",
            "javascript:alert(1)", "http://example.vn:99999/", "http://exa\nmple.vn/", "x" * 900]
)  # fmt: skip
def test_what_is_no_address_on_the_web_is_refused(plain: Settings, url: str):
    with pytest.raises(InvalidInput):
        webhook.understood(url, plain)


@pytest.mark.parametrize(
    "address", ["", "x", "a@b", "a@@b.vn", "a b@c.vn", "a@b.vn, c@d.vn", "a@b.vn\nBcc: x@y.vn", "<a@b.vn>", "á@b.vn"]
)
def test_what_is_no_e_mail_address_is_refused(address: str):
    with pytest.raises(InvalidInput):
        mail.understood(address)
