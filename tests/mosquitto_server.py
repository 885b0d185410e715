"""Debian's Mosquitto as a process on a free port, and somebody who listens to it."""

import contextlib
import os
import queue
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_SECONDS = 120.0


def eventually(question: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is true; the bound is patience, not a measurement."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.05)
    pytest.fail(f"not in time: {what}")


def program() -> str:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if found is None:
        message = "mosquitto is not installed"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


class Mosquitto:
    """A broker that forgets everything when it ends."""

    def __init__(self, folder: Path, *lines: str) -> None:
        """`lines` of its configuration; without them everybody may do everything."""
        self.folder, self.lines = folder, lines or ("allow_anonymous true",)
        self._child: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        file = self.folder / "mosquitto.conf"
        owner = ["user root"] if os.getuid() == 0 else []
        file.write_text("\n".join([f"listener {self.port} 127.0.0.1", *owner, *self.lines]) + "\n")
        self._child = subprocess.Popen(
            [program(), "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self._listens, "mosquitto listens")

    def _listens(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, "mosquitto ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait(10)


@contextlib.contextmanager
def broker(folder: Path, *lines: str) -> Iterator[Mosquitto]:
    made = Mosquitto(folder, *lines)
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Guest:
    """A client that keeps what comes for its topics, and knows whether the broker let it in."""

    def __init__(
        self, port: int, topics: Sequence[str] = (), *, user: str = "", password: str = "", keepalive: int = 30,
        will: tuple[str, bytes] | None = None, tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.came: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.refused: list[str] = []
        self.granted: list[bool] = []
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
        if user:
            self.client.username_pw_set(user, password)
        if will:
            self.client.will_set(*will, qos=1, retain=True)
        if tls:
            self.client.tls_set_context(tls)
        self.client.on_connect = lambda client, *more: (
            self.refused.append(str(more[2])) if more[2].is_failure else [client.subscribe(each, 1) for each in topics]
        )
        self.client.on_subscribe = lambda _client, _data, _number, reasons, _more: self.granted.extend(
            not each.is_failure for each in reasons
        )
        self.client.on_message = lambda _client, _data, message: self.came.put((message.topic, bytes(message.payload)))
        self.client.connect_async("127.0.0.1", port, keepalive)
        self.client.loop_start()

    def next(self) -> tuple[str, bytes]:
        return self.came.get(timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def authority(folder: Path) -> tuple[Path, Path, Path]:
    """A certificate of our own making for 127.0.0.1: its authority's file, its own, and its key's."""
    now, keys, certificates = datetime.now(UTC), [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)], []
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in ("authority", "broker")]
    for number in range(2):
        made = (
            x509.CertificateBuilder().subject_name(names[number]).issuer_name(names[0])
            .public_key(keys[number].public_key()).serial_number(number + 1)
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[number].public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                    key_agreement=False, key_cert_sign=number == 0, crl_sign=number == 0, encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(keys[0], hashes.SHA256())
        )  # fmt: skip
        certificates.append(made.public_bytes(serialization.Encoding.PEM))
    files = folder / "authority.pem", folder / "broker.pem", folder / "broker.key"
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file, content in zip(files, (*certificates, key), strict=True):
        file.write_bytes(content)
    return files
