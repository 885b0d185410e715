"""Keys and tokens that change under a station: what it learns, what it refuses to learn, and that it never locks itself out."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from station_lab import STATION
from test_station_limits import DAY, SIGNER, Life, at, programme

from core.errors import NoSpace
from core.signing import Signer, Verifier, new_signing_key, public_part
from core.wire import NowDocument, PlanDocument, StationSettings
from station.book import Book
from station.credentials import Credentials
from station.identity import Home, Identity

NEW, NEWER, STRANGER = Signer(new_signing_key()), Signer(new_signing_key()), Signer(new_signing_key())
BOTH = [SIGNER.public_jwk, NEW.public_jwk]


class KeyLife(Life):
    """A station whose keys are kept in its home, as the running one does."""

    def start(self, now) -> None:
        super().start(now)
        self.home = Home(self.path.parent)
        if not self.home.is_enrolled():
            self.home.save(
                Identity(
                    station=STATION, token="t", name="x", unit_path=["79.123"], server="http://x",
                    server_keys=[SIGNER.public_jwk],
                )
            )  # fmt: skip
        who = self.home.load()
        verifier = Verifier(
            who.server_keys, who.keys_version, lambda keys, v: self.home.change(server_keys=keys, keys_version=v)
        )
        self.book = Book(self.store, who, now, verifier)

    def plan(self, *tickets: str, keys: list[str], now=DAY) -> None:
        document = PlanDocument(
            station=STATION, issued_at=DAY - timedelta(hours=1), until=DAY + timedelta(days=9),
            settings=StationSettings(), airings=list(tickets), keys=keys,
        )  # fmt: skip
        self.book.take_plan(document, f'"{now}"', now)


@pytest.fixture
def life(tmp_path: Path):
    made = KeyLife(tmp_path / "station.db")
    yield made
    made.store.close()


def test_a_key_that_the_known_one_vouches_for_is_learned_and_the_old_one_dropped(life: KeyLife):
    life.plan(SIGNER.sign(programme("a", 12)), keys=[SIGNER.announce(BOTH, 1)])
    assert set(life.book.trusted_keys()) == {SIGNER.kid, NEW.kid}
    life.restart(at(1))
    assert set(life.book.trusted_keys()) == {SIGNER.kid, NEW.kid}
    life.plan(NEW.sign(programme("a", 12)), NEW.sign(programme("b", 13)), keys=[NEW.announce([NEW.public_jwk], 2)])
    assert life.book.trusted_keys() == [NEW.kid]
    life.restart(at(2))
    life.plan(NEW.sign(programme("a", 12)), NEW.sign(programme("b", 13)), SIGNER.sign(programme("c", 14)), keys=[])
    life.until(at(16), at(11))
    assert life.heard == ["a_0", "b_0"]
    assert life.reports()["c_0"] == ("refused", "bad_signature", None)


@pytest.mark.parametrize(
    "announcements",
    [
        [STRANGER.announce([STRANGER.public_jwk], 9)],
        [NEW.announce([SIGNER.public_jwk, STRANGER.public_jwk], 9)],
        ["rubbish", ".", ""],
        [SIGNER.announce(BOTH, 9)[:-8] + "AAAAAAAA"],
        [SIGNER.sign(programme("a", 12))],
    ],
)  # fmt: skip
def test_whoever_changes_what_is_on_the_way_can_add_no_key(life: KeyLife, announcements: list[str]):
    life.plan(STRANGER.sign(programme("a", 12)), keys=announcements)
    life.until(at(14), at(11))
    assert life.book.trusted_keys() == [SIGNER.kid]
    assert life.heard == []


def test_an_old_set_that_is_played_back_brings_no_dropped_key_back(life: KeyLife):
    first = NEW.announce(BOTH, 3)
    life.plan(keys=[SIGNER.announce(BOTH, 3), first])
    life.plan(keys=[NEW.announce([NEW.public_jwk], 5)])
    life.plan(keys=[first, SIGNER.announce(BOTH, 8)])
    assert life.book.trusted_keys() == [NEW.kid]


def test_a_station_that_was_away_for_two_changes_follows_the_one_and_then_the_other(life: KeyLife):
    farewells = [SIGNER.announce(BOTH, 3), NEW.announce([NEW.public_jwk, NEWER.public_jwk], 6)]
    newest = [NEWER.announce([NEWER.public_jwk], 7)]
    life.plan(NEWER.sign(programme("a", 12)), keys=[*newest, *reversed(farewells)])
    life.until(at(14), at(11))
    assert life.book.trusted_keys() == [NEWER.kid]
    assert life.heard == ["a_0"]


def test_a_set_of_keys_that_are_none_changes_nothing(life: KeyLife):
    broken: list[dict[str, Any]] = [{"kty": "OKP"}]
    life.plan(keys=[SIGNER.announce(broken, 4), SIGNER.announce(BOTH, 5)])
    assert set(life.book.trusted_keys()) == {SIGNER.kid, NEW.kid}


def test_a_ticket_that_is_signed_anew_is_played_once(life: KeyLife):
    ticket = programme("a", 12)
    life.plan(SIGNER.sign(ticket), keys=[SIGNER.announce(BOTH, 1)])
    life.until(at(13), at(11))
    life.plan(NEW.sign(ticket), keys=[NEW.announce([NEW.public_jwk], 2)], now=at(13))
    life.book.take_now(NowDocument(seq=3, plan="p", interrupts=[NEW.sign(ticket)]), at(13))
    life.until(at(15), at(13))
    assert life.heard == ["a_0"]
    assert len(life.store.outbox(10)) == 1


def test_stored_tickets_of_a_key_that_was_lost_make_it_ask_for_the_whole_plan(life: KeyLife):
    life.plan(NEW.sign(programme("a", 12)), keys=[SIGNER.announce(BOTH, 1)])
    life.home.change(server_keys=[SIGNER.public_jwk], keys_version=0)  # an old copy of the identity was put back
    life.restart(at(1))
    assert life.book.plan_etag is None
    life.plan(NEW.sign(programme("a", 12)), keys=[SIGNER.announce(BOTH, 1)], now=at(1))
    life.until(at(14), at(11))
    assert life.heard == ["a_0"]


# tokens
class Kept:
    def __init__(self) -> None:
        self.said: list[tuple[str, str | None]] = []
        self.full = False

    def __call__(self, token: str, spare: str | None) -> None:
        if self.full:
            raise NoSpace("full")
        self.said.append((token, spare))


def test_the_old_token_is_kept_until_the_new_one_was_accepted():
    kept = Kept()
    credentials = Credentials("old", None, kept)
    credentials.accepted("old")
    credentials.renewed("new")
    assert (credentials.token, kept.said) == ("new", [("new", "old")])
    credentials.accepted("old")  # a call that was on its way says nothing about the new one
    assert credentials.other("new") == "old"
    credentials.accepted("new")
    assert kept.said[-1] == ("new", None)
    assert credentials.other("old") == "new"  # a call that began with the old one is made again
    assert credentials.other("new") is None  # revoked is revoked


def test_a_new_token_that_never_became_good_is_forgotten():
    kept = Kept()
    credentials = Credentials("new", "old", kept)
    assert credentials.other("new") == "old"
    credentials.fall_back("old")
    assert (credentials.token, credentials.other("old"), kept.said) == ("old", None, [("old", None)])


def test_a_token_that_can_not_be_kept_is_not_used():
    kept = Kept()
    kept.full = True
    credentials = Credentials("old", None, kept)
    with pytest.raises(NoSpace):
        credentials.renewed("new")
    assert (credentials.token, credentials.other("old")) == ("old", None)


def test_keys_are_not_mixed_up_with_their_private_parts():
    assert "d" not in public_part(new_signing_key())
