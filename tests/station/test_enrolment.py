import pytest
from station_lab import CODE, STATION, TOKEN, FakeServer, enrol

from core.errors import Conflict, Forbidden, InvalidInput, NotFound, TooMany
from station.enrolment import enrol as take_into_service
from station.identity import Home
from station.link import Unreachable


def test_a_code_becomes_an_identity(server, tmp_path):
    identity = take_into_service(server.url + "/", CODE, Home(tmp_path))
    assert (identity.station, identity.token, identity.server) == (STATION, TOKEN, server.url)
    assert Home(tmp_path).load() == identity
    assert (tmp_path / "station.json").stat().st_mode & 0o777 == 0o600


def test_a_wrong_code_is_told_in_one_line(server, tmp_path):
    server.unused_codes.clear()
    with pytest.raises(Forbidden):
        take_into_service(server.url, CODE, Home(tmp_path))
    told = enrol(server, tmp_path / "home")
    assert told.returncode == 1
    assert told.stderr.strip() == "loa: The server does not accept this code. It works once, for a day."
    assert not (tmp_path / "home" / "station.json").exists()


def test_too_many_tries(server, tmp_path):
    server.too_many = True
    with pytest.raises(TooMany):
        take_into_service(server.url, CODE, Home(tmp_path))


def test_no_network(tmp_path):
    gone = FakeServer()
    gone.stop()
    with pytest.raises(Unreachable):
        take_into_service(gone.url, CODE, Home(tmp_path))


def test_an_enrolled_home_is_not_taken_over_by_mistake(server, tmp_path):
    server.unused_codes.add("SECOND")
    home = Home(tmp_path)
    take_into_service(server.url, CODE, home)
    (tmp_path / "station.db").write_bytes(b"the former station's")
    with pytest.raises(Conflict):
        take_into_service(server.url, "SECOND", home)
    assert "SECOND" in server.unused_codes
    take_into_service(server.url, "SECOND", home, force=True)
    assert not (tmp_path / "station.db").exists()


@pytest.mark.parametrize(
    "url", ["", "ftp://example.org", "example.org", "http://", "http://a:b@example.org", "http://x:99999"]
)
def test_what_is_no_address_is_refused(url, tmp_path):
    with pytest.raises(InvalidInput):
        take_into_service(url, CODE, Home(tmp_path))


def test_a_home_that_is_not_enrolled_says_so(tmp_path):
    with pytest.raises(NotFound, match="not enrolled"):
        Home(tmp_path).load()


def test_a_damaged_identity_says_so(tmp_path):
    (tmp_path / "station.json").write_text('{"station": ')
    with pytest.raises(InvalidInput, match="--force"):
        Home(tmp_path).load()
