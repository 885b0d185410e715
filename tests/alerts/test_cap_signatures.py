"""Signatures on alerts: only our own certificates count, and only what was signed is believed."""

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cap_builder import CAP12, NOW, Stream, bare, info, reference, text
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml import DigestAlgorithm, SignatureMethod, XMLSigner
from signxml.algorithms import CanonicalizationMethod

from alerts.cap.chains import Memory
from alerts.cap.judging import judged, received
from alerts.cap.message import Message
from alerts.cap.signatures import certificate
from alerts.cap.trust import Trust
from core.errors import InvalidInput

DS = "http://www.w3.org/2000/09/xmldsig#"


@cache
def identity(name, *, kind="ec", days_ago=30, days=365):
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begins = NOW.astimezone(UTC) - timedelta(days=days_ago)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(begins).not_valid_after(begins + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return key, made


def signed(
    document,
    who,
    *,
    method=None,
    digest="sha256",
    c14n=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    inline=True,
    signer=XMLSigner,
):
    key, own = who
    method = method or ("ecdsa-sha256" if isinstance(key, ec.EllipticCurvePrivateKey) else "rsa-sha256")
    root = etree.fromstring(document)
    made = signer(
        signature_algorithm=SignatureMethod[method.upper().replace("-", "_")],
        digest_algorithm=DigestAlgorithm[digest.upper()], c14n_algorithm=c14n,
    ).sign(root, key=key, cert=[own] if inline else None, always_add_key_value=not inline)  # fmt: skip
    return etree.tostring(made)


def state(document, *owners, now=NOW):
    (outcome,) = received(document, now, [own for _, own in owners])
    return outcome[1]


OURS, OTHERS, OLD = identity("kttv"), identity("x"), identity("old", days_ago=800)
PLAIN = text().encode()


def test_a_right_signature_of_ours_is_verified():
    message, found = received(signed(PLAIN, OURS), NOW, [OTHERS[1], OURS[1]])[0]
    assert found == "verified"
    assert isinstance(message, Message)
    assert (message.identifier, message.signatures, len(message.infos)) == ("VN-1", 1, 1)


@pytest.mark.parametrize("c14n", list(CanonicalizationMethod)[:6])
def test_each_canonical_form_is_understood(c14n):
    assert state(signed(PLAIN, OURS, c14n=c14n), OURS) == "verified"


def test_rsa_is_taken_too():
    assert state(signed(PLAIN, identity("rsa", kind="rsa")), identity("rsa", kind="rsa")) == "verified"


def test_a_signature_without_an_inline_certificate_is_verified():
    assert state(signed(PLAIN, OURS, inline=False), OURS) == "verified"


CASES = {
    "unsigned": (PLAIN, [OURS], "none"),
    "nothing to check with": (signed(PLAIN, OURS), [], "unchecked"),
    "another's": (signed(PLAIN, OTHERS), [OURS], "unknown"),
    "run out": (signed(PLAIN, OLD), [OLD], "expired"),
    "changed in a value": (signed(PLAIN, OURS).replace(b"Immediate", b"Future"), [OURS], "failed"),
    "changed in the area": (signed(PLAIN, OURS).replace(b"22.0,103.0", b"22.0,102.0", 1), [OURS], "failed"),
    "an exercise made real": (signed(text(status="Exercise").encode(), OURS).replace(b"Exercise", b"Actual"), [OURS], "failed"),
    "a block added": (signed(PLAIN, OURS).replace(b"</info>", b"</info>" + f"<info>{info()}</info>".encode()), [OURS], "failed"),
    "another's key, our certificate": (signed(PLAIN, (OTHERS[0], OURS[1])), [OURS], "failed"),
    "another's key, no certificate": (signed(PLAIN, OTHERS, inline=False), [OURS], "failed"),
    "a signature that is none": (PLAIN.replace(b"</alert>", f'<Signature xmlns="{DS}"/></alert>'.encode()), [OURS], "failed"),
    "an Id with a space": (signed(PLAIN, OURS).replace(b"Signature xmlns", b'Signature Id="a b" xmlns', 1), [OURS], None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_a_signature_is_worth(name):
    document, owners, expected = CASES[name]
    assert state(document, *owners) == (expected or state(signed(PLAIN, OURS), OURS))


class Sha1Signer(XMLSigner):
    def check_deprecated_methods(self):
        """SHA-1 still signs here, as old systems do."""


def test_sha_1_is_not_taken():
    made = signed(PLAIN, OURS, method="ecdsa-sha1", digest="sha1", signer=Sha1Signer)
    assert state(made, OURS) == "failed"


def test_hmac_with_the_public_key_as_secret_is_not_taken():
    """The attack that swaps algorithms: the verifier's public key taken for a shared secret."""
    secret = (
        OURS[0].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    made = XMLSigner(signature_algorithm=SignatureMethod.HMAC_SHA256).sign(etree.fromstring(PLAIN), key=secret)
    assert state(etree.tostring(made), OURS) == "failed"


def test_a_signature_over_a_part_is_not_taken_for_the_whole():
    """Signed is one block alone, by its Id; the rest could be anybody's."""
    root = etree.fromstring(PLAIN)
    block = root.find(f"{{{CAP12}}}info")
    block.set("Id", "part")
    key, own = OURS
    made = XMLSigner(signature_algorithm=SignatureMethod.ECDSA_SHA256).sign(
        root, key=key, cert=[own], reference_uri="#part"
    )
    assert state(etree.tostring(made), OURS) == "failed"


def test_a_signed_alert_wrapped_into_another_is_refused():
    inner = signed(PLAIN, OURS).decode()
    outer = bare(identifier="EVIL").replace("</alert>", f'<Object xmlns="{DS}">{inner}</Object></alert>')
    (outcome,) = judged(outer.encode(), NOW, Memory(), Trust(signed=True), [OURS[1]])
    assert outcome.code == "nested"


def test_two_signatures_are_both_understood():
    """An office signs, then a distributor signs over that: each of the two suffices."""
    both = signed(_again(signed(PLAIN, OURS)), OTHERS)
    assert state(both, OTHERS) == "verified"
    assert state(both, OURS) == "verified"
    assert state(both, identity("third")) == "unknown"


def _again(document):
    """The signer fills the first place for a signature that it finds: keep it from the one that is there."""
    root = etree.fromstring(document)
    etree.SubElement(root, f"{{{DS}}}Signature", Id="placeholder", nsmap={"ds": DS})
    return etree.tostring(root)


def test_comments_that_split_a_value_change_nothing():
    """A comment is not signed; what is read must not end at it."""
    made = signed(PLAIN, OURS).replace(b">VN-1<", b">VN<!-- x -->-1<")
    message, found = received(made, NOW, [OURS[1]])[0]
    assert (found, message.identifier) == ("verified", "VN-1")


def test_what_an_envelope_says_still_counts():
    inner = signed(bare().encode(), OURS).decode()
    envelope = (
        '<EDXLDistribution xmlns="urn:oasis:names:tc:emergency:EDXL:DE:1.0"><distributionStatus>Exercise</distributionStatus>'
        f"{inner}</EDXLDistribution>"
    )
    ((message, decision),) = judged(envelope.encode(), NOW, Memory(), Trust(signed=True), [OURS[1]])
    assert (message.envelope_status, decision.reason.code) == ("Exercise", "status")


def test_a_source_that_must_sign_is_heard_signed_and_not_otherwise():
    trust = Trust(signed=True)
    for document, code in ((signed(PLAIN, OURS), "alert"), (PLAIN, "unsigned"), (signed(PLAIN, OTHERS), "unsigned")):
        ((_, decision),) = judged(document, NOW, Memory(), trust, [OURS[1]])
        assert decision.reason.code == code


def test_a_forged_cancel_ends_nothing():
    cancel = signed(text(identifier="VN-2", msgType="Cancel", references=reference("VN-1"), info=None).encode(), OTHERS)
    stream = Stream(Trust(signed=True))
    ((_, decision),) = judged(cancel, NOW, stream.memory, stream.trust, [OURS[1]])
    assert decision.stops == ()


def test_a_certificate_is_read_from_pem_or_refused():
    pem = OURS[1].public_bytes(serialization.Encoding.PEM).decode()
    assert certificate(pem) == OURS[1]
    with pytest.raises(InvalidInput):
        certificate("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----")


def test_a_certificate_counts_at_the_instant_given():
    made = signed(PLAIN, OLD)
    assert state(made, OLD, now=datetime(2024, 10, 1, tzinfo=UTC)) == "verified"
