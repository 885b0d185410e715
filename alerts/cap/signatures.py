"""XML signatures on alerts (XML-DSig, enveloped), checked with `signxml` against certificates of our choosing alone.

What a signature covers is taken from the verifier, as bytes, and read anew: nothing else of a document is believed.
Keys and certificates in the message are never used to verify it. Only what `tree.read` has accepted comes here.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from alerts.cap.tree import NAMESPACES
from core.errors import N_, InvalidInput

State = Literal["none", "unchecked", "unknown", "expired", "failed", "verified"]

_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_CERTIFICATE = ".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate"
_ALERTS = [f"{{{space}}}alert" for space in NAMESPACES]
_MOST_SIGNATURES = 4
_MOST_CERTIFICATES = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the signatures of one alert are worth.

    `none`: it has none. `unchecked`: there are no certificates to check with. `unknown`: signed by somebody else.
    `expired`: right, but the certificate had run out or was not valid yet. `failed`: wrong. `verified`: right, by the
    certificate with that fingerprint (SHA-256); `signed` is then the alert as it was signed, to be read instead.
    """

    state: State
    signed: bytes = b""
    fingerprint: str = ""


def certificate(pem: str) -> Any:
    """A certificate from its PEM text. Raises InvalidInput."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise InvalidInput(N_("This is not a certificate in PEM form.")) from None


def certificates(pem: str) -> list[Any]:
    """All certificates in a text of PEM blocks, in order; none for an empty one. Raises InvalidInput."""
    from cryptography import x509

    if not pem.strip():
        return []
    try:
        return list(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        raise InvalidInput(N_("This is not a certificate in PEM form.")) from None


def examined(document: bytes, certificates: Sequence[Any], at: datetime) -> list[Verdict]:
    """A verdict for each alert of a document, in order. `certificates` are those the source may sign with, `at` when.

    SHA-1 is not taken. Bounded: four signatures an alert, twenty certificates.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=False)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError:
        # It was well-formed for the first reader; what two readers see differently is not verified.
        return []
    return [_verdict(alert, certificates[:_MOST_CERTIFICATES], at) for alert in root.iter(*_ALERTS)]


def _verdict(alert: Any, certificates: Sequence[Any], at: datetime) -> Verdict:
    count = len(alert.findall(_SIGNATURE))
    if not count:
        return Verdict("none")
    if not certificates:
        return Verdict("unchecked")
    expired = False
    for number in range(min(count, _MOST_SIGNATURES)):
        for document in _variants(alert, number):
            for own in certificates:
                signed = _signed(document, own)
                if signed and own.not_valid_before_utc <= at <= own.not_valid_after_utc:
                    return Verdict("verified", signed, _fingerprint(own))
                expired = expired or bool(signed)
    if expired:
        return Verdict("expired")
    return Verdict("failed" if _claims(alert, certificates) else "unknown")


def _variants(alert: Any, number: int) -> Iterator[bytes]:
    """The alert alone, with one signature put first: once with the others, which it may cover, once without them.

    The verifier takes the first signature it meets. Removed again from its new place, it leaves what it was made over.
    """
    from lxml import etree

    for alone in (False, True):
        copy = etree.fromstring(etree.tostring(alert, with_tail=False))
        signatures = copy.findall(_SIGNATURE)
        if alone and len(signatures) == 1:
            return
        for place, each in enumerate(signatures):
            if place == number or alone:
                _take_out(each)
        signatures[number].tail = None
        copy.insert(0, signatures[number])
        yield etree.tostring(copy)


def _take_out(element: Any) -> None:
    """Remove an element and leave the text behind it where it is."""
    parent, before, tail = element.getparent(), element.getprevious(), element.tail or ""
    if before is None:
        parent.text = (parent.text or "") + tail
    else:
        before.tail = (before.tail or "") + tail
    parent.remove(element)


def _signed(document: bytes, own: Any) -> bytes:
    """What the first signature in `document` covers, if it is right by `own` and covers a whole alert; else nothing."""
    from lxml import etree
    from signxml.exceptions import SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    settings = SignatureConfiguration(
        location="./", expect_references=1, ignore_ambiguous_key_info=True,
        verification_time=own.not_valid_before_utc,  # when it counts is decided by the caller
    )  # fmt: skip
    try:
        # The schema is not asked: real signatures have an `Id` with a space.
        found = XMLVerifier().verify(document, x509_cert=own, expect_config=settings, validate_schema=False)
    except (SignXMLException, ValueError, TypeError, AttributeError, KeyError, etree.LxmlError):
        return b""  # whatever is wrong with it, it is not a signature of `own` over this
    result = found[0] if isinstance(found, list) else found
    root = result.signed_xml
    return result.signed_data if root is not None and root.tag in _ALERTS else b""


def _claims(alert: Any, certificates: Sequence[Any]) -> bool:
    """Whether it says, or doesn't deny, that it was signed with one of the certificates."""
    inline = [element.text or "" for element in alert.iterfind(_CERTIFICATE)]
    try:
        named = {base64.b64decode("".join(text.split())) for text in inline}
    except (ValueError, binascii.Error):
        return True
    return not named or any(_der(own) in named for own in certificates)


def _der(own: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(own.public_bytes(Encoding.DER))


def _fingerprint(own: Any) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256

    return str(own.fingerprint(SHA256()).hex())
