"""A bulletin in several languages: each station hears its own, and nobody hears two airings of one occurrence."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select
from village import NOW, Village

from audio import clips, voicing
from audio.voicing import Manner
from core.errors import Conflict, InvalidInput, LoaError
from playlists import bulletins, renditions
from playlists.models import BulletinVersion
from playlists.renditions import Other
from registry import stations
from scheduler import audience, listeners
from scheduler.listeners import Network
from scheduler.models import Airing

HMONG, ENGLISH = "hmn", "en"


def speaks(village: Village, station: str, *languages: str) -> None:
    with village.database.write() as session:
        found, _ = stations.find(session, village.actor("root"), village.cast.stations[station])
        stations.edit(
            session, village.actor("root"), found.id, name=found.name, latitude=None, longitude=None,
            languages=list(languages), now=village.clock(),
        )  # fmt: skip


def in_languages(village: Village, *languages: str, ready: bool = True, **draft) -> str:
    """An approved bulletin: 20 s of Vietnamese, 31 s of the first other language, 32 s of the next."""
    others = tuple(Other(language, text=f"Nội dung bằng {language}") for language in languages)
    with village.database.write() as session:
        version = bulletins.create(
            session, village.actor("root"), village.unit("commune_a"),
            bulletins.Draft(title="Tiêm chủng", text="Mời bà con đi tiêm.", others=others, **draft),
            max_chars=20_000, now=village.clock(),
        )  # fmt: skip
        made = [clip.id for _, clip in renditions.with_clips(session, version)]
    if ready:
        for seconds, clip in zip((20.0, 31.0, 32.0), (version.clip_id, *made), strict=False):
            village.finish_clip(clip, seconds)
    village._bring(version.bulletin_id, "approved")
    return version.bulletin_id


def on_air(village: Village, bulletin: str, to=("unit:79.1",), **slot) -> str:
    return village.slot(village.programme(bulletin), NOW + timedelta(hours=1), to=to, **slot)


def heard_by(village: Village) -> dict[str, list[list[float]]]:
    """Station → for each airing that reaches it, the seconds of its items."""
    found: dict[str, list[list[float]]] = {}
    names = {identity: short for short, identity in village.cast.stations.items()}
    for airing in village.airings():
        with village.database.read() as session:
            reached = audience.station_ids(session, airing.audience)
        for station in reached:
            found.setdefault(names[station], []).append([item["seconds"] for item in airing.items])
    return found


def test_each_station_hears_the_languages_of_its_list_in_its_order(village: Village):
    speaks(village, "a1", HMONG)
    speaks(village, "a1_dyke", HMONG, "vi")
    speaks(village, "a2", ENGLISH)
    on_air(village, in_languages(village, HMONG))
    village.roll()
    heard = heard_by(village)
    assert heard["a1"] == [[31.0]]
    assert heard["a1_dyke"] == [[31.0, 20.0]]
    assert heard["a2"] == [[20.0]]  # it has no English: as it was written
    assert heard["a_hall"] == [[20.0]]
    assert "b1" not in heard


def test_a_ticket_names_the_stations_it_is_for_and_all_say_the_same_occurrence(village: Village):
    speaks(village, "a1", HMONG)
    on_air(village, in_languages(village, HMONG))
    village.roll()
    tickets = [village.ticket(airing) for airing in village.airings()]
    a1, dyke, hall = (f"station:{village.cast.stations[each]}" for each in ("a1", "a1_dyke", "a_hall"))
    assert {frozenset(ticket.audience) for ticket in tickets} == {
        frozenset({a1}), frozenset({dyke, hall, "unit:79.1.2"})
    }  # fmt: skip
    assert len({ticket.occurrence for ticket in tickets}) == 1


def test_one_language_makes_one_airing_whatever_the_stations_speak(village: Village):
    speaks(village, "a1", HMONG)
    on_air(village, village.bulletin())
    village.roll()
    (airing,) = village.airings()
    assert (airing.variant, airing.audience) == ("", [f"unit:{village.cast.units['commune_a']}"])


def test_a_whole_unit_that_speaks_otherwise_is_named_as_a_unit(village: Village):
    for station in ("a1", "a1_dyke"):
        speaks(village, station, HMONG, "vi")
    on_air(village, in_languages(village, HMONG))
    village.roll()
    audiences = [village.ticket(airing).audience for airing in village.airings()]
    assert ["unit:79.1.1"] in audiences


def test_rolling_again_changes_nothing(village: Village):
    speaks(village, "a1", HMONG)
    on_air(village, in_languages(village, HMONG), rrule="FREQ=DAILY")
    assert village.roll() == 16
    assert village.roll() == 0


def test_a_station_that_learns_a_language_gets_it_from_the_next_airing_on(village: Village):
    on_air(village, in_languages(village, HMONG), rrule="FREQ=DAILY")
    village.roll()
    assert {a.variant for a in village.airings()} == {""}
    village.clock.advance(hours=1, seconds=5)  # the first one sounds
    speaks(village, "a1", HMONG)
    village.roll()
    sounding = [a for a in village.airings(live=False) if a.starts_at == NOW + timedelta(hours=1)]
    assert [(a.variant, a.state) for a in sounding] == [("", "issued")]
    tomorrow = [a for a in village.airings() if a.starts_at == NOW + timedelta(hours=25)]
    assert len(tomorrow) == 2
    assert {"hmn", "vi"} == {a.variant for a in tomorrow}


def test_the_plan_of_a_station_holds_its_own_version_only(village: Village, callers):
    speaks(village, "a1", HMONG)
    on_air(village, in_languages(village, HMONG))
    village.roll()
    for short, seconds in (("a1", 31.0), ("a1_dyke", 20.0)):
        plan = callers.station(short).get("/plan").get_json()
        tickets = [village.verifier.verify(each) for each in plan["airings"]]
        assert [[item.seconds for item in ticket.items] for ticket in tickets] == [[seconds]]
    assert callers.station("a1").get("/plan").get_json()["settings"]["languages"] == [HMONG]


def test_read_twice_sounds_twice_and_is_fetched_once(village: Village):
    on_air(village, in_languages(village, HMONG, twice=True))
    speaks(village, "a1", "vi", HMONG)
    village.roll()
    heard = heard_by(village)
    assert heard["a1"] == [[20.0, 31.0, 20.0, 31.0]]
    assert heard["a2"] == [[20.0, 20.0]]
    (plain,) = [a for a in village.airings() if len(a.items) == 2]
    assert len({item["clip"]["opus"]["sha256"] for item in plain.items}) == 1
    assert plain.ends_at - plain.starts_at == timedelta(seconds=40)


def test_an_airing_waits_for_the_recordings_of_those_who_hear_them(village: Village):
    speaks(village, "a1", HMONG)
    bulletin = in_languages(village, HMONG, ready=False)
    on_air(village, bulletin)
    with village.database.read() as session:
        version = session.exec(select(BulletinVersion).where(BulletinVersion.bulletin_id == bulletin)).one()
    village.finish_clip(version.clip_id)
    village.roll()
    assert {a.variant: (a.state, a.reason) for a in village.airings()} == {
        "vi": ("issued", ""), "hmn": ("planned", "rendering")
    }  # fmt: skip


def test_what_is_withdrawn_stops_in_every_language(village: Village):
    speaks(village, "a1", HMONG)
    bulletin = in_languages(village, HMONG)
    on_air(village, bulletin)
    village.roll()
    village.clock.advance(hours=1, seconds=3)
    village.withdraw_bulletin(bulletin)
    village.roll()
    assert village.airings() == []
    assert {a.reason for a in village.airings(live=False)} == {"bulletin_withdrawn"}


def test_a_failed_recording_in_one_language_keeps_the_bulletin_from_being_submitted(village: Village):
    with village.database.write() as session:
        version = bulletins.create(
            session, village.actor("root"), village.unit("commune_a"),
            bulletins.Draft(title="Họp", text="Mời họp.", others=(Other(ENGLISH, text="Please come."),)),
            max_chars=20_000, now=NOW,
        )  # fmt: skip
        ((_, other),) = renditions.with_clips(session, version)
        other.state = "failed"
        session.add(other)
    village.finish_clip(version.clip_id)
    with pytest.raises(Conflict), village.database.write() as session:
        bulletins.submit(session, village.actor("root"), version.bulletin_id, NOW)


@pytest.mark.parametrize(
    "others",
    [
        (Other("vi", text="Hai lần tiếng Việt"),),
        (Other(ENGLISH, text="Once"), Other("EN", text="Twice")),
        (Other(ENGLISH),),
        (Other(ENGLISH, text="both", clip="cl_x"),),
        (Other("không phải mã", text="x"),),
        tuple(Other(f"x{n}", text="too many") for n in range(10)),
    ],
)
def test_versions_that_make_no_sense_are_refused_and_nothing_is_stored(village: Village, others):
    wanted = bulletins.Draft(title="Họp", text="Mời họp.", others=others)
    with pytest.raises(InvalidInput), village.database.write() as session:
        bulletins.create(session, village.actor("root"), village.unit("commune_a"), wanted, max_chars=99, now=NOW)
    with village.database.read() as session:
        assert session.exec(select(BulletinVersion)).all() == []


def test_rewriting_a_draft_replaces_its_languages_and_an_approved_one_keeps_its_own(village: Village):
    bulletin = in_languages(village, HMONG)
    with village.database.write() as session:
        fresh = bulletins.edit(
            session, village.actor("root"), bulletin, bulletins.Draft(title="Họp", text="Mới."), max_chars=99, now=NOW
        )
        old = bulletins.versions(session, bulletin)[1]
        assert [row.language for row, _ in renditions.with_clips(session, old)] == [HMONG]
        assert renditions.with_clips(session, fresh) == []


def test_the_interface_takes_and_shows_the_languages(village: Village, callers):
    made = callers["writer"].post(
        "/bulletins",
        {
            "unit": "79.1", "title": "Lịch tiêm", "text": "Mời bà con.", "read_twice": True,
            "versions": [{"language": "en", "text": "Vaccination today."}],
        },
    )  # fmt: skip
    assert made.status_code == 201
    body = made.get_json()
    assert body["read_twice"] is True
    assert [(each["language"], each["text"], each["clip_state"]) for each in body["versions"]] == [
        ("en", "Vaccination today.", "queued")
    ]
    assert callers["viewer"].get(f"/bulletins/{body['id']}").get_json()["versions"] == body["versions"]
    twice = [{"language": "vi", "text": "lại"}]
    refused = callers["writer"].post("/bulletins", {"unit": "79.1", "title": "x", "text": "y", "versions": twice})
    assert refused.status_code == 422
    station = village.cast.stations["a1"]
    changed = callers["operator"].put(f"/stations/{station}", {"languages": ["hmn", "vi", "HMN"]})
    assert changed.get_json()["languages"] == ["hmn", "vi"]
    assert changed.get_json()["name"] == "a1"
    assert callers["writer"].put(f"/stations/{station}", {"languages": ["vi"]}).status_code == 403
    assert callers["operator"].put(f"/stations/{station}", {"languages": []}).status_code == 422


def test_a_recording_of_another_unit_can_not_be_slipped_in_as_a_language(village: Village):
    with village.database.write() as session:
        foreign = clips.request_recording(
            session, unit_id=village.cast.units["commune_b"], upload="up_x", title="x", created_by="x", now=NOW
        )
        wanted = bulletins.Draft(title="Họp", text="Mời họp.", others=(Other(HMONG, clip=foreign.id),))
        with pytest.raises(LoaError):
            bulletins.create(session, village.actor("writer"), village.unit("commune_a"), wanted, max_chars=99, now=NOW)


@st.composite
def networks(draw):
    """Three levels of units, stations anywhere with any lists, groups across them, and an audience."""
    network = Network()
    for n in range(draw(st.integers(1, 7))):
        above = draw(st.sampled_from([None, *network.paths]))
        network.paths[f"u{n}"] = f"{network.paths[above] if above else '/'}u{n}/"
    lists = st.lists(st.sampled_from(["vi", "hmn", "en"]), min_size=1, max_size=3, unique=True)
    for n in range(draw(st.integers(0, 12))):
        network.home[f"s{n}"] = network.paths[draw(st.sampled_from(sorted(network.paths)))]
        network.languages[f"s{n}"] = tuple(draw(lists))
    for n in range(draw(st.integers(0, 2))):
        network.members[f"g{n}"] = draw(st.lists(st.sampled_from(sorted(network.home) or ["s0"]), unique=True))
    names = [f"unit:{u}" for u in network.paths] + [f"group:{g}" for g in network.members]
    names += [f"station:{s}" for s in network.home]
    return network, draw(st.lists(st.sampled_from(names), min_size=1, unique=True))


@given(networks())
def test_parts_of_an_audience_have_no_station_in_common_and_leave_none_out(drawn):
    network, names = drawn
    parts = listeners.parted(network, names, lambda spoken: tuple(each for each in spoken if each != "en"))
    reached = [set().union(*listeners._below(network, part.names).values()) for part in parts]
    whole = set().union(*listeners._below(network, names).values())
    assert set().union(*reached) == whole
    assert sum(len(each) for each in reached) == len(whole)
    assert len({part.variant for part in parts}) == len(parts)
    for part, stations_of in zip(parts, reached, strict=True):
        assert {tuple(e for e in network.languages[s] if e != "en") for s in stations_of} <= {part.languages}


def test_there_is_one_live_airing_an_occurrence_and_variant(village: Village):
    speaks(village, "a1", HMONG)
    on_air(village, in_languages(village, HMONG))
    village.roll()
    first = village.airings()[0]
    double = Airing(**first.model_dump(exclude={"id"}), id="air_double")
    with pytest.raises(Exception, match=r"UNIQUE|unique"), village.database.write() as session:
        session.add(double)


def test_a_unit_that_usually_reads_twice_does_so_unless_the_writer_says_otherwise(village: Village):
    with village.database.write() as session:
        voicing.put(session, village.actor("root"), village.unit("commune_a"), "vi", Manner(twice=True), NOW)
    usual, once = in_languages(village), in_languages(village, twice=False)
    with village.database.read() as session:
        twice = dict(session.exec(select(BulletinVersion.bulletin_id, BulletinVersion.twice)).all())
    assert (twice[usual], twice[once]) == (True, False)
