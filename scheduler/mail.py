"""The one door to e-mail: one message to one person by SMTP, with time limits."""

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from core.errors import N_, EngineFailed, InvalidInput
from core.settings import Settings

_NOT_SET_UP = N_("E-mail is not set up on this server (settings smtp_host and smtp_from).")
_FAILED = N_("The mail server did not take the message: %(why)s")
_MOST = 254  # RFC 5321, 4.5.3.1.3
_MOST_WHY = 200
_STEPS = 3


def is_set_up(settings: Settings) -> bool:
    return bool(settings.smtp_host and settings.smtp_from)


def understood(address: str) -> str:
    """An e-mail address without white space around it. Raises InvalidInput for what is none."""
    text = address.strip()
    name, at, host = text.rpartition("@")
    plain = text.isascii() and text.isprintable() and not set(text) & set(' ",:;<>()[]\\')
    if not (plain and at and name and "." in host and not host.startswith(".") and len(text) <= _MOST) or "@" in name:
        raise InvalidInput(N_("“%(address)s” is not an e-mail address."), fields={"address": "form"}, address=text[:80])
    return text


def send(settings: Settings, to: str, subject: str, body: str, identity: str, at: datetime) -> None:
    """Hand one message to the mail server. `identity` makes the `Message-ID`: the same again is the same message.

    Raises EngineFailed with the server's own words when it does not take it, within `smtp_timeout_seconds` a step and
    three times that in all.
    """
    if not is_set_up(settings):
        raise EngineFailed(_NOT_SET_UP)
    message = EmailMessage()
    message["From"] = Address("Loa Làng", addr_spec=understood(settings.smtp_from))
    message["To"] = Address(addr_spec=understood(to))
    message["Subject"] = subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{identity}@{settings.smtp_from.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices back
    message.set_content(body)
    try:
        with _connected(settings) as server:
            cut = threading.Timer(_STEPS * settings.smtp_timeout_seconds, _cut, (server,))
            cut.start()
            try:
                if settings.smtp_user:
                    server.login(settings.smtp_user, settings.smtp_password)
                server.send_message(message)
            finally:
                cut.cancel()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise EngineFailed(_FAILED, why=_why(error)) from error


def _connected(settings: Settings) -> smtplib.SMTP:
    seconds = settings.smtp_timeout_seconds
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=seconds, context=ssl.create_default_context()
        )
    server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=seconds)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
    except BaseException:
        server.close()
        raise
    return server


def _cut(server: smtplib.SMTP) -> None:
    """End a conversation in which each step comes just in time, and the last one never."""
    with suppress(OSError, AttributeError):
        server.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\r", " ").replace("\n", " ")[:_MOST_WHY]
