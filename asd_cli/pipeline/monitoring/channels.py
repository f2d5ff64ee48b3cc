"""Where events go: programs, webhooks, MQTT. Each delivers one document, or says why not."""

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from asd_cli.core.errors import NetworkError, UsageError

_EXEC_SECONDS = 60.0
_HTTP_SECONDS = 10.0
_MQTT_SECONDS = 10.0
_MAX_PORT = 65535


class Channel(Protocol):
    """Something that events are sent through."""

    @property
    def name(self) -> str:
        """Name in the outbox, without secrets."""

    def send(self, document: Mapping[str, Any]) -> None:
        """Deliver an event; NetworkError where that failed and may succeed later."""

    def close(self) -> None:
        """End connections."""


@dataclass(frozen=True, slots=True)
class ExecChannel:
    """Runs a program for each event, with its fields as environment variables.

    Arguments are those of the command alone, and no shell reads anything, so nothing in a file's
    name can become a command.

    Attributes
    ----------
    command : str
        Program and arguments, quoted as for a shell.

    Raises
    ------
    UsageError
        When it names no program.
    """

    command: str

    def __post_init__(self) -> None:
        """Refuse what names no program."""
        try:
            named = bool(self._words)
        except ValueError:
            named = False
        if not named:
            raise UsageError(
                f"{self.command!r} is no command", hint="--exec /usr/local/bin/tell-me"
            )

    @property
    def _words(self) -> list[str]:
        return shlex.split(self.command)

    @property
    def name(self) -> str:
        """Name in the outbox."""
        return f"exec:{self.command}"

    def send(self, document: Mapping[str, Any]) -> None:
        """Run the program: ``ASD_STATE``, ``ASD_MACHINE`` and so on, and the JSON on stdin."""
        fields = {
            f"ASD_{key.upper()}": "" if value is None else str(value).replace("\0", "")
            for key, value in document.items()
        }
        try:
            done = subprocess.run(  # noqa: S603
                self._words, env={**os.environ, **fields}, input=json.dumps(document).encode(),
                timeout=_EXEC_SECONDS, check=False, capture_output=True,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NetworkError(f"{self._words[0]} cannot be run: {error}") from error
        if done.returncode:
            raise NetworkError(f"{self._words[0]} ended with status {done.returncode}")

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Posts each event as JSON.

    Attributes
    ----------
    url : str
        Where to; may hold a secret, and is never shown beyond its host.
    token : str
        Sent as a bearer token where it is not empty.

    Raises
    ------
    UsageError
        When the address is not one of http or https.
    """

    url: str
    token: str = ""

    def __post_init__(self) -> None:
        """Refuse other addresses."""
        if not self.url.startswith(("http://", "https://")):
            raise UsageError(
                "the webhook's address does not begin with http:// or https://",
                hint="give a complete address: --webhook https://example.org/hook",
            )

    @property
    def name(self) -> str:
        """Name in the outbox: the host alone, for paths of webhooks are secrets."""
        from urllib.parse import urlsplit

        return f"webhook:{urlsplit(self.url).hostname}"

    def send(self, document: Mapping[str, Any]) -> None:
        """Post the document; its id is the ``Idempotency-Key``."""
        import requests

        headers = {"Idempotency-Key": str(document["id"])}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            answer = requests.post(
                self.url, json=dict(document), headers=headers, timeout=_HTTP_SECONDS,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            # The text of the error names the address.
            raise NetworkError(f"{self.name} cannot be reached ({type(error).__name__})") from None
        if answer.status_code >= 300:
            raise NetworkError(f"{self.name} answered {answer.status_code}")

    def close(self) -> None:
        """Do nothing."""


def split_host(text: str, default_port: int) -> tuple[str, int]:
    """Read ``HOST[:PORT]``; UsageError for anything else.

    Examples
    --------
    >>> split_host("127.0.0.1:9464", 80), split_host("[::1]", 80)
    (('127.0.0.1', 9464), ('::1', 80))
    """
    host, found, port = text.rpartition(":")
    if not found or text.endswith("]"):
        host, port = text, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 <= int(port) <= _MAX_PORT:
        raise UsageError(f"{text!r} is no HOST:PORT", hint=f"give one: 127.0.0.1:{default_port}")
    return host, int(port)
