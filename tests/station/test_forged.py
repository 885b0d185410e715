"""Nothing unapproved sounds: each kind of forgery, brought to a station in a plan and as an interrupt, and what it reports."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from station_lab import STATION
from test_station_limits import DAY, KEY, SIGNER, Life, at, programme

from core.errors import BadTicket
from core.signing import MAX_TICKET_BYTES, Signer, Verifier, new_signing_key, public_part
from core.wire import Command, NowDocument, PlanDocument, SettingsDocument, StationSettings, Ticket
from station.waiting import Orders

SETTINGS = StationSettings(volume=70, max_volume=80)
NAME = "air_0"


@pytest.fixture
def life(tmp_path: Path):
    made = Life(tmp_path / "station.db")
    yield made
    made.store.close()


def packed(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unpacked(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def genuine(**changes: Any) -> Ticket:
    return programme("air", 12, **changes)


def signed_by(jwk: dict[str, Any], header: dict[str, Any], payload: bytes) -> str:
    """A JWS with any header, by the real algorithm."""
    raw = base64.urlsafe_b64decode(jwk["d"] + "=" * (-len(jwk["d"]) % 4))
    body = f"{packed(header)}.{packed(payload)}"
    return f"{body}.{packed(Ed25519PrivateKey.from_private_bytes(raw).sign(body.encode()))}"


def content() -> bytes:
    return genuine().model_dump_json(by_alias=True).encode()


def wrong_signature() -> str:
    head, payload, signature = SIGNER.sign(genuine()).split(".")
    return f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def payload_swapped() -> str:
    head, payload, signature = SIGNER.sign(genuine()).split(".")
    other = unpacked(payload) | {"volume": 100, "approved_by": "Chủ tịch xã"}
    return f"{head}.{packed(other)}.{signature}"


def signature_of_another_airing() -> str:
    head, payload, _ = SIGNER.sign(genuine()).split(".")
    return f"{head}.{payload}.{SIGNER.sign(programme('other', 13)).split('.')[2]}"


def no_algorithm() -> str:
    return f"{packed({'alg': 'none', 'kid': KEY['kid']})}.{packed(content())}."


def public_key_as_a_password(secret: bytes) -> str:
    body = f"{packed({'alg': 'HS256', 'kid': KEY['kid']})}.{packed(content())}"
    return f"{body}.{packed(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"


def raw_public_key() -> bytes:
    return base64.urlsafe_b64decode(SIGNER.public_jwk["x"] + "=")


def own_key(**header: Any) -> str:
    mine = new_signing_key()
    given = {key: public_part(mine) if value == "mine" else value for key, value in header.items()}
    return signed_by(mine, {"alg": "Ed25519", **given}, content())


FORGERIES: dict[str, Callable[[], str]] = {
    "a wrong signature": wrong_signature,
    "a payload that was swapped": payload_swapped,
    "the signature of another airing": signature_of_another_airing,
    "no signature at all": lambda: ".".join([*SIGNER.sign(genuine()).split(".")[:2], ""]),
    "alg none": no_algorithm,
    "HS256 with the public key": lambda: public_key_as_a_password(raw_public_key()),
    "HS256 with the public key as it is written": lambda: public_key_as_a_password(SIGNER.public_jwk["x"].encode()),
    "the deprecated name of the algorithm": lambda: signed_by(KEY, {"alg": "EdDSA", "kid": KEY["kid"]}, content()),
    "an unknown kid": lambda: Signer(new_signing_key()).sign(genuine()),
    "the key of another server under our kid": lambda: own_key(kid=KEY["kid"]),
    "a key that came along in the header": lambda: own_key(kid=KEY["kid"], jwk="mine"),
    "a key to be fetched elsewhere": lambda: own_key(kid=KEY["kid"], jku="https://example.org/keys.json"),
    "an extension that must be understood": lambda: signed_by(
        KEY, {"alg": "Ed25519", "kid": KEY["kid"], "crit": ["exp"], "exp": 1}, content()
    ),
    "a set of keys in an airing's place": lambda: SIGNER.announce([public_part(KEY)], 7),
    "more than an airing can be": lambda: signed_by(
        KEY, {"alg": "Ed25519", "kid": KEY["kid"]},
        json.dumps(json.loads(content()) | {"approved_by": "x" * MAX_TICKET_BYTES}).encode(),
    ),
    "an airing without its audience": lambda: signed_by(
        KEY, {"alg": "Ed25519", "kid": KEY["kid"]},
        json.dumps({name: value for name, value in json.loads(content()).items() if name != "for"}).encode(),
    ),
    "a nesting without end": lambda: signed_by(
        KEY, {"alg": "Ed25519", "kid": KEY["kid"]}, b'{"id":"air_0","for":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    ),
}  # fmt: skip
UNREADABLE = {"a set of keys in an airing's place", "a nesting without end"}


@pytest.mark.parametrize("way", ["plan", "interrupt"])
@pytest.mark.parametrize("kind", FORGERIES)
def test_what_is_forged_never_sounds_and_is_told_once_with_its_reason(life: Life, kind: str, way: str):
    forged = FORGERIES[kind]()
    for _ in range(2):
        bring(life, forged, way)
    life.until(at(14), at(11))
    assert life.heard == []
    told = [json.loads(text) for text in life.store.outbox(100)]
    expected = [] if kind in UNREADABLE else [(NAME, "refused", "bad_signature", 0)]
    assert [(each["airing"], each["outcome"], each["reason"], each["seconds"]) for each in told] == expected
    life.take(genuine(), settings=SETTINGS, now=at(11.5))  # and the genuine one is not harmed by it
    life.until(at(14), at(11.9))
    assert life.heard == [NAME]


def bring(life: Life, jws: str, way: str, now=DAY) -> None:
    if way == "interrupt":
        life.book.take_now(NowDocument(seq=1, plan="p", interrupts=[jws]), now)
        return
    plan = PlanDocument(
        station=STATION, issued_at=DAY - timedelta(hours=1), until=DAY + timedelta(days=9), settings=SETTINGS,
        airings=[jws],
    )  # fmt: skip
    life.book.take_plan(plan, f'"{now}"', now)


@pytest.mark.parametrize("way", ["plan", "interrupt"])
@pytest.mark.parametrize("audience", [["unit:80"], ["station:st_other"], ["group:gr_other"], [], ["unit:79.1234"]])
def test_what_is_for_others_does_not_sound(life: Life, audience: list[str], way: str):
    bring(life, SIGNER.sign(genuine(audience=audience)), way)
    life.until(at(14), at(11))
    assert life.heard == []
    assert life.reports() == {NAME: ("refused", "not_for_me", None)}


def test_what_has_expired_does_not_sound(life: Life):
    old = genuine(not_after=at(11), late="play")
    life.take(old, settings=SETTINGS)
    life.until(at(14), at(11.5))
    assert life.heard == []
    assert life.reports()[NAME][0] == "missed"


@pytest.mark.parametrize("way", ["plan", "interrupt"])
@pytest.mark.parametrize("restart", [False, True])
def test_what_was_played_is_not_played_again(life: Life, way: str, restart: bool):
    ticket = genuine(late="play", not_after=at(30))
    life.take(ticket, settings=SETTINGS)
    life.until(at(13), at(11))
    assert life.heard == [NAME]
    if restart:
        life.restart(at(13))
    bring(life, SIGNER.sign(ticket), way, at(13.1))
    life.until(at(20), at(13.2))
    assert life.heard == [NAME]
    assert len(life.store.outbox(10)) == 1


def test_the_same_occurrence_is_not_played_again_under_another_id(life: Life):
    life.take(genuine(late="play", not_after=at(30)), settings=SETTINGS)
    life.until(at(13), at(11))
    again = genuine(late="play", not_after=at(30)).model_copy(update={"id": "air_again", "starts_at": at(14)})
    life.take(again, settings=SETTINGS, now=at(13.5))
    life.until(at(16), at(13.6))
    assert life.heard == [NAME]
    assert life.reports()["air_again"][0] == "played"  # as it was heard, under the other name


def test_a_clock_that_was_rolled_back_plays_nothing_old_and_gives_nothing_up_that_is_to_come(life: Life):
    life.take(genuine(), settings=SETTINGS)
    long_ago = timedelta(days=300)
    for minutes in range(0, 180, 5):
        life.step(at(11) - long_ago + timedelta(minutes=minutes))
    bring(life, SIGNER.sign(programme("air_old", 12).model_copy(update={"starts_at": at(12) - long_ago})), "interrupt")
    life.until(at(13) - long_ago, at(11) - long_ago)
    assert life.heard == []
    assert life.reports() == {"air_old_0": ("missed", "clock", None)}
    life.until(at(14), at(11))  # the clock is right again
    assert life.heard == [NAME]


def test_a_programme_that_comes_as_an_interrupt_keeps_the_quiet_hours(life: Life):
    quiet = SETTINGS.model_copy(update={"quiet_hours": [("00:00", "24:00")]})
    life.take(settings=quiet)
    bring(life, SIGNER.sign(genuine()), "interrupt")
    life.until(at(14), at(11))
    assert life.heard == []
    assert life.reports() == {NAME: ("missed", "quiet_hours", "quiet_hours")}


def test_no_ticket_is_louder_than_the_unit_allows(life: Life):
    loud = genuine(volume=100, kind="emergency", priority="emergency")
    life.take(loud, settings=SETTINGS)
    assert life.book.volume_for(loud) == 80


def test_a_withdrawn_airing_stays_silent_however_it_comes_back(life: Life):
    ticket = genuine(late="play", not_after=at(30), kind="emergency", priority="emergency")
    life.book.take_now(NowDocument(seq=1, plan="p", withdrawn=[NAME]), at(11))
    life.restart(at(11))
    for way in ("plan", "interrupt"):
        bring(life, SIGNER.sign(ticket), way, at(11.5))
    life.until(at(14), at(11.6))
    assert life.heard == []
    assert life.reports() == {NAME: ("missed", "withdrawn", None)}


def test_a_command_that_is_played_back_does_nothing(life: Life):
    tones: list[int] = []
    stopped: list[str | None] = []
    orders = Orders(
        life.book, life.store, sync=lambda: None, stop=stopped.append, restart=lambda: None, test_tone=tones.append
    )
    life.take(settings=SETTINGS)
    loud = Command(id="co_1", do="test_tone", value=100)
    assert orders.obey(loud, DAY)
    assert not orders.obey(loud, DAY + timedelta(minutes=1))
    assert not orders.obey(Command(id="co_1", do="stop"), DAY)  # another deed under the old name
    assert (tones, stopped) == ([80], [])  # not louder than the unit allows


def test_a_flood_of_forgeries_does_not_push_real_reports_out(life: Life):
    life.take(genuine(), settings=SETTINGS)
    life.until(at(13), at(11))
    head, _, signature = SIGNER.sign(genuine()).split(".")
    flood = [f"{head}.{packed({'id': f'forged_{number}'})}.{signature}" for number in range(2_000)]
    for _ in range(3):
        life.book.take_now(NowDocument(seq=2, plan="p", interrupts=flood), at(13))
    assert life.reports()[NAME] == ("played", None, None)
    assert 1 < life.store.outbox_size() <= 200


# settings

LOUD = StationSettings(volume=100, max_volume=100, quiet_hours=[], audience=["unit:79.123", "unit:80"])
STRICT = StationSettings(volume=40, max_volume=60, quiet_hours=[("22:00", "05:00")], audience=["unit:79.123"])


def settle(signer: Signer, settings: StationSettings, *, station: str = STATION, hours: float = 0.0) -> str:
    at_ = DAY + timedelta(hours=hours)
    return signer.settle(SettingsDocument(station=station, issued_at=at_, settings=settings))


def give(life: Life, settings: StationSettings, signed: str | None, *airings: str, hours: float = 0.0) -> None:
    now = DAY + timedelta(hours=hours)
    plan = PlanDocument(
        station=STATION, issued_at=now, until=DAY + timedelta(days=9), settings=settings, airings=list(airings),
        signed_settings=signed,
    )  # fmt: skip
    life.book.take_plan(plan, f'"{now}"', now)


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "rubbish",
        settle(Signer(new_signing_key()), LOUD, hours=1),
        settle(SIGNER, LOUD, station="st_other", hours=1),
        settle(SIGNER, LOUD, hours=-1),
        SIGNER.announce([public_part(KEY)], 7),
    ],
    ids=["none", "rubbish", "of another server", "of another station", "an older one", "a set of keys"],
)
def test_settings_that_were_changed_on_the_way_do_not_hold(life: Life, forged: str | None):
    give(life, STRICT, settle(SIGNER, STRICT))
    foreign = SIGNER.sign(programme("foreign", 12, audience=["unit:80"]))
    night = SIGNER.sign(programme("night", 23))
    give(life, LOUD, forged, foreign, night, SIGNER.sign(genuine()), hours=2)
    assert (life.book.settings.max_volume, life.book.settings.quiet_hours) == (60, [("22:00", "05:00")])
    life.restart(at(3))
    give(life, LOUD, forged, foreign, night, SIGNER.sign(genuine()), hours=3)
    life.until(at(24), at(11))
    assert life.heard == [NAME]  # what is signed and for this station plays all the same
    assert life.reports()["foreign_0"] == ("refused", "not_for_me", None)
    assert life.reports()["night_0"][1] == "quiet_hours"


def test_signed_settings_hold_and_may_change(life: Life):
    give(life, LOUD, settle(SIGNER, STRICT))
    assert life.book.settings == STRICT  # what is signed counts
    give(life, STRICT, settle(SIGNER, LOUD, hours=2), hours=2)
    assert life.book.settings == LOUD


def test_a_server_that_signs_no_settings_is_kept_to_as_before(life: Life):
    give(life, STRICT, None)
    assert life.book.settings == STRICT


def test_a_server_whose_clock_ran_ahead_does_not_freeze_the_settings(life: Life):
    give(life, STRICT, settle(SIGNER, STRICT, hours=24 * 300))
    give(life, LOUD, settle(SIGNER, LOUD, hours=2), hours=2)
    assert life.book.settings == LOUD


def test_signed_settings_are_no_airing():
    with pytest.raises(BadTicket):
        Verifier([SIGNER.public_jwk]).verify(settle(SIGNER, STRICT))
