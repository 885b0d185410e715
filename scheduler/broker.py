"""The one door of the server to an MQTT broker: a connection that comes back by itself, and publishes what is to stay.

Nothing is queued for a broker that is away: whoever publishes is told, and gives everything anew when it is back.
"""

import logging
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core.errors import N_, InvalidInput
from core.settings import Settings
from core.topics import KEEPALIVE_SECONDS

log = logging.getLogger(__name__)
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_MOST_UNDER_WAY = 2_000  # messages without the broker's receipt
_LONGEST_REST_SECONDS = 30
Heard = Callable[[str, bytes], None]


def place(address: str) -> tuple[str, int, bool]:
    """Host, port, and whether TLS is spoken there. Raises InvalidInput."""
    parts = urlsplit(address)
    try:
        port = parts.port or _PORTS[parts.scheme]
        if not parts.hostname:
            raise ValueError(address)
    except (KeyError, ValueError):
        raise InvalidInput(
            N_("“%(url)s” is not a broker's address. Write it like mqtts://broker.example.vn:8883."), url=address[:80]
        ) from None
    return parts.hostname, port, parts.scheme == "mqtts"


class Broker:
    """One connection. `sessions` counts how often it was made: with each, nothing is known of what the broker holds."""

    def __init__(self, settings: Settings, heard: Heard | None = None, listens_to: str = "") -> None:
        """`heard` gets topic and content of what comes for `listens_to`, in the connection's own thread."""
        self._host, self._port, tls = place(settings.mqtt_url)
        self._heard, self._listens_to = heard, listens_to
        self.sessions = 0
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
        if settings.mqtt_username:
            self._client.username_pw_set(settings.mqtt_username, settings.mqtt_password)
        if tls:
            self._client.tls_set_context(ssl.create_default_context(cafile=settings.mqtt_ca))
        self._client.max_inflight_messages_set(_MOST_UNDER_WAY)
        self._client.reconnect_delay_set(1, _LONGEST_REST_SECONDS)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._gone
        self._client.on_message = self._came

    def open(self) -> None:
        """Begin to connect, and to connect again for as long as it is open."""
        self._client.connect_async(self._host, self._port, KEEPALIVE_SECONDS)
        self._client.loop_start()

    def close(self) -> None:
        """Send what is under way, for a moment, and part."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def keep(self, topic: str, content: bytes) -> bool:
        """Publish what stays (retained, QoS 1); False when the broker can't be reached or too much is under way."""
        return bool(self.is_connected and self._client.publish(topic, content, qos=1, retain=True).rc == 0)

    def _connected(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("the broker at %s:%s refuses: %s", self._host, self._port, reason)
            return
        self.sessions += 1
        log.info("connected with the broker at %s:%s", self._host, self._port)
        if self._listens_to:
            client.subscribe(self._listens_to, qos=1)

    def _gone(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("the broker is away (%s); it is tried again", reason)

    def _came(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            if self._heard is not None:
                self._heard(message.topic, bytes(message.payload))
        except Exception:
            log.exception("what came from the broker could not be taken in")
