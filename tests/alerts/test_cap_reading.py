"""What is read of a message, what is remarked on, and what is refused: by the schema, section 3, and the world."""

from datetime import UTC, datetime

import pytest
from cap_builder import CAP11, CAP12, SENT, SQUARE, Xml, alert, area, bare, codes, fields, info, one, pair, text

from alerts.cap.message import Circle, Pair, Reference
from alerts.cap.reading import messages
from alerts.cap.remarks import NotCap

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
EDXL = "urn:oasis:names:tc:emergency:EDXL:DE:1.0"


def test_a_whole_message_is_understood():
    message = one(
        alert(
            source="Đài KTTV", code=["profile:X:1", "Y"], references="a@b,1,2026-11-22T00:00:00-00:00",
            info=info(responseType=["Evacuate", "Monitor"], category=["Met", "Geo"], eventCode=pair("SAME", "FFW"),
                      effective=SENT, onset="2026-11-23T07:00:00+07:00", parameter=[pair("a", "1"), pair("a", "2")]),
        )
    )  # fmt: skip
    block = message.infos[0]
    assert (message.version, message.identifier, message.sender) == ("1.2", "VN-1", "kttv@example.vn")
    assert message.sent == datetime(2026, 11, 22, 22, tzinfo=UTC)
    assert message.codes == ("profile:X:1", "Y")
    assert message.references == (Reference("a@b", "1", datetime(2026, 11, 22, tzinfo=UTC)),)
    assert block.categories == ("Met", "Geo")
    assert block.response_types == ("Evacuate", "Monitor")
    assert block.event_codes == (Pair("SAME", "FFW"),)
    assert block.parameters == (Pair("a", "1"), Pair("a", "2"))
    assert block.onset == datetime(2026, 11, 23, tzinfo=UTC)
    assert block.areas[0].polygons[0][1] == (22.0, 104.0)
    assert message.remarks == ()


