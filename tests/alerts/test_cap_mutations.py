"""Messages broken at random: always an answer, never a crash; and nothing unreal is ever aired."""

import json

from cap_builder import CAP11, CAP12, NOW, SQUARE, Xml, alert, area, info, pair, reference, text
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.cap.chains import Memory
from alerts.cap.judging import judged
from alerts.cap.message import Message
from alerts.cap.placenames import Gazetteer
from alerts.cap.reach import Finder, Place
from alerts.cap.report import told
from alerts.cap.trust import Trust
from alerts.cap.wording import MOST_CHARS, wordings

FULL = text(
    source="x", code=["a", "b"], note="n", references=f"{reference('VN-0')} {reference('VN-9')}", incidents='a "b c"',
    info=[
        info(eventCode=pair("SAME", "FFW"), parameter=pair("a", "b"), responseType="Evacuate", onset="2026-11-23T07:00:00Z",
             resource=Xml("<resourceDesc>d</resourceDesc><mimeType>a/b</mimeType><size>1</size><derefUri>QQ==</derefUri>"),
             area=area(polygon=[SQUARE, SQUARE], circle="22.3,103.8 5", geocode=pair("SAME", "006109"), altitude="1", ceiling="2")),
        info(language="en", headline="Flood"),
    ],
)  # fmt: skip
BYTES = FULL.encode()
FINDER = Finder([Place("st_a", 22.3, 103.8, ("u",)), Place("st_b", None, None, ("u",))], Gazetteer(()))
PIECES = (
    b"", b"<", b">", b"&", b"\0", b"\xff\xfe", b"<info>", b"</info>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&#x0;", b"&#55296;", b"&amp;",
    b"<!DOCTYPE a>", b"<a", b" x='", b"9" * 30, b",", b" ", b"\n", b"-", b"nan", b"1e400", b"Z", b"+99:99", b"Test", b"Cancel", "ạ".encode(),
    b"\xc3", b"<alert>", b"</alert>", b"<polygon>", b"</polygon>", b"urn:x", b"2026-11-23T05:00:00",
)  # fmt: skip
changes = st.lists(
    st.tuples(st.integers(0, len(BYTES)), st.integers(0, 60), st.sampled_from(PIECES) | st.binary(max_size=6)),
    min_size=1,
    max_size=6,
)
words = st.one_of(
    st.none(), st.text(max_size=30), st.lists(st.text(max_size=10), max_size=3),
    st.sampled_from(["Actual", "Exercise", "Alert", "Update", "Cancel", "Public", "Severe", SQUARE, "22.3,103.8 0", reference("VN-1"), "2026-11-23T05:00:00+07:00"]),
)  # fmt: skip


def everything(document: bytes):
    """Read, decide, report, word and aim; returns what was decided."""
    outcomes = judged(document, NOW, Memory(), Trust())
    assert outcomes
    for outcome in outcomes:
        if not isinstance(outcome, tuple):
            assert str(outcome)
            continue
        message, decision = outcome
        assert isinstance(message, Message)
        json.dumps(told(message, decision)).encode()
        for info_block in message.infos:
            FINDER.reach(info_block.areas)
        for wording in wordings(message.infos, decision.blocks, ("vi", "en"), all_clear=decision.all_clear):
            assert len(wording.text) <= MOST_CHARS
        if decision.action != "ignore":
            assert (message.status, message.scope) == ("Actual", "Public")
            assert message.msg_type in ("Alert", "Update", "Cancel")
    return outcomes


@settings(max_examples=400, deadline=None)
@given(changes)
def test_a_message_broken_anywhere_is_answered(made):
    document = bytearray(BYTES)
    for place, length, piece in made:
        document[place : place + length] = piece
    everything(bytes(document))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_answered(document):
    everything(document)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "utf-32", "gb18030", "utf-16-be"]))
def test_any_text_in_an_alert_is_answered(words_in, encoding):
    everything(f'<alert xmlns="{CAP12}">{words_in}</alert>'.encode(encoding, "replace"))


_FIELDS = ("identifier", "sender", "sent", "status", "msgType", "scope", "references", "addresses", "code", "incidents")
_INFO_FIELDS = (
    "language",
    "category",
    "event",
    "urgency",
    "severity",
    "certainty",
    "effective",
    "expires",
    "headline",
    "description",
    "eventCode",
)
_AREA_FIELDS = ("areaDesc", "polygon", "circle", "geocode", "altitude")


def _clean(value):
    if isinstance(value, str):
        return "".join(
            each for each in value if each >= " " and not "\ud800" <= each <= "\udfff" and each not in "\ufffe\uffff"
        )
    return [_clean(each) for each in value] if isinstance(value, list) else value


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.sampled_from(_FIELDS), words, max_size=3), st.dictionaries(st.sampled_from(_INFO_FIELDS), words, max_size=3),
    st.dictionaries(st.sampled_from(_AREA_FIELDS), words, max_size=2), st.sampled_from([CAP11, CAP12]),
)  # fmt: skip
def test_well_formed_messages_with_any_values_are_answered(top, block, place, namespace):
    top, block, place = ({name: _clean(value) for name, value in each.items()} for each in (top, block, place))
    everything(alert(namespace, **{"info": info(**{"area": area(**place), **block}), **top}))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["Exercise", "Test", "System", "Draft"]), changes)
def test_no_broken_exercise_is_ever_aired(status, made):
    """Whatever happens to the rest of it: as long as its status stands there, it stays unheard."""
    document = alert(status=status)
    at = document.index(b"<status>")
    head, kept, tail = document[:at], document[at : document.index(b"</status>") + 9], bytearray(document[at:])
    tail = tail[len(kept) :]
    for place, length, piece in made:
        if b"Actual" not in piece:
            tail[place : place + length] = piece
    for outcome in everything(head + kept + bytes(tail)):
        assert not isinstance(outcome, tuple) or outcome[1].action == "ignore"
