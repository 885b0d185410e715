"""Small CAP messages for tests, written here; each field can be changed, repeated (a list) or left out (None)."""

from datetime import datetime
from xml.sax.saxutils import escape

from alerts.cap.chains import Memory
from alerts.cap.deciding import decide, digest
from alerts.cap.message import Message
from alerts.cap.reading import messages
from alerts.cap.trust import Trust

CAP12 = "urn:oasis:names:tc:emergency:cap:1.2"
CAP11 = "urn:oasis:names:tc:emergency:cap:1.1"
NOW = datetime.fromisoformat("2026-11-23T06:00:00+07:00")
SENT = "2026-11-23T05:00:00+07:00"
SQUARE = "22.0,103.0 22.0,104.0 23.0,104.0 23.0,103.0 22.0,103.0"


class Xml(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name, value) -> Xml:
    if value is None:
        return Xml("")
    if isinstance(value, (list, tuple)):
        return Xml("".join(element(name, each) for each in value))
    return Xml(f"<{name}>{value if isinstance(value, Xml) else escape(str(value))}</{name}>")


def within(fields) -> Xml:
    return Xml("".join(element(name, value) for name, value in fields.items()))


def pair(name, value) -> Xml:
    return within({"valueName": name, "value": value})


def area(**changed) -> Xml:
    return within({"areaDesc": "Xã Tả Van, tỉnh Lào Cai", "polygon": SQUARE, **changed})


def info(**changed) -> Xml:
    return within(
        {
            "language": "vi-VN", "category": "Met", "event": "Lũ quét", "responseType": None, "urgency": "Immediate",
            "severity": "Severe", "certainty": "Likely", "audience": None, "eventCode": None, "effective": None,
            "onset": None, "expires": "2026-11-23T12:00:00+07:00", "senderName": None,
            "headline": "Cảnh báo lũ quét trên suối Mường Hoa", "description": "Nước suối lên nhanh trong hai giờ tới.",
            "instruction": "Rời khỏi ven suối ngay.", "web": None, "contact": None, "parameter": None, "resource": None,
            "area": area(), **changed,
        }
    )  # fmt: skip


def fields(**changed) -> Xml:
    return within(
        {
            "identifier": "VN-1", "sender": "kttv@example.vn", "sent": SENT, "status": "Actual", "msgType": "Alert",
            "source": None, "scope": "Public", "restriction": None, "addresses": None, "code": None, "note": None,
            "references": None, "incidents": None, "info": info(), **changed,
        }
    )  # fmt: skip


def text(namespace=CAP12, **changed) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="{namespace}">{fields(**changed)}</alert>'


def alert(namespace=CAP12, **changed) -> bytes:
    return text(namespace, **changed).encode()


def bare(namespace=CAP12, **changed) -> str:
    """An alert without XML declaration, to be put into something else."""
    return f'<alert xmlns="{namespace}">{fields(**changed)}</alert>'


def one(document: bytes) -> Message:
    """The only message of a document; raises what made it unusable."""
    found = messages(document)
    assert len(found) == 1
    if not isinstance(found[0], Message):
        raise found[0]
    return found[0]


def codes(message: Message) -> set[str]:
    return {remark.code for remark in message.remarks}


def reference(identifier, sent=SENT, sender="kttv@example.vn") -> str:
    return f"{sender},{identifier},{sent}"


class Stream:
    """Messages decided on one after the other, each known from then on."""

    def __init__(self, trust: Trust | None = None, now: datetime = NOW) -> None:
        self.memory, self.trust, self.now = Memory(), trust or Trust(), now

    def take(self, message: Message, signature="none"):
        decision = decide(message, self.now, self.memory, self.trust, signature)
        if decision.counts:
            self.memory.remember(message.key, digest(message), decision.namings)
        return decision

    def send(self, **changed):
        return self.take(one(alert(**changed)))
