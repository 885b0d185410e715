"""Documents made to hurt: each is refused, with little time and memory, and nothing outside it is touched."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cap_builder import CAP12, Xml, alert, area, bare, fields, info, one, text

from alerts.cap.encodings import as_utf8
from alerts.cap.limits import Limits
from alerts.cap.reading import messages
from alerts.cap.remarks import NotCap, Remarks

_MB = 1 << 20
_BODY = f'<alert xmlns="{CAP12}">{fields(note=Xml("&x;"))}</alert>'


def _dtd(inner: str) -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE alert {inner}>{_BODY}'.encode()


def _laughs() -> str:
    layers = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10))
    return f'[<!ENTITY x0 "ha">{layers}<!ENTITY x "&x9;">]'


def _many(count: int, part: str) -> bytes:
    return bare(note=Xml(part * count)).encode()


# Made when they are used: together they are 150 MB.
ATTACKS = {
    "a document type and nothing else": (lambda: _dtd(""), "doctype"),
    "an external subset": (lambda: _dtd('SYSTEM "http://127.0.0.1:9/x.dtd"'), "doctype"),
    "a public subset": (lambda: _dtd('PUBLIC "-//X//EN" "file:///etc/passwd"'), "doctype"),
    "an external entity": (lambda: _dtd('[<!ENTITY x SYSTEM "file:///etc/passwd">]'), "doctype"),
    "an external parameter entity": (lambda: _dtd('[<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]'), "doctype"),
    "a billion laughs": (lambda: _dtd(_laughs()), "doctype"),
    "one entity many times": (lambda: _dtd(f'[<!ENTITY x "{"a" * 100_000}">]'), "doctype"),
    "attributes by default": (lambda: _dtd('[<!ATTLIST alert x CDATA "y">]'), "doctype"),
    "an entity that was not declared": (_BODY.encode, "not_xml"),
    "a document type in UTF-16": (lambda: _dtd('[<!ENTITY x "y">]').decode().encode("utf-16"), "doctype"),
    "depth in the message": (lambda: bare(note=Xml("<a>" * 50_000 + "</a>" * 50_000)).encode(), "too_deep"),
    "depth around the message": (lambda: b"<a>" * 2_000_000, "too_deep"),
    "depth in what is passed over": (lambda: bare(info=Xml('<x:y xmlns:x="urn:x">' * 200_000)).encode(), "too_deep"),
    "elements without end": (lambda: _many(400_000, "<a/>"), "too_many"),
    "elements outside": (lambda: b"<alerts>" + b"<a/>" * 400_000 + b"</alerts>", "too_many"),
    "attributes without end": (lambda: bare(note=Xml("<a " + " ".join(f'a{n}=""' for n in range(100_000)) + "/>")).encode(), "too_many"),
    "names of spaces without end": (lambda: bare(note=Xml("<a " + " ".join(f'xmlns:a{n}="u{n}"' for n in range(100_000)) + "/>")).encode(), None),
    "a name without end": (lambda: bare(note=Xml(f"<{'a' * 8 * _MB}/>")).encode(), None),
    "an attribute without end": (lambda: bare(note=Xml(f'<a b="{"c" * 8 * _MB}"/>')).encode(), None),
    "a comment without end": (lambda: b"<!--" + b"a" * 15 * _MB, "not_xml"),
    "an instruction without end": (lambda: b"<?a " + b"b" * 15 * _MB, "not_xml"),
    "text without end": (lambda: bare(note="a" * 8 * _MB).encode(), "too_long"),
    "line ends without end": (lambda: bare(note="\n" * 8 * _MB).encode(), "too_long"),
    "references to characters": (lambda: bare(note=Xml("&#97;" * 2_000_000)).encode(), "too_long"),
    "a polygon without end": (lambda: bare(info=info(area=area(polygon="1,1 " * 1_500_000))).encode(), "too_long"),
    "names without end": (lambda: bare(identifier="a" * 100_000).encode(), "too_long"),
    "references without end": (lambda: bare(references="a,b,2026-11-22T00:00:00-00:00 " * 6_000).encode(), "too_many"),
    "commas without end": (lambda: bare(references="," * 199_000).encode(), "too_many"),
    "alerts without end": (f"<alerts>{'<alert xmlns=%r/>' % CAP12 * 20_000}</alerts>".encode, "too_many"),  # noqa: UP031
    "areas without end": (lambda: bare(info=Xml(info() + "<area/>" * 20_000)).encode(), "too_many"),
    "blocks without end": (lambda: bare(info=[info(area=None)] * 2_000).encode(), "too_many"),
    "a file without end": (lambda: b" " * 17 * _MB, "too_large"),
    "null bytes": (lambda: bytes(15 * _MB), None),
    "a message in bad company": (f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd">{bare()}</xi:include>'.encode, "envelope"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_quickly(name):
    make, code = ATTACKS[name]
    document = make()
    before = time.process_time()
    try:
        found = messages(document)
    except NotCap as refusal:
        found = [refusal]
    assert len(found) == 1
    assert code is None or found[0].code == code
    assert time.process_time() - before < 5


def test_an_include_is_not_followed():
    included = '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    message = one(alert(info=info(description=Xml(f"a{included}b"))))
    assert message.infos[0].description == "ab"


_CHILD = """
import resource, sys
from pathlib import Path
memory, seconds = int(sys.argv[1]), int(sys.argv[2])
from alerts.cap.judging import judged
from alerts.cap.chains import Memory
from alerts.cap.trust import Trust
from datetime import datetime, UTC
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
worst = 0
for name in sys.argv[3:]:
    document = Path(name).read_bytes()
    outcomes = judged(document, datetime(2026, 11, 23, tzinfo=UTC), Memory(), Trust())
    assert outcomes, name
    del document, outcomes
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MB", resource.getrusage(resource.RUSAGE_SELF).ru_utime, "s")
"""


def _largest():
    """What is still accepted: nearly as many points, elements and blocks as are allowed."""
    ring = " ".join(f"{10 + n % 97 / 10},{100 + n % 89 / 10}" for n in range(5_000))
    yield alert(info=info(area=[area(polygon=ring) for _ in range(100)]))
    yield alert(
        info=info(area=area(geocode=[Xml(f"<valueName>a</valueName><value>{n}</value>") for n in range(30_000)]))
    )
    yield alert(info=[info() for _ in range(500)])


def test_all_attacks_together_stay_within_hard_bounds_of_time_and_memory(tmp_path: Path):
    """In a process that the kernel ends when it takes more than 400 MB, or 30 s of a processor for all of them."""
    names = []
    for number, (make, _) in enumerate(ATTACKS.values()):
        file = tmp_path / f"{number}.xml"
        file.write_bytes(make())
        names.append(str(file))
    for number, document in enumerate(_largest()):
        file = tmp_path / f"large-{number}.xml"
        file.write_bytes(document)
        names.append(str(file))
    made = subprocess.run(
        [sys.executable, "-c", _CHILD, str(400 * _MB), "30", *names],
        capture_output=True, text=True, timeout=450, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-2000:]


def test_the_largest_that_is_allowed_is_read():
    assert all(one(document).infos for document in _largest())


def test_the_bounds_are_arguments():
    small = Limits(document_bytes=100)
    with pytest.raises(NotCap) as refusal:
        messages(alert(), small)
    assert refusal.value.code == "too_large"


@pytest.mark.parametrize(
    "name", ["zip", "bz2", "hex", "rot13", "base64", "idna", "punycode", "unicode_escape", "utf-7", "undefined"]
)
def test_a_codec_that_is_no_encoding_of_text_is_never_used(name):
    with pytest.raises(NotCap):
        as_utf8(text().replace("UTF-8", name).encode(), Limits(), Remarks())


def test_reading_leaves_no_garbage_that_grows():
    document = alert()
    messages(document)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        messages(document)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
