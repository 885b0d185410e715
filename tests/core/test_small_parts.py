"""Instants, quiet hours, names, files, signatures, settings: the parts everything else stands on."""

# ruff: noqa: DTZ001 - naive values are what these tests are about

import errno
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from village import NOW

from core import clock, files, ids, quiet
from core.errors import BadTicket, InvalidInput, LoaError, NoSpace
from core.settings import load, session_secret
from core.signing import Signer, Verifier, new_signing_key, public_part
from core.wire import Heartbeat, Report, Ticket, audience_of, is_for

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))
def test_an_instant_survives_a_round_trip_to_the_millisecond(instant: datetime):
    back = clock.parse_instant(clock.format_instant(instant))
    assert back == instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def test_instants_look_as_the_contract_says():
    assert clock.format_instant(NOW.astimezone(VIETNAM)) == "2026-11-23T03:00:00.000Z"
    assert clock.parse_instant("2026-11-23T10:00:00+07:00") == NOW
    with pytest.raises(ValueError, match="naive"):
        clock.format_instant(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    "text", ["", "2026-11-23", "2026-11-23T10:00", "soon", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_instant_is_refused(text: str):
    with pytest.raises(InvalidInput):
        clock.parse_instant(text)


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc/passwd", "/etc/localtime", "x" * 100, "Asia", "a\x00b"])
def test_an_unknown_zone_is_refused(name: str):
    with pytest.raises(InvalidInput) as refused:
        clock.zone(name)
    assert refused.value.code == "unknown_zone"


@pytest.mark.parametrize(
    ("local", "inside"),
    [("21:59", False), ("22:00", True), ("03:15", True), ("04:59", True), ("05:00", False), ("12:00", False)],
)
def test_quiet_hours_across_midnight_end_when_they_say(local: str, inside: bool):
    at = datetime.fromisoformat(f"2026-11-23T{local}").replace(tzinfo=VIETNAM)
    assert quiet.is_quiet(at, [("22:00", "05:00")], VIETNAM) is inside


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)), st.integers(1, 7_200),
    st.lists(st.tuples(*[st.times().map(lambda t: t.strftime("%H:%M"))] * 2), max_size=3),
)  # fmt: skip
def test_the_first_quiet_instant_is_found_as_second_by_second(start: datetime, seconds: int, hours):
    start = start.replace(microsecond=0)
    slow = (
        next((at for n in range(seconds) if quiet.is_quiet(at := start + timedelta(seconds=n), hours, VIETNAM)), None)
        if seconds < 400
        else ...
    )
    found = quiet.first_quiet(start, seconds, hours, VIETNAM)
    if slow is not ...:
        assert found == slow
    if found is not None:
        assert quiet.is_quiet(found, hours, VIETNAM)
        assert start <= found < start + timedelta(seconds=seconds)


def test_ids_are_new_every_time_and_sort_by_age():
    made = [ids.new_id("air") for _ in range(2_000)]
    assert len(set(made)) == 2_000
    assert all(len(each) == 24 and each.startswith("air_") for each in made)
    assert [each[:13] for each in made] == sorted(each[:13] for each in made)


def test_a_file_is_whole_or_absent(tmp_path: Path, monkeypatch):
    target = tmp_path / "deep" / "file"
    files.write_atomically(target, b"one", mode=0o600)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(NoSpace):
        files.write_atomically(target, b"two")
    assert target.read_bytes() == b"one"
    assert list(target.parent.iterdir()) == [target]


def ticket(**more) -> Ticket:
    values = {
        "id": "air_1", "kind": "programme", "priority": "ordinary", "starts_at": NOW, "ends_at": NOW + timedelta(seconds=9), "late": "join",
        "for": ["unit:79"], "items": [{"at": 0, "seconds": 9, "title": "Họp"}], "approved_by": "A", "issued_at": NOW,
        "not_after": NOW + timedelta(minutes=1),
    }  # fmt: skip
    return Ticket.model_validate({**values, **more})


def test_a_ticket_survives_signing():
    key = new_signing_key()
    signed = Signer(key).sign(ticket())
    assert Verifier([public_part(key)]).verify(signed) == ticket()
    assert "d" not in public_part(key)


def test_a_ticket_touched_anywhere_is_no_ticket():
    key = new_signing_key()
    signed, verifier = Signer(key).sign(ticket()), Verifier([public_part(key)])
    for position in range(0, len(signed), 7):
        other = "A" if signed[position] != "A" else "B"
        touched = signed[:position] + other + signed[position + 1 :]
        if touched.rstrip("=") == signed:
            continue
        try:
            read = verifier.verify(touched)
        except BadTicket:
            continue
        assert read == ticket()  # bits of base64 that carry nothing


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "x" * 300_000, "eyJhbGciOiJub25lIn0.e30.", "é.é.é"])
def test_what_is_no_ticket_is_refused(token: str):
    with pytest.raises(BadTicket):
        Verifier([public_part(new_signing_key())]).verify(token)


def test_a_ticket_of_another_server_is_refused():
    with pytest.raises(BadTicket):
        Verifier([public_part(new_signing_key())]).verify(Signer(new_signing_key()).sign(ticket()))


def test_a_ticket_is_for_whom_it_names():
    names = set(audience_of("st_1", ["79", "79.1"], ["gr_1"]))
    assert is_for(ticket(), names)
    assert is_for(ticket(**{"for": ["group:gr_1"]}), names)
    assert not is_for(ticket(**{"for": ["unit:79.2", "station:st_2"]}), names)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_wire_takes_no_number_that_is_none(value: float):
    with pytest.raises(ValidationError):
        Heartbeat(temperature_c=value)
    with pytest.raises(ValidationError):
        Report(id="0" * 32, airing="a", item=0, outcome="played", started_at=NOW, ended_at=NOW, seconds=value)


def test_a_newer_side_may_say_more():
    assert Ticket.model_validate({**ticket().model_dump(), "for": ["unit:79"], "new": 1}) == ticket()


def test_settings_come_from_the_file_then_the_environment_then_the_command(tmp_path: Path, monkeypatch):
    (tmp_path / "settings.toml").write_text('port = 1111\nhost = "0.0.0.0"\nzone = "Asia/Bangkok"\n')
    monkeypatch.setenv("LOA_PORT", "2222")
    monkeypatch.setenv("LOA_HOST", "::")
    made = load(tmp_path, port=3333, host=None)
    assert (made.port, made.host, made.zone, made.home) == (3333, "::", "Asia/Bangkok", tmp_path)


@pytest.mark.parametrize(
    "text", ["port = 'x'", "unknown = 1", "port = 99999", "port", "horizon_days = 7", "max_text_chars = 30000", "\xff"]
)
def test_settings_that_make_no_sense_are_refused_in_one_sentence(tmp_path: Path, text: str):
    (tmp_path / "settings.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInput, match="settings"):
        load(tmp_path)


def test_the_session_secret_is_made_once_and_only_for_its_owner(tmp_path: Path):
    made = load(tmp_path)
    secret = session_secret(made)
    assert session_secret(made) == secret
    assert len(secret) >= 64
    assert stat.S_IMODE((made.keys / "session.key").stat().st_mode) == 0o600


def test_a_message_is_filled_in_with_its_params():
    assert str(LoaError("“%(x)s” is 100%% wrong.", x="y")) == "“y” is 100% wrong."
