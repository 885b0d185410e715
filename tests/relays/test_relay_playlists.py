"""M3U, PLS and HLS as texts."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.relays.playlists import Key, Master, Media, Part, is_hls, pointers, read_hls
from core.errors import InvalidInput

BASE = "https://dai.example/live/list.m3u8?x=1"


def media(*lines: str) -> Media:
    found = read_hls("\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:6", *lines]), BASE)
    assert isinstance(found, Media)
    return found


def test_segments_have_numbers_and_whole_addresses() -> None:
    found = media(
        "#EXT-X-MEDIA-SEQUENCE:41", "#EXTINF:5.98,", "a.ts", "#EXTINF:6,Tin", "/b.ts", "#EXTINF:1.5", "http://x/c"
    )
    assert [(one.number, one.part.url, one.seconds) for one in found.segments] == [
        (41, "https://dai.example/live/a.ts", 5.98),
        (42, "https://dai.example/b.ts", 6.0),
        (43, "http://x/c", 1.5),
    ]
    assert (found.target_seconds, found.ended) == (6.0, False)


def test_ranges_follow_one_another_in_the_same_file() -> None:
    found = media(
        "#EXTINF:2,", "#EXT-X-BYTERANGE:100@50", "all.ts", "#EXTINF:2,", "#EXT-X-BYTERANGE:70", "all.ts",
        "#EXT-X-ENDLIST",
    )  # fmt: skip
    url = "https://dai.example/live/all.ts"
    assert [one.part for one in found.segments] == [Part(url, 50, 100), Part(url, 150, 70)]
    assert found.ended


def test_heads_keys_and_breaks_belong_to_what_follows() -> None:
    found = media(
        '#EXT-X-MAP:URI="head.mp4"', '#EXT-X-KEY:METHOD=AES-128,URI="k,1",IV=0x0102', "#EXTINF:2,", "a.m4s",
        "#EXT-X-DISCONTINUITY", "#EXT-X-KEY:METHOD=NONE", '#EXT-X-MAP:URI="h2",BYTERANGE="9@3"', "#EXTINF:2,", "b.m4s",
    )  # fmt: skip
    first, second = found.segments
    assert first.head == Part("https://dai.example/live/head.mp4")
    assert first.key == Key("https://dai.example/live/k,1", (0x0102).to_bytes(16, "big"))
    assert (second.key, second.discontinuity, second.head) == (None, True, Part("https://dai.example/live/h2", 3, 9))


def test_of_several_forms_the_leanest_that_carries_speech_is_taken() -> None:
    found = read_hls(
        "#EXTM3U\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=1400000,CODECS="avc1.4d401f,mp4a.40.2"\nvideo.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=24000,CODECS="mp4a.40.5"\nthin.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=128000,CODECS="mp4a.40.2"\ngood.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS="mp4a.40.2"\nenough.m3u8\n',
        BASE,
    )
    assert isinstance(found, Master)
    assert found.best_for_speech().url == "https://dai.example/live/enough.m3u8"


def test_sound_of_its_own_beside_pictures_is_preferred() -> None:
    found = read_hls(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="vi",URI="sound.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1400000,CODECS="avc1.4d401f,mp4a.40.2",AUDIO="a"\nvideo.m3u8\n',
        BASE,
    )
    assert isinstance(found, Master)
    assert found.best_for_speech().url == "https://dai.example/live/sound.m3u8"


@pytest.mark.parametrize(
    "lines",
    [
        ('#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"', "#EXTINF:2,", "a"), ('#EXT-X-KEY:METHOD=AES-128,URI="k",KEYFORMAT="com.x"',),
        ("#EXTINF:nan,", "a"), ("#EXTINF:-1,", "a"), ("#EXTINF:1e9,", "a"), ("#EXT-X-MEDIA-SEQUENCE:many",),
        ('#EXT-X-MAP:BYTERANGE="1@2"',), ('#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0xzz',), ("#EXTINF:2,", "a") * 2_100,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        media(*lines)


def test_a_page_is_no_playlist() -> None:
    assert not is_hls("<html>#EXTM3U #EXT-X-</html>")
    with pytest.raises(InvalidInput):
        read_hls("<html>", BASE)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[playlist]\r\nFile1=http://a.example/live\r\nTitle1=x\r\nfile2=/b\r\n", ["http://a.example/live", "https://dai.example/b"]),
        ("\ufeff#EXTM3U\n#EXTINF:-1,VOV1\nhttp://a.example/x\n\n", ["http://a.example/x"]),
        ("b.mp3\n", ["https://dai.example/live/b.mp3"]),
        ("#EXTM3U\n", []),
        ("a\n" * 50, ["https://dai.example/live/a"] * 10),
    ],
)  # fmt: skip
def test_playlists_point_on(text: str, found: list[str]) -> None:
    assert pointers(text, BASE) == found


@given(st.text(max_size=400))
def test_no_text_brings_more_than_a_refusal(text: str) -> None:
    pointers(text, BASE)
    with_head = f"#EXTM3U\n#EXT-X-VERSION:3\n{text}"
    with suppress(InvalidInput):
        read_hls(with_head, BASE)
