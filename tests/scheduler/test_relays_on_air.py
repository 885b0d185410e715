"""Relays on their way to stations: what tickets say, what a SIM card pays, and who is told when one is down."""

import threading
from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from audio.relays.looking import Looked
from audio.relays.pull import Probed
from core.errors import EngineFailed
from core.outside import Outside
from core.settings import relay_secret
from playlists import libraries, programmes, relays
from playlists.models import BulletinVersion, RelaySource
from playlists.programmes import Entry
from playlists.relays import Relay
from registry.models import GroupMember
from scheduler import broadcast, explaining, housekeeping, minutes, relay_checks, series, simdata, troubles
from scheduler.models import Trouble

VOV, HLS = "https://vov.example/vov1.mp3", "https://tinh.example/live.m3u8"
HOUR = timedelta(hours=1)


def programme(village: Village, url: str = VOV, seconds: float = 1_800, kind: str = "mp3", **more) -> tuple[str, str]:
    """A programme of a bulletin and a relay, with a recording in its stead; ids of programme and recording."""
    bulletin = village.bulletin(seconds=20)
    with village.database.write() as session:
        relays.note(session, [Looked(url, kind, "Đài", url)], NOW)
        clip = session.exec(select(BulletinVersion.clip_id).where(BulletinVersion.bulletin_id == bulletin)).one()
    return village.programme(bulletin, entries=[Entry(relay=Relay(url, seconds, "VOV1", clip, **more))]), clip


def items(village: Village) -> list:
    village.roll()
    return village.ticket(village.airings()[0]).items


@pytest.fixture
def reachable(village: Village) -> Village:
    """A village whose stations know the server's address."""
    village.settings = village.settings.model_copy(update={"public_url": "https://loa.example/"})
    return village


def test_a_ticket_has_the_relay_with_its_exact_seconds_its_title_and_what_plays_in_its_stead(village: Village):
    made, clip = programme(village)
    village.slot(made, NOW + HOUR)
    word, relay = items(village)
    assert (word.at, word.seconds, word.relay) == (0, 20, None)
    assert (relay.at, relay.seconds, relay.title, relay.relay, relay.clip) == (20, 1_800, "VOV1", VOV, None)
    assert relay.fallback == word.clip
    airing = village.airings()[0]
    assert airing.ends_at - airing.starts_at == timedelta(seconds=1_820)
    assert airing.items[1]["source"] == VOV
    with village.database.read() as session:  # the radio of the place plays what plays in its stead, over and over
        place = broadcast.spot(session, "79.1")
        script = broadcast.read(session, place, village.settings.zone, NOW)
        sound = next(iter(script.passages(airing.ends_at, {})[1:]))
        assert (sound.title, sound.again, sound.sha256) == ("VOV1", True, word.clip.mp3.sha256)
    hashes = {"mp3": word.clip.mp3.sha256, "opus": word.clip.opus.sha256}
    village.clock.advance(days=200)
    housekeeping.collect(village.database, village.store, village.clock())
    assert village.store.path(hashes["mp3"], "mp3").is_file()
    assert clip


def test_a_slot_that_must_end_shortens_the_relay_and_nothing_else(village: Village):
    made, _ = programme(village)
    village.slot(made, NOW + HOUR, max_minutes=10)
    assert [(each.at, each.seconds) for each in items(village)] == [(0, 20), (20, 580)]


def test_the_server_fetches_for_many_and_what_stations_cannot_play(reachable: Village):
    secret = relay_secret(reachable.settings)
    for url, kind, to, more, by_server in (
        (VOV, "mp3", ["unit:79.1"], {}, True),
        (VOV, "mp3", [f"station:{reachable.cast.stations['a1']}"], {}, False),
        (VOV, "mp3", ["unit:79.1"], {"via": "station"}, False),
        (VOV, "mp3", [f"station:{reachable.cast.stations['a1']}"], {"via": "server"}, True),
        (HLS, "hls", [f"station:{reachable.cast.stations['a1']}"], {}, True),
    ):
        made, _ = programme(reachable, url, kind=kind, **more)
        slot = reachable.slot(made, NOW + HOUR, to=to)
        relay = items(reachable)[1].relay
        assert relay == (relays.address("https://loa.example", secret, url) if by_server else url), (url, to, more)
        reachable.withdraw_slot(slot)
        reachable.roll()


