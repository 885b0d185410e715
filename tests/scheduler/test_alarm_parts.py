"""What an emergency is made of: languages, signals, words about it, prepared messages, replacing, running out."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from audio.models import Clip
from core.errors import Conflict, InvalidInput, NotFound
from registry.models import Station
from scheduler import alarm_sounds, emergencies, prepared, signals
from scheduler.emergencies import Alarm, Said
from scheduler.models import Airing, Emergency
from scheduler.prepared import Source


def raised(village: Village, by: str = "approver", unit: str = "commune_a", now=None, **alarm) -> Emergency:
    wanted = Alarm(**({"audience": ("unit:79.1",), "signal": "none"} | alarm))
    with village.database.write() as session:
        emergency, _ = emergencies.raise_alarm(
            session, village.actor(by), village.unit(unit), wanted, signer=village.signer,
            default_zone="Asia/Ho_Chi_Minh", max_chars=1_000, now=now or village.clock(),
        )  # fmt: skip
        return emergency


def airings(village: Village, emergency: Emergency) -> list[Airing]:
    with village.database.read() as session:
        return emergencies.airings_of(session, [emergency.id])[emergency.id]


def issue(village: Village, now=NOW) -> int:
    with village.database.write() as session:
        return emergencies.issue_ready(session, village.signer, now)


def finish_all(village: Village, seconds: float = 10.0) -> None:
    with village.database.read() as session:
        waiting = session.exec(select(Clip.id).where(Clip.state == "queued")).all()
    for clip in waiting:
        village.finish_clip(clip, seconds)


def speaks(village: Village, short: str, *languages: str) -> None:
    with village.database.write() as session:
        station = session.get_one(Station, village.cast.stations[short])
        station.languages = list(languages)
        session.add(station)


def clip_of(village: Village, unit: str = "commune_a", seconds: float = 8.0) -> str:
    bulletin = village.bulletin(unit, text=f"Bản ghi {village.cast.units[unit]}.", until_state="draft", seconds=None)
    with village.database.read() as session:
        clip = session.exec(select(Clip.id).where(Clip.state == "queued")).one()
    village.finish_clip(clip, seconds)
    assert bulletin
    return clip


def message_of(village: Village, unit: str, by: str, kind: str = "flood") -> str:
    clip = clip_of(village, unit)
    with village.database.write() as session:
        return prepared.add(
            session, village.actor(by), village.unit(unit), kind=kind, title="Lũ lên nhanh", said=[Source(clip=clip)],
            valid_until=None, signer=village.signer, now=NOW,
        ).id  # fmt: skip


def test_stations_of_other_languages_get_airings_of_their_own_and_hear_each_of_theirs_once_in_their_order(
    village: Village,
):
    speaks(village, "a1", "tay", "vi")
    speaks(village, "a2", "en")
    said = (Said("vi", "Nước lũ đang lên."), Said("tay", clip=clip_of(village)))
    emergency = raised(village, said=said)
    finish_all(village)
    issue(village)
    by_names = {tuple(each.audience): village.ticket(each) for each in airings(village, emergency)}
    stations = village.cast.stations
    both = next(ticket for names, ticket in by_names.items() if f"station:{stations['a1']}" in names)
    assert [item.seconds for item in both.items] == [8.0, 10.0]
    assert {item.round for item in both.items} == {0}
    vietnamese = next(ticket for names, ticket in by_names.items() if f"station:{stations['a1']}" not in names)
    assert [item.seconds for item in vietnamese.items] == [10.0]
    heard = [name for names in by_names for name in names]
    assert len(heard) == len(set(heard))
    assert len(by_names) == 2


def test_stopping_stops_every_airing_of_it(village: Village):
    speaks(village, "a1", "tay")
    emergency = raised(village, said=(Said("vi", "Lũ lên."), Said("tay", clip=clip_of(village))))
    finish_all(village)
    issue(village)
    with village.database.write() as session:
        emergencies.stop(session, village.actor("approver"), emergency.id, NOW)
    assert {each.state for each in airings(village, emergency)} == {"withdrawn"}
    assert emergencies.stated(*airings(village, emergency)) == "stopped"


def test_the_siren_sounds_before_each_round_and_from_the_second_on_it_says_when_it_was_issued(village: Village):
    emergency = raised(village, text="Nước lũ đang lên.", signal="siren", times=3, every_s=120)
    finish_all(village, 6)
    issue(village)
    (airing,) = airings(village, emergency)
    items = village.ticket(airing).items
    assert [(item.round, bool(item.leads)) for item in items] == [
        (0, True), (0, False), (1, True), (1, True), (1, False), (2, True), (2, True), (2, False),
    ]  # fmt: skip
    assert [item.at for item in items if item.leads][0::2][:2] == [0, 120 + 6.4]
    assert items[0].clip == items[2].clip
    with village.database.read() as session:
        words = session.get_one(Clip, emergency.said[0]["words"])
    assert words.text == "Thông báo khẩn cấp, phát lúc 10 giờ 0 phút, ngày 23 tháng 11."
    assert words.kind == "words"


def test_a_repeated_recording_says_when_it_was_issued_too(village: Village):
    emergency = raised(village, clip=clip_of(village), times=2, every_s=60)
    assert emergency.said[0]["words"]
    finish_all(village, 5)
    issue(village)
    (airing,) = airings(village, emergency)
    assert [(item["round"], item["seconds"]) for item in airing.items] == [(0, 8.0), (1, 5.0), (1, 8.0)]


def test_signals_that_stand_by_make_a_recording_sound_in_the_transaction_that_raises_it(village: Village):
    with village.database.write() as session:
        signals.ensure(session, NOW)
    finish_all(village, 4.8)
    clip = clip_of(village)
    (airing,) = airings(village, raised(village, clip=clip, signal="siren"))
    assert airing.state == "issued"
    assert [item["seconds"] for item in airing.items] == [4.8, 8.0]


def test_without_its_siren_an_emergency_waits_a_moment_and_then_goes_without(village: Village):
    emergency = raised(village, clip=clip_of(village), signal="siren")
    assert issue(village, NOW + alarm_sounds.PATIENCE - timedelta(seconds=1)) == 0
    assert issue(village, NOW + alarm_sounds.PATIENCE) == 1
    assert len(airings(village, emergency)[0].items) == 1


def test_all_clear_has_no_siren(village: Village):
    assert raised(village, text="Hết lũ.", about="all_clear", signal="siren").signal == "chime"


def test_a_prepared_message_of_a_unit_above_is_on_air_at_once_with_what_it_says(village: Village):
    message = message_of(village, "province", "root")
    emergency = raised(village, source=f"prepared:{message}")
    (airing,) = airings(village, emergency)
    assert (airing.state, emergency.title, emergency.about) == ("issued", "Lũ lên nhanh", "flood")
    with village.database.write() as session:
        prepared.retire(session, village.actor("root"), message, NOW)
    with pytest.raises(Conflict):
        raised(village, source=f"prepared:{message}")


def test_a_prepared_message_of_another_commune_is_not_there(village: Village):
    message = message_of(village, "commune_b", "stranger")
    with pytest.raises(NotFound):
        raised(village, source=f"prepared:{message}")


def test_what_replaces_another_is_on_air_in_the_transaction_in_which_the_other_stops(village: Village):
    first = raised(village, clip=clip_of(village))
    second = raised(village, text="Thay bằng tin này.", replaces=first.id)
    assert airings(village, first)[0].state == "issued"  # nobody hears nothing
    finish_all(village)
    issue(village, NOW + timedelta(seconds=3))
    (old,), (new,) = airings(village, first), airings(village, second)
    assert (old.state, old.reason, new.state) == ("withdrawn", "replaced", "issued")
    assert old.withdrawn_at == new.issued_at


def test_what_could_not_be_said_replaces_nothing(village: Village):
    first = raised(village, clip=clip_of(village))
    second = raised(village, text="Hỏng.", replaces=first.id)
    village.finish_clip(second.clip_id, 0)
    issue(village)
    assert emergencies.stated(*airings(village, second)) == "failed"
    assert airings(village, first)[0].state == "issued"


def test_one_may_only_replace_where_one_may_raise(village: Village):
    other = raised(village, by="stranger", unit="commune_b", audience=("unit:79.2",), text="Bão.")
    with pytest.raises(NotFound):
        raised(village, text="Thay.", replaces=other.id)


def test_nothing_of_it_starts_at_or_after_its_end(village: Village):
    emergency = raised(
        village, clip=clip_of(village), times=5, every_s=60, until=NOW + timedelta(seconds=120), signal="none"
    )
    finish_all(village, 5)
    issue(village)
    (airing,) = airings(village, emergency)
    assert {item["round"] for item in airing.items} == {0, 1}
    assert airing.not_after == NOW + timedelta(seconds=120)
    assert {item.not_after for item in village.ticket(airing).items} == {NOW + timedelta(seconds=120)}
    late = raised(village, text="Muộn.", until=NOW + timedelta(seconds=30))
    finish_all(village)
    issue(village, NOW + timedelta(seconds=31))
    assert emergencies.stated(*airings(village, late)) == "failed"


def test_a_drill_says_so_and_is_no_emergency(village: Village):
    emergency = raised(village, clip=clip_of(village), drill=True, source="drill:x")
    finish_all(village, 3)
    issue(village)
    (airing,) = airings(village, emergency)
    ticket = village.ticket(airing)
    assert (ticket.kind, ticket.priority, ticket.volume, ticket.severity) == ("test", "priority", None, None)
    with village.database.read() as session:
        words = session.get_one(Clip, emergency.said[0]["words"])
    assert words.text == "Đây là diễn tập, không phải tình huống thật."
    assert [item.seconds for item in ticket.items] == [3.0, 8.0]


def test_the_severity_stands_in_the_ticket(village: Village):
    emergency = raised(village, clip=clip_of(village), severity="minor")
    assert village.ticket(airings(village, emergency)[0]).severity == "minor"


@pytest.mark.parametrize(
    "wrong",
    [{"signal": "horn"}, {"severity": "huge"}, {"about": "party"}, {"until": NOW}, {"text": "x", "said": (Said("vi", "y"),)},
     {"said": (Said("vi", "a"), Said("vi", "b"))}, {"said": (Said("not a code", "a"),)},
     {"text": "x", "replaces": "em_x", "also_replaces": tuple(f"em_{n}" for n in range(20))}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(village: Village, wrong: dict):
    with pytest.raises(InvalidInput):
        raised(village, **({"text": "Lũ."} | wrong if "said" not in wrong else wrong))
