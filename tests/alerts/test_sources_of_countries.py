"""How producers of many countries write their indexes and messages: taken as they are meant."""

import pytest
from cap_builder import CAP11, alert, area, info, one, pair

from alerts.cap.drills import is_drill
from alerts.sources.indexes import entries

BASE = "https://feed.example/dir/index.xml"


def links(document: str) -> list[str]:
    return [each.links[0] for each in entries(document.encode(), BASE)]


def item(inner: str, root="rss") -> str:
    if root == "rss":
        return f'<?xml version="1.0"?><rss version="2.0" xmlns:gdacs="http://www.gdacs.org" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><link>https://feed.example/</link><item>{inner}</item></channel></rss>'
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><link rel="self" href="/self"/><entry>{inner}</entry></feed>'


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        # National Weather Service: the entry's id is the address, and elements of CAP stand beside it.
        (item("<id>https://api.example/alerts/urn:oid:2.49</id><updated>2026-11-23T05:00:00-05:00</updated><link rel='alternate' href='https://api.example/alerts/urn:oid:2.49'/><cap:event>Flood Warning</cap:event><cap:geocode><valueName>UGC</valueName><value>NDZ001</value></cap:geocode>", "atom"), "https://api.example/alerts/urn:oid:2.49"),
        # MeteoAlarm: several links, only one of the right type.
        (item("<id>https://feeds.example/warnings?index=1</id><link title='Heavy rain' href='https://meteo.example?region=IT' hreflang='en'/><link type='application/cap+xml' href='https://feeds.example/cap/1'/><cap:areaDesc>Roma</cap:areaDesc>", "atom"), "https://feeds.example/cap/1"),
        # USGS: a page first, then data in several forms.
        (item("<id>urn:x</id><link rel='alternate' type='text/html' href='https://q.example/page'/><link rel='alternate' type='application/cap+xml' href='https://q.example/cap.xml'/>", "atom"), "https://q.example/cap.xml"),
        # GDACS: an element of its own names the message, the link a page.
        (item("<title>x</title><link>https://gdacs.example/report.aspx?id=1</link><gdacs:cap>https://gdacs.example/cap_1.xml</gdacs:cap><enclosure type='image/jpeg' length='1' url='https://gdacs.example/map.jpg'/>"), "https://gdacs.example/cap_1.xml"),
        # India, Indonesia, Brazil: a plain link, with a query, or relative.
        (item("<title>x</title><link>https://sachet.example/FetchXMLFile?identifier=169</link><guid isPermaLink='false'>169</guid>"), "https://sachet.example/FetchXMLFile?identifier=169"),
        (item("<link>CJB20261123_alert.xml</link>"), "https://feed.example/dir/CJB20261123_alert.xml"),
        (item("<guid isPermaLink='true'>https://inmet.example/avisos/rss/12345</guid><link>https://inmet.example/avisos/rss/12345</link>"), "https://inmet.example/avisos/rss/12345"),
        # Taiwan: the link ends in .cap.
        (item("<id>TW_1</id><link rel='alternate' href='https://alerts.example/Capstorage/x.cap'/>", "atom"), "https://alerts.example/Capstorage/x.cap"),
        # New Zealand, Australia: an enclosure beside a page.
        (item("<link>https://warn.example/page.html</link><enclosure url='https://warn.example/cap/1' type='application/cap+xml' length='1'/>"), "https://warn.example/cap/1"),
        # White space around addresses, and XML base.
        (item("<link>\n   https://pagasa.example/a.cap  \n</link>"), "https://pagasa.example/a.cap"),
        (item("<id>x</id><link href='b.xml'/>", "atom").replace("<feed ", "<feed xml:base='https://other.example/c/' "), "https://other.example/c/b.xml"),
    ],
    ids=["nws", "meteoalarm", "usgs", "gdacs", "sachet", "bmkg", "inmet", "ncdr", "metservice", "pagasa", "base"],
)  # fmt: skip
def test_the_message_of_an_entry_is_found(document, wanted):
    assert links(document) == [wanted]


def test_an_index_in_rdf_is_read_too():
    document = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<channel rdf:about="x"><title>t</title></channel><item rdf:about="y"><title>a</title><link>https://d.example/1.xml</link></item></rdf:RDF>'
    )
    assert links(document) == ["https://d.example/1.xml"]


def test_addresses_that_are_no_web_addresses_are_left_out():
    assert links(item("<link>javascript:alert(1)</link>")) == []
    assert links(item("<link>file:///etc/passwd</link>")) == []
    assert links(item("<link>//[broken</link>")) == []


def test_layers_of_canada_are_read_with_all_languages():
    blocks = [
        info(
            language=language, category="Met", event=event, headline=event, description=event, severity="Moderate", urgency="Future", certainty="Likely",
            eventCode=[pair("profile:CAP-CP:Event:0.4", "rainfall"), pair("SAME", "WSW")],
            parameter=[pair("layer:EC-MSC-SMC:1.0:Alert_Type", "watch"), pair("layer:SOREM:1.0:Broadcast_Immediately", "No")],
            area=[area(geocode=[pair("layer:EC-MSC-SMC:1.0:CLC", "031100"), pair("profile:CAP-CP:Location:0.3", "1310004")])],
        )
        for language, event in (("en-CA", "rainfall"), ("fr-CA", "pluie"))
    ]  # fmt: skip
    message = one(alert(info=blocks, code=["profile:CAP-CP:0.4", "layer:EC-MSC-SMC:1.1"]))
    assert [each.language for each in message.infos] == ["en-CA", "fr-CA"]
    assert message.infos[0].areas[0].geocodes[0].value == "031100"


@pytest.mark.parametrize(
    ("changed", "drill"),
    [
        ({"eventCode": pair("SAME", "RWT")}, True),
        ({"eventCode": pair("NationalWeatherService", "RMT")}, True),
        ({"event": "Test Message"}, True),
        ({"headline": "THIS IS A TEST MESSAGE"}, True),
        ({"headline": "TEST - Tsunami Warning"}, True),
        ({"headline": "PRUEBA: Alerta de tsunami"}, True),
        ({"description": "This is only a test of the system."}, True),
        ({"headline": "Tested and confirmed: dam is failing"}, False),
        ({"headline": "Prueba nuclear detectada"}, False),
        ({"event": "Protest march"}, False),
    ],
)
def test_tests_of_many_countries_are_known_by_their_words_and_codes(changed, drill):
    assert is_drill(one(alert(info=info(**changed)))) is drill


def test_old_and_odd_forms_are_read():
    message = one(
        alert(CAP11, sent="2026-11-23T05:00:00.000Z", info=info(certainty="Very Likely", expires="2026-11-23T12:00:00"))
    )
    assert message.infos[0].certainty == "Likely"
    assert message.version == "1.1"