def test_a_second_station_makes_it_the_servers_business(reachable: Village):
    group = reachable.group("commune_a", "a1")
    made, _ = programme(reachable)
    reachable.slot(made, NOW + HOUR, to=[f"group:{group}"])
    assert items(reachable)[1].relay == VOV
    with reachable.database.write() as session:
        session.add(GroupMember(group_id=group, station_id=reachable.cast.stations["a2"]))
    assert items(reachable)[1].relay.startswith("https://loa.example/api/v1/relay/")


def test_a_relay_weighs_its_minutes_and_its_substitute_once(village: Village):
    made, clip = programme(village, seconds=600)
    slot = village.slot(made, NOW + HOUR, "FREQ=DAILY")
    village.roll()
    with village.database.read() as session:
        one = next(each for each in village.slots() if each.id == slot)
        library = libraries.load(session, [made])
        bytes_ = simdata.of_wish(library, series.one(session, one), NOW, "mp3", 1_000)
        station = village.cast.stations["a1"]
        unit = village.cast.units["commune_a"]
        use = simdata.of_stations(session, {station: ([f"unit:{unit}"], "mp3")}, NOW)[station]
    size = library.clips[clip].mp3_bytes
    assert bytes_ == 30 * 600 * 8_000 + size
    planned = len(village.airings())
    assert use.clips == pytest.approx(30 / max(use.observed_days, 1) * planned * 600 * 8_000 + size, rel=0.02)


def test_what_sounds_is_explained_and_counted_with_a_relay_in_it(village: Village):
    made, _ = programme(village, seconds=600)
    village.slot(made, NOW + HOUR)
    village.roll()
    with village.database.read() as session:
        told = explaining.explain(
            session, village.actor("viewer"), village.cast.stations["a1"], NOW + HOUR + timedelta(minutes=5),
            default_zone=village.settings.zone, now=NOW,
        )  # fmt: skip
        assert told.item is not None
        assert (told.item.title, told.item.until - told.item.since) == ("VOV1", timedelta(minutes=10))
        found = minutes.counted(session, village.unit("commune_a"), village.airings())
    assert found.total == pytest.approx((20 + 600) / 60)
    assert found.fields[""] == pytest.approx(10)


class Ear:
    """Stands for the door to broadcasters: says what is set of each, and how many were listened to at once."""

    def __init__(self, **found: Probed | Exception) -> None:
        self.found, self.asked, self.at_once = found, [], 0
        self._lock, self._now = threading.Lock(), 0
        self._both = threading.Event()

    def __call__(self, url: str) -> Probed:
        with self._lock:
            self._now += 1
            self.asked.append(url)
            self.at_once = max(self.at_once, self._now)
            if self._now == relay_checks.AT_ONCE:
                self._both.set()
        self._both.wait(0.05)
        with self._lock:
            self._now -= 1
        found = self.found.get(url.partition("//")[2].partition(".")[0], probed(url))
        if isinstance(found, Exception):
            raise found
        return found


def probed(url: str = VOV, level: float = -20.0, demuxer: str = "mp3") -> Probed:
    return Probed(url, demuxer, "Đài", 6.0, level)


def standing(village: Village) -> list[Trouble]:
    with village.database.read() as session:
        return [each for each in troubles.standing(session) if each.kind == "relay"]


def check(village: Village, ear: Ear) -> int:
    return relay_checks.check(village.database, Outside(), village.clock(), ear)


