"""Signing what we offer with the administrator's X.509 key (XML-DSig, enveloped), so that others can tell it."""

from typing import Any

from core.errors import N_, InvalidInput
from core.settings import Settings

_WRONG = N_("The key or the certificate for signing alerts can't be used: %(why)s")


def is_set_up(settings: Settings) -> bool:
    """Whether the settings name a key and a certificate."""
    return settings.cap_signing_key is not None and settings.cap_signing_certificate is not None


def signed(document: bytes, settings: Settings) -> bytes:
    """The document with a signature (RSA or ECDSA with SHA-256, exclusive C14N). Raises InvalidInput.

    The two files are read each time: replacing them needs no restart.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from lxml import etree
    from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
    from signxml.exceptions import SignXMLException
    from signxml.signer import XMLSigner

    if settings.cap_signing_key is None or settings.cap_signing_certificate is None:
        return document
    try:
        key = load_pem_private_key(settings.cap_signing_key.read_bytes(), None)
        chain = x509.load_pem_x509_certificates(settings.cap_signing_certificate.read_bytes())
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise TypeError("neither RSA nor an elliptic curve")
        rsa_key = isinstance(key, rsa.RSAPrivateKey)
        signer = XMLSigner(
            signature_algorithm=SignatureMethod.RSA_SHA256 if rsa_key else SignatureMethod.ECDSA_SHA256,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        root: Any = signer.sign(etree.fromstring(document, parser), key=key, cert=chain)
    except (OSError, ValueError, TypeError, SignXMLException) as error:
        raise InvalidInput(_WRONG, why=str(error)[:200]) from error
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
