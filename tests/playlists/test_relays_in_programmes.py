"""Relays as items of programmes: what may be put in, how long they last, and who fetches them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select
from village import NOW, Village

from audio.relays.looking import Looked
from core.errors import Forbidden, InvalidInput, LoaError, NotFound
from core.outside import OutsideFailed
from playlists import libraries, programmes, relays, resolving
from playlists.fitting import LEAST_RELAY_SECONDS, fitted
from playlists.models import BulletinVersion
from playlists.parts import NO_FILES, Part
from playlists.programmes import Entry
from playlists.relays import Relay

VOV = "https://vov.example/vov1.mp3"


def known(village: Village, url: str = VOV, kind: str = "mp3", name: str = "VOV1") -> str:
    with village.database.write() as session:
        relays.note(session, [Looked(url, kind, name, url)], NOW)
    return url


def clip_of(village: Village, bulletin: str) -> str:
    with village.database.read() as session:
        query = select(BulletinVersion.clip_id).where(BulletinVersion.bulletin_id == bulletin)
        return session.exec(query).one()


def part(name: str, seconds: float, **more) -> Part:
    return Part(name, seconds, NO_FILES, "x", f"bu_{name}", f"cl_{name}", **more)


def relay(name: str, seconds: float, **more) -> Part:
    return Part(name, seconds, NO_FILES, "x", None, "", relay=f"https://{name}.example/", relay_kind="mp3", **more)


def lengths(fit) -> list[tuple[str, float]]:
    return [(each.title, each.seconds) for each in fit.parts]


def test_a_relay_lasts_exactly_as_long_as_it_says(village: Village):
    bulletin = village.bulletin(seconds=20)
    clip = clip_of(village, bulletin)
    entry = Entry(relay=Relay(known(village), 1_800, fallback=clip))
    made = village.programme(bulletin, entries=[entry])
    with village.database.read() as session:
        library = libraries.load(session, [made])
    found = resolving.resolve(library, made, NOW)
    assert [(each.title, each.seconds) for each in found.parts] == [("Mời họp", 20.0), ("VOV1", 1_800)]
    assert (found.parts[1].relay, found.parts[1].clip_id) == (VOV, clip)
    assert found.parts[1].approved_by == "root"
    assert resolving.expected_seconds(library, made, NOW) == 1_820


def test_only_who_may_approve_puts_a_relay_in_and_only_one_that_was_tried(village: Village):
    with village.database.write() as session, pytest.raises(Forbidden):
        programmes.create(
            session, village.actor("writer"), village.unit("commune_a"), "x", [Entry(relay=Relay(VOV, 60))], NOW
        )
    with pytest.raises(InvalidInput, match="tried"):
        village.programme(entries=[Entry(relay=Relay(VOV, 60))])
    known(village)
    village.programme(entries=[Entry(relay=Relay(VOV, 60))])
    with village.database.read() as session, pytest.raises(Forbidden):
        relays.to_try(
            session, village.actor("writer"), village.unit("commune_a"), [Relay(VOV, 60)], None, can_serve=True
        )


@pytest.mark.parametrize(
    "wrong",
    [
        Relay("ftp://x.example/", 60), Relay("https://user:secret@x.example/", 60), Relay("x", 60), Relay("", 60),
        Relay(f"https://x.example/{'x' * 500}", 60), Relay(VOV, 9.9), Relay(VOV, 86_401), Relay(VOV, math.nan),
        Relay(VOV, math.inf), Relay(VOV, 60, via="satellite"), Relay(VOV, 60, title="x" * 201),
        Relay("https://x.example/\r\nHost: y", 60), Relay("https://x.example/a b", 60),
    ],
)  # fmt: skip
def test_what_can_be_no_relay_is_refused_beside_its_field(village: Village, wrong: Relay):
    known(village)
    with pytest.raises(InvalidInput) as refused:
        village.programme(entries=[Entry(relay=wrong)])
    assert refused.value.fields


def test_the_substitute_is_a_recording_that_is_ready_and_seen_by_the_unit(village: Village):
    known(village)
    theirs = village.bulletin("commune_b")
    unready = village.bulletin(seconds=None, text="Chưa xong")
    for clip, kind in (
        (clip_of(village, theirs), LoaError), (clip_of(village, unready), InvalidInput), ("cl_none", NotFound),
    ):  # fmt: skip
        with pytest.raises(kind):
            village.programme(entries=[Entry(relay=Relay(VOV, 60, fallback=clip))])
    with pytest.raises(InvalidInput, match="at most 10 relays"):
        village.programme(entries=[Entry(relay=Relay(VOV, 60))] * 11)


def test_relays_are_shortened_only_where_the_time_there_is_demands_it():
    parts = [part("a", 20), relay("V", 1_800), part("b", 40)]
    assert lengths(fitted(parts, [], NOW, None, fill=False)) == [("a", 20), ("V", 1_800), ("b", 40)]
    assert lengths(fitted(parts, [], NOW, 1_860, fill=True)) == [("a", 20), ("V", 1_800), ("b", 40)]
    assert lengths(fitted(parts, [], NOW, 600, fill=False)) == [("a", 20), ("V", 540), ("b", 40)]
    fit = fitted(parts, [], NOW, 65, fill=False)
    assert (lengths(fit), fit.left_out) == ([("a", 20), ("b", 40)], (("V", "no_room"),))
    two = fitted([relay("V", 300), relay("T", 300)], [], NOW, 450, fill=False)
    assert lengths(two) == [("V", 300), ("T", 150)]
    assert lengths(fitted([part("a", 100), relay("V", 60)], [], NOW, 80, fill=False)) == [("V", 60)]


def test_a_relay_that_fills_takes_the_room_there_is():
    fills = [relay("V", 600, role="fill"), part("x", 15, role="fill")]
    assert lengths(fitted([part("a", 20)], fills, NOW, 200, fill=True)) == [("a", 20), ("V", 180)]
    assert lengths(fitted([part("a", 20)], fills, NOW, 650, fill=True)) == [("a", 20), ("V", 600), ("x", 15), ("x", 15)]
    assert lengths(fitted([part("a", 20)], fills, NOW, 25, fill=True)) == [("a", 20)]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(10, 400)), min_size=1, max_size=8), st.integers(1, 900), st.booleans()
)
def test_what_fits_fits_and_no_relay_is_longer_than_it_says(wanted, most: int, fill: bool):
    parts = [relay(str(n), s) if is_relay else part(str(n), s) for n, (is_relay, s) in enumerate(wanted)]
    fit = fitted(parts, [relay("f", 300, role="fill")], NOW, most, fill=fill)
    assert fit.seconds <= most
    given_ = {each.title: each for each in parts}
    for each in fit.parts:
        if each.title in given_ and not each.relay:
            assert each == given_[each.title]
        elif each.relay:
            assert LEAST_RELAY_SECONDS <= each.seconds <= (given_[each.title].seconds if each.title != "f" else 300)


def test_who_fetches_it():
    def fetched(kind: str, via: str, *, can_serve: bool = True, many: bool = True) -> bool:
        return relays.by_server(kind, via, can_serve=can_serve, many=many)

    assert fetched("mp3", "auto")
    assert not fetched("mp3", "auto", many=False)
    assert fetched("hls", "auto", many=False)
    assert not fetched("mp3", "station")
    assert fetched("mp3", "server", many=False)
    assert not fetched("hls", "auto", can_serve=False)


def test_where_nobody_could_fetch_it_the_administrator_is_told_what_to_set():
    def looked(kind: str):
        return lambda url: Looked(url, kind, "", url)

    for via, kind in (("server", "mp3"), ("auto", "hls"), ("auto", "aac"), ("auto", "playlist")):
        with pytest.raises(InvalidInput, match="public_url") as refused:
            relays.tried([Relay(VOV, 60, via=via)], looked(kind), can_serve=False)
        assert refused.value.fields == {"items": "via"}
        assert relays.tried([Relay(VOV, 60, via=via)], looked(kind), can_serve=True)[0].kind == kind
    with pytest.raises(InvalidInput, match="HLS"):
        relays.tried([Relay(VOV, 60, via="station")], looked("hls"), can_serve=True)
    assert relays.tried([Relay(VOV, 60, via="auto")], looked("ogg"), can_serve=False)


def test_an_address_is_tried_once_and_one_that_is_in_the_programme_already_not_again(village: Village):
    asked = []

    def look(url: str) -> Looked:
        asked.append(url)
        if "down" in url:
            raise OutsideFailed("it is down")
        return Looked(url, "mp3", "", url)

    assert len(relays.tried([Relay(VOV, 60), Relay(VOV, 90)], look, can_serve=False)) == 1
    assert asked == [VOV]
    with pytest.raises(InvalidInput, match="it is down"):
        relays.tried([Relay("http://down.example/", 60)], look, can_serve=False)
    made = village.programme(entries=[Entry(relay=Relay(known(village), 60))])
    with village.database.read() as session:
        fresh = relays.to_try(
            session, village.actor("root"), village.unit("commune_a"), [Relay(VOV, 90), Relay(f"{VOV}?2", 90)], made,
            can_serve=False,
        )  # fmt: skip
        assert [each.url for each in fresh] == [f"{VOV}?2"]
        with pytest.raises(InvalidInput, match="public_url"):
            relays.to_try(
                session, village.actor("root"), village.unit("commune_a"), [Relay(VOV, 90, via="server")], made,
                can_serve=False,
            )  # fmt: skip


def test_a_key_stands_for_one_address_and_nobody_can_make_one(village: Village):
    known(village)
    path = relays.address("https://loa.example/", b"secret", VOV)
    assert path.startswith("https://loa.example/api/v1/relay/")
    key = path.removeprefix("https://loa.example/api/v1/relay/").removesuffix(".mp3")
    with village.database.read() as session:
        assert relays.of_key(session, b"secret", key).url == VOV
        for wrong in (
            key[:-1] + "!",
            relays.id_of(VOV),
            "",
            key.upper(),
            relays.id_of("https://y.example/") + key[24:],
            "é" * 56,
        ):
            with pytest.raises(NotFound):
                relays.of_key(session, b"secret", wrong)
        with pytest.raises(NotFound):
            relays.of_key(session, b"another", key)