def test_a_relay_is_listened_to_a_quarter_of_an_hour_before_and_every_five_minutes(village: Village):
    made, _ = programme(village)
    village.slot(made, NOW + HOUR)
    village.roll()
    ear = Ear()
    asked = []
    for minute in range(100):
        village.clock.at = NOW + timedelta(minutes=minute)
        if check(village, ear):
            asked.append(minute)
    # From 15 minutes before it begins (20 s into the airing) until it is over.
    assert asked == [46, 51, 56, 61, 66, 71, 76, 81, 86]
    assert set(ear.asked) == {VOV}
    with village.database.read() as session:
        row = session.get_one(RelaySource, relays.id_of(VOV))
        assert (row.state, row.why, row.checked_at) == ("up", "", NOW + timedelta(minutes=86))
    assert not standing(village)


@pytest.mark.parametrize(
    ("found", "state", "said"),
    [(EngineFailed("no sound at all"), "down", "no sound at all"), (probed(level=-80), "silent", "silence")],
)
def test_who_relays_it_is_told_once_when_it_is_down_or_silent_until_it_is_back(
    village: Village, found: Probed | Exception, state: str, said: str
):
    made, _ = programme(village)
    village.slot(made, NOW + timedelta(minutes=10))
    village.roll()
    ear = Ear(vov=found)
    check(village, ear)
    (trouble,) = standing(village)
    assert trouble.unit_id == village.cast.units["commune_a"]
    assert said in trouble.what
    with village.database.read() as session:
        assert session.get_one(RelaySource, relays.id_of(VOV)).state == state
        assert [each.kind for each, _ in troubles.visible(session, village.actor("viewer"))] == ["relay"]
        assert not troubles.visible(session, village.actor("stranger"))
    for _ in range(3):
        village.clock.advance(minutes=6)
        check(village, ear)
    assert len(standing(village)) == 1
    village.clock.advance(hours=3)  # the airing is over; it is listened to now and then until it is back
    assert check(village, ear) == 1
    village.clock.advance(minutes=6)
    assert check(village, ear) == 0
    ear.found.clear()
    village.clock.advance(minutes=30)
    check(village, ear)
    assert not standing(village)


def test_what_nobody_relays_any_more_is_no_trouble(village: Village):
    made, _ = programme(village)
    slot = village.slot(made, NOW + timedelta(minutes=10))
    village.roll()
    check(village, Ear(vov=EngineFailed("down")))
    assert standing(village)
    village.withdraw_slot(slot)
    with village.database.write() as session:
        programmes.edit(
            session, village.actor("root"), made, "x", [Entry(bulletin=village_bulletin(session))], village.clock()
        )  # fmt: skip
    village.roll()
    check(village, Ear())
    assert not standing(village)


def village_bulletin(session) -> str:
    return session.exec(select(BulletinVersion.bulletin_id)).first()


def test_two_are_listened_to_at_once_and_one_that_never_answers_holds_nobody_up(
    village: Village, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_checks, "PATIENCE_SECONDS", 0.3)
    for number in range(6):
        made, _ = programme(village, f"https://d{number}.example/")
        village.slot(made, NOW + timedelta(minutes=2 + number * 2), max_minutes=1)
    village.roll()
    never = threading.Event()
    ear = Ear(d3=EngineFailed("down"))

    def listen(url: str) -> Probed:
        if "d1" in url:
            never.wait(20)
        return ear(url)

    done = [relay_checks.check(village.database, Outside(), NOW, listen) for _ in range(3)]
    never.set()
    assert done == [4, 2, 0]
    assert ear.at_once == relay_checks.AT_ONCE
    assert len(standing(village)) == 2


def test_an_address_that_nobody_names_is_forgotten_after_a_month(village: Village):
    made, _ = programme(village)
    with village.database.write() as session:
        relays.note(session, [Looked(HLS, "hls", "", HLS)], NOW)
        relays.forget_unused(session, NOW + timedelta(days=29))
        assert set(relays.known(session, [VOV, HLS])) == {VOV, HLS}
        relays.forget_unused(session, NOW + timedelta(days=31))
        assert set(relays.known(session, [VOV, HLS])) == {VOV}
    assert made
