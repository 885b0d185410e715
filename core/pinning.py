"""Servers that must be one in particular: known by their certificate, by who issued it, or by their key."""

import hashlib
import ssl
from dataclasses import dataclass

import urllib3

from core.errors import N_, InvalidInput


@dataclass(frozen=True, slots=True)
class Pinned:
    """Whom a server must be, instead of anybody with a certificate that is known publicly.

    `certificates` (PEM): it, or whoever issued it. `key_sha256` (hex): the SHA-256 of its public key (as
    SubjectPublicKeyInfo in DER). With both, both must fit; the host's name is checked with certificates only.
    """

    certificates: str = ""
    key_sha256: str = ""


def pool_to(
    pinned: Pinned, address: str, port: int, host: str, timeout: urllib3.Timeout
) -> urllib3.HTTPSConnectionPool:
    """Connections to a pinned server. Its key, if that is pinned, is the caller's to compare with `key_of`.

    Raises InvalidInput for certificates that can't be read.
    """
    try:
        context = _context(pinned)
    except (ValueError, OSError) as error:  # SSLError is one
        raise InvalidInput(N_("This is not a certificate in PEM form.")) from error
    return urllib3.HTTPSConnectionPool(
        address, port, timeout=timeout, retries=False, ssl_context=context, server_hostname=host,
        cert_reqs="CERT_REQUIRED" if pinned.certificates else "CERT_NONE",
        assert_hostname=host if pinned.certificates else False,
    )  # fmt: skip


def key_of(certificate: bytes) -> str:
    """The SHA-256 of the public key of a certificate in DER, in hex."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_certificate(certificate).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _context(pinned: Pinned) -> ssl.SSLContext:
    """What a pinned server is verified with. Raises ValueError for certificates that can't be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if pinned.certificates:
        context.load_verify_locations(cadata=pinned.certificates)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the server's own certificate is enough
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the key is compared instead, before anything is sent
    return context
