"""Events and the state through MQTT, with discovery by Home Assistant.

``asd/MACHINE/state`` is retained, ``asd/MACHINE/event`` has each change, and
``asd/MACHINE/availability`` says online or, as the last will, offline.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asd_cli.core.errors import NetworkError, UsageError
from asd_cli.pipeline.monitoring.channels import split_host

_WAIT_SECONDS = 10.0
_PORT = 1883
_AT_LEAST_ONCE = 1
_AGAIN_SECONDS = 60.0


@dataclass(slots=True)
class MqttChannel:
    """A connection to a broker, made when it is first needed and made again after it broke.

    Attributes
    ----------
    host : str
        ``HOST[:PORT]``.
    machine : str
        Part of the topics.
    user, password : str
        Empty for none; from the environment or a file.
    """

    host: str
    machine: str
    user: str = ""
    password: str = field(default="", repr=False)
    _client: Any = None
    _again_at: float = 0.0

    def __post_init__(self) -> None:
        """Refuse addresses that are none, and say what is missing."""
        split_host(self.host, _PORT)
        try:
            import paho.mqtt.client  # noqa: F401
        except ImportError:
            raise UsageError(
                "MQTT needs a package that is not installed", hint="pip install 'asd-cli[mqtt]'"
            ) from None

    @property
    def name(self) -> str:
        """Name in the outbox."""
        return f"mqtt:{self.host}"

    @property
    def topic(self) -> str:
        """Begin of all topics; signs with a meaning in topics become _."""
        return f"asd/{re.sub(r'[^0-9A-Za-z._-]', '_', self.machine)}"

    def send(self, document: Mapping[str, Any]) -> None:
        """Publish an event, and the state that it brought."""
        self._publish("event", document, retain=False)
        self.publish_state(document)

    def publish_state(self, document: Mapping[str, Any]) -> None:
        """Publish the state, retained; NetworkError where the broker did not take it."""
        self._publish("state", document, retain=True)

    def _publish(self, topic: str, document: Mapping[str, Any], *, retain: bool) -> None:
        text = json.dumps(dict(document))
        self._send(f"{self.topic}/{topic}", text, retain=retain)

    def _send(self, topic: str, text: str, *, retain: bool) -> None:
        try:
            info = self._connected().publish(topic, text, qos=_AT_LEAST_ONCE, retain=retain)
            info.wait_for_publish(_WAIT_SECONDS)
            done = info.is_published()
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            raise NetworkError(f"{self.name} cannot be reached ({error})") from error
        if not done:
            self.close()
            raise NetworkError(f"{self.name} did not answer within {_WAIT_SECONDS:g} s")

    def _connected(self) -> Any:
        if self._client is None:
            if time.monotonic() < self._again_at:
                raise OSError("it was not there a moment ago")
            # Set before: an address that does not answer takes seconds each time.
            self._again_at = time.monotonic() + _AGAIN_SECONDS
            import paho.mqtt.client as mqtt
            from paho.mqtt.enums import CallbackAPIVersion

            client = mqtt.Client(CallbackAPIVersion.VERSION2)
            if self.user:
                client.username_pw_set(self.user, self.password)
            client.will_set(f"{self.topic}/availability", "offline", qos=1, retain=True)
            client.on_connect = self._introduce
            client.connect(*split_host(self.host, _PORT), keepalive=60)
            client.loop_start()
            self._client, self._again_at = client, 0.0
        return self._client

    def _introduce(self, client: Any, *_: Any) -> None:
        """Say after each connection, the broker's own restart among them, who is there."""
        client.publish(f"{self.topic}/availability", "online", qos=_AT_LEAST_ONCE, retain=True)
        for topic, config in self.discovery().items():
            client.publish(topic, json.dumps(config), qos=_AT_LEAST_ONCE, retain=True)

    def discovery(self) -> dict[str, dict[str, Any]]:
        """Give the retained messages by which Home Assistant finds the machine."""
        unit = self.topic.replace("/", "_")
        common = {
            "state_topic": f"{self.topic}/state",
            "availability_topic": f"{self.topic}/availability",
            "device": {"identifiers": [unit], "name": self.machine, "manufacturer": "asd"},
        }
        problem = {
            **common, "unique_id": f"{unit}_problem", "name": "Sound", "device_class": "problem",
            "value_template": "{{ 'ON' if value_json.state == 'alarm' else 'OFF' }}",
        }  # fmt: skip
        p_value = {
            **common, "unique_id": f"{unit}_p", "name": "p-value",
            "value_template": "{{ value_json.p_value }}",
        }  # fmt: skip
        return {
            f"homeassistant/binary_sensor/{unit}/config": problem,
            f"homeassistant/sensor/{unit}/config": p_value,
        }

    def close(self) -> None:
        """Say that nobody watches any more, and end the connection."""
        client, self._client = self._client, None
        if client is None:
            return
        gone = client.publish(f"{self.topic}/availability", "offline", qos=1, retain=True)
        if client.is_connected():
            gone.wait_for_publish(_WAIT_SECONDS)
        client.disconnect()
        client.loop_stop()