ENVELOPES = {
    "alone": text(),
    "a prefix": f'<cap:alert xmlns:cap="{CAP12}">{fields()}</cap:alert>',
    "version 1.1": text(CAP11),
    "a style sheet and a comment": f'<?xml-stylesheet href="x.xsl"?><!-- c -->{bare()}<!-- d -->',
    "an entry of Atom": f'<entry xmlns="http://www.w3.org/2005/Atom"><content type="text/xml">{bare()}</content></entry>',
    "a feed of Atom": f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><content>{bare()}</content></entry></feed>',
    "an item of RSS": f"<rss><channel><item>{bare()}</item></channel></rss>",
    "SOAP": f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body><post>{bare()}</post></s:Body></s:Envelope>',
    "EDXL-DE": f'<EDXLDistribution xmlns="{EDXL}"><distributionStatus>Actual</distributionStatus><contentObject>'
    f"<xmlContent><embeddedXMLContent>{bare()}</embeddedXMLContent></xmlContent></contentObject></EDXLDistribution>",
    "a list of alerts": f"<alerts>{bare()}</alerts>",
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_alert_is_found_in_its_envelope(name):
    document = ENVELOPES[name]
    if name == "a prefix":
        for each in ("identifier", "sender", "sent", "status", "msgType", "scope", "info", "language", "category", "event",
                     "urgency", "severity", "certainty", "expires", "headline", "description", "instruction", "area",
                     "areaDesc", "polygon"):  # fmt: skip
            document = document.replace(f"<{each}>", f"<cap:{each}>").replace(f"</{each}>", f"</cap:{each}>")
    message = one(document.encode())
    assert message.infos[0].event == "Lũ quét"
    assert message.infos[0].areas[0].polygons


ENCODED = {
    "UTF-8 with a mark": text().encode("utf-8-sig"),
    "UTF-16 with a mark": text().replace("UTF-8", "UTF-16").encode("utf-16"),
    "UTF-16 without a mark": text().replace("UTF-8", "UTF-16").encode("utf-16-be"),
    "UTF-32": text().replace("UTF-8", "UTF-32").encode("utf-32"),
    "UTF-8 that says UTF-16": text().replace("UTF-8", "utf-16").encode(),
    "Windows-1258": text(info=info(event="Lu quet"))
    .replace("UTF-8", "windows-1258")
    .encode("cp1258", "xmlcharrefreplace"),
    "Latin-1": text().replace("UTF-8", "ISO-8859-1").encode("latin-1", "xmlcharrefreplace"),
    "Shift-JIS": text().replace("UTF-8", "Shift_JIS").encode("shift_jis", "xmlcharrefreplace"),
    "GB18030": text().replace("UTF-8", "GB18030").encode("gb18030"),
    "Windows-874": text().replace("UTF-8", "windows-874").encode("cp874", "xmlcharrefreplace"),
    "UTF-8 that says ASCII": text().replace("UTF-8", "US-ASCII").encode(),
    "no declaration": bare().encode(),
    "white space before it": b"\r\n  " + text().encode(),
    "single quotes": text().replace('"1.0"', "'1.0'").replace('"UTF-8"', "'utf-8'").encode(),
}


@pytest.mark.parametrize("name", ENCODED)
def test_any_encoding_of_xml_is_read(name):
    message = one(ENCODED[name])
    assert message.infos[0].headline == "Cảnh báo lũ quét trên suối Mường Hoa"
    assert message.infos[0].areas[0].description == "Xã Tả Van, tỉnh Lào Cai"


TOLERATED = {
    "Z": (alert(sent="2026-11-22T22:00:00Z"), "letter_zone"),
    "fractions": (alert(sent="2026-11-23T05:00:00.000+07:00"), "time_form"),
    "an offset without colon": (alert(sent="2026-11-23T05:00:00+0700"), "time_form"),
    "an hour of one digit in the offset": (alert(sent="2026-11-23T05:00:00+7:00"), "time_form"),
    "no seconds": (alert(sent="2026-11-23T05:00+07:00"), "time_form"),
    "a space for T": (alert(sent="2026-11-23 05:00:00+07:00"), "time_form"),
    "a sender with spaces": (alert(sender="Trung tâm Dự báo"), "name"),
    "a comma in the identifier": (alert(identifier="VN,1"), "name"),
    "empty optional elements": (alert(source="", info=info(onset="", web="")), "empty"),
    "Very Likely": (alert(info=info(certainty="Very Likely")), "very_likely"),
    "order": (alert(info=info(), code="late"), None),
    "an unknown element": (alert(priority="high"), "unknown"),
    "local expiry": (alert(info=info(expires="2026-11-23T12:00:00")), "no_offset"),
    "an event that is empty": (alert(info=info(event="")), "empty"),
    "a description twice": (alert(info=info(description=["a b", "c"])), "repeated"),
    "a language with an underscore": (alert(info=info(language="vi_VN")), "language"),
    "a name without value": (alert(info=info(parameter=pair("a", ""))), "pair"),
    "a resource without type": (alert(info=info(resource=Xml("<resourceDesc>x</resourceDesc>"))), "resource"),
    "a size that is none": (alert(info=info(resource=Xml("<resourceDesc>x</resourceDesc><mimeType>a/b</mimeType><size>big</size>"))), "number"),
    "a ceiling alone": (alert(info=info(area=area(ceiling="3000"))), "ceiling"),
    "an empty area description": (alert(info=info(area=area(areaDesc=""))), "empty"),
    "private without addresses": (alert(scope="Private"), "no_addresses"),
    "restricted without restriction": (alert(scope="Restricted"), "no_restriction"),
    "1.1 with words of 1.2": (alert(CAP11, info=info(responseType="AllClear")), "newer_word"),
    "no language, Vietnamese text": (alert(info=info(language=None)), "no_language"),
    "English, Vietnamese text": (alert(info=info(language="en-US")), "other_language"),
    "swapped coordinates": (alert(info=info(area=area(polygon="103,22 104,22 104,23 103,22"))), "swapped"),
    "an open ring": (alert(info=info(area=area(polygon="22,103 22,104 23,104"))), "unclosed"),
    "odd separators": (alert(info=info(area=area(polygon="22, 103 22, 104 23, 104 22, 103"))), "polygon_form"),
    "brackets": (alert(info=info(area=area(polygon="[22,103] [22,104] [23,104] [22,103]"))), "polygon_form"),
    "a polygon of words": (alert(info=info(area=area(polygon="cả xã"))), "polygon"),
    "a circle of words": (alert(info=info(area=area(circle="22,103 về"))), "circle"),
    "a reference without time": (alert(references="a@b,1"), "references"),
    "a reference of one word": (alert(references="xyz"), "reference"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLERATED)
def test_what_is_only_written_otherwise_is_read_and_remarked_on(name):
    document, code = TOLERATED[name]
    message = one(document)
    assert message.identifier
    if code:
        assert code in codes(message)
    assert all(str(remark) for remark in message.remarks)


def test_elements_out_of_order_are_read():
    shuffled = (
        bare(info=info()).replace("<status>Actual</status>", "").replace("</alert>", "<status>Actual</status></alert>")
    )
    assert "order" in codes(one(shuffled.encode()))


WITHOUT_REMARK = {
    "line ends in values": alert(status="\n  Actual\t", info=info(urgency="\n Immediate ")),
    "an offset of -00:00": alert(sent="2026-11-22T22:00:00-00:00"),
    "the end of a day": alert(sent="2026-11-22T24:00:00+07:00"),
    "a polygon over lines": alert(info=info(area=area(polygon=SQUARE.replace(" ", "\n\t")))),
    "an ampersand in an address": alert(info=info(web="https://example.vn/a?b=1&c=2")),
    "CDATA": alert(info=info(description=Xml("<![CDATA[Mưa > 100 mm & gió]]>"))),
    "a foreign element": alert(info=Xml(info() + '<x:y xmlns:x="urn:x"><x:z/></x:y>')),
    "several areas and polygons": alert(info=info(area=[area(polygon=[SQUARE, SQUARE]), area(circle="22.3,103.8 5")])),
    "no info": alert(msgType="Cancel", references="a@b,1,2026-11-22T00:00:00-00:00", info=None),
    "a reference over two lines": alert(
        references="a@b,1,2026-11-22T00:00:00-00:00\n  c d,2,2026-11-22T01:00:00-00:00"
    ),
}


@pytest.mark.parametrize("name", WITHOUT_REMARK)
def test_what_the_standard_allows_passes_without_a_remark(name):
    assert one(WITHOUT_REMARK[name]).remarks == ()


_REQUIRED = ("identifier", "sender", "sent", "status", "msgType", "scope")
_REQUIRED_INFO = ("category", "event", "urgency", "severity", "certainty")
REFUSED = {
    **{f"no {each}": (alert(**{each: None}), "missing") for each in _REQUIRED},
    **{f"an empty {each}": (alert(**{each: " "}), "missing") for each in _REQUIRED},
    **{f"two of {each}": (alert(**{each: ["Actual", "Test"]}), "repeated") for each in _REQUIRED},
    **{f"no {each} in a block": (alert(info=info(**{each: None})), "missing") for each in _REQUIRED_INFO},
    **{f"an unknown {each}": (alert(**{each: "Real"}), "value") for each in ("status", "msgType", "scope")},
    **{f"{each} in small letters": (alert(**{each: w}), "value")
       for each, w in (("status", "actual"), ("msgType", "alert"), ("scope", "PUBLIC"))},
    **{f"an unknown {each} in a block": (alert(info=info(**{each: "Grave"})), "value")
       for each in ("category", "urgency", "severity", "certainty", "responseType")},
    "an empty event and nothing else": (alert(info=info(event="", headline=None, description=None)), "missing"),
    "no areaDesc": (alert(info=info(area=area(areaDesc=None))), "missing"),
    "a time without offset": (alert(sent="2026-11-23T05:00:00"), "time"),
    "a time in words": (alert(sent="Mon, 23 Nov 2026 05:00:00 GMT"), "time"),
    "a day that is none": (alert(sent="2026-02-30T05:00:00+07:00"), "time"),
    "an offset that is none": (alert(sent="2026-11-23T05:00:00+19:00"), "time"),
    "an expiry in words": (alert(info=info(expires="tomorrow")), "time"),
    "an instant before all time": (alert(sent="0001-01-01T00:00:00+14:00"), "time"),
    "CAP 1.0": (bare("http://www.incident.com/cap/1.0").encode(), "version"),
    "another namespace": (bare("urn:oasis:names:tc:emergency:cap:1.3").encode(), "namespace"),
    "a namespace with a space": (bare(CAP12 + " ").encode(), "namespace"),
    "no namespace": (bare("").encode(), "namespace"),
    "blocks in another namespace": (bare().replace("<info>", '<info xmlns="urn:x">').replace("<status>", '<status xmlns="">').encode(), "missing"),
    "nothing": (b"", "empty"),
    "white space": (b" \n\t", "empty"),
    "HTML": (b"<html><body><p>503</p></body></html>", "not_cap"),
    "JSON": (b'{"alert": {}}', "not_xml"),
    "half a message": (alert()[:400], "not_xml"),
    "an index": (b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id></entry></feed>', "index"),
    "an index of RSS": (b"<rss><channel><item><link>x</link></item></channel></rss>", "index"),
    "an unknown envelope": (f"<report>{bare()}</report>".encode(), "envelope"),
    "SOAP's header": (f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{bare()}</s:Header></s:Envelope>'.encode(), "envelope"),
    "an alert in an alert": (alert(info=Xml(info() + bare())), "nested"),
    "an alert in a signature": (alert(info=Xml(info() + f'<S xmlns="http://www.w3.org/2000/09/xmldsig#">{bare()}</S>')), "nested"),
    "a null byte": (alert().replace(b"VN-1", b"VN\0-1"), "not_xml"),
    "a reference to a null byte": (alert(note=Xml("&#0;")), "not_xml"),
    "an entity nobody declared": (alert(note=Xml("a&nbsp;b")), "not_xml"),
    "bytes that are not UTF-8": (alert(note="é").replace("é".encode(), b"\xe9"), "not_xml"),
    "an encoding nobody knows": (text().replace("UTF-8", "klingon").encode(), "encoding"),
    "a codec that is no encoding": (text().replace("UTF-8", "zlib_codec").encode(), "encoding"),
    "half a character of UTF-16": (text().encode("utf-16")[:-1], "encoding"),
    "a ZIP archive": (b"PK\3\4" + bytes(400), "not_xml"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_leaves_open_what_is_meant_is_refused_with_a_reason(name):
    document, code = REFUSED[name]
    with pytest.raises(NotCap) as refusal:
        one(document)
    assert refusal.value.code == code
    assert len(str(refusal.value)) > 10


def test_one_bad_alert_of_several_leaves_the_others():
    document = f"<alerts>{bare()}{bare(status='Real')}{bare(identifier='VN-3')}</alerts>"
    found = messages(document.encode())
    assert [getattr(each, "identifier", None) for each in found] == ["VN-1", None, "VN-3"]
    assert isinstance(found[1], NotCap)


def test_html_that_was_not_escaped_keeps_its_words():
    block = one(alert(info=info(description=Xml("Mưa <b>rất to</b> ở <i>Sa Pa</i>")))).infos[0]
    assert " ".join(block.description.split()) == "Mưa rất to ở Sa Pa"


def test_an_embedded_file_is_counted_and_not_decoded():
    resource = Xml("<resourceDesc>x</resourceDesc><mimeType>audio/mpeg</mimeType><size>12</size><uri>http://x/y</uri>"
                   f"<derefUri>{'QUJD' * 1000}</derefUri><digest>ab</digest>")  # fmt: skip
    found = one(alert(info=info(resource=resource))).infos[0].resources[0]
    assert (found.embedded_chars, found.size, found.digest) == (4000, 12, "ab")


def test_a_circle_of_radius_0_is_a_point():
    found = one(alert(info=info(area=area(polygon=None, circle="22.3,103.8 0"))))
    assert found.infos[0].areas[0].circles == (Circle((22.3, 103.8), 0.0),)
    assert found.remarks == ()


REFERENCES = {
    "a,1,2026-11-22T00:00:00-00:00": [("a", "1")],
    "a,1,2026-11-22T00:00:00-00:00 b,2,2026-11-22T00:00:00-00:00": [("a", "1"), ("b", "2")],
    "a,1,2026-11-22T00:00:00-00:00\n\t b,2,2026-11-22T00:00:00-00:00": [("a", "1"), ("b", "2")],
    "a,\n1,2026-11-22T00:00:00-00:00": [("a", "1")],
    "a , 1 , 2026-11-22T00:00:00-00:00": [("a", "1")],
    "a b,1 2,2026-11-22T00:00:00-00:00 c d,3,2026-11-22T00:00:00Z": [("a b", "1 2"), ("c d", "3")],
    "a,1,2026-11-22T00:00:00-00:00; b,2,2026-11-22T00:00:00-00:00": [("a", "1"), ("b", "2")],
    "a,1,2026-11-22T00:00:00-00:00 a,1,2026-11-22T07:00:00+07:00": [("a", "1")],
    "a,1": [("a", "1")],
    "a,1,yesterday": [("a", "1,yesterday")],
    "VN-7": [("", "VN-7")],
    "VN-7 VN-8": [("", "VN-7"), ("", "VN-8")],
    ",,": [],
}


@pytest.mark.parametrize("written", REFERENCES)
def test_references_are_read_however_they_are_spaced(written):
    found = one(alert(references=written)).references
    assert [(each.sender, each.identifier) for each in found] == REFERENCES[written]


@pytest.mark.parametrize("space", ["\n", "\n  ", "\r\n\t", " \n" * 5_000, "\n<!-- first comes a comment -->\n"])
def test_white_space_before_the_first_element_is_no_text(space):
    document = text().replace(f'"{CAP12}">', f'"{CAP12}">{space}').replace("><", f">{space}<")
    assert one(document.encode()).identifier == "VN-1"
