"""Where events go: a program, a real HTTP server, a real broker, a real scrape, a served page."""

import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from asd_cli.core.errors import NetworkError, UsageError
from asd_cli.core.events import SilentEvents
from asd_cli.pipeline.monitoring.channels import ExecChannel, WebhookChannel, split_host
from asd_cli.pipeline.monitoring.outbox import MAX_TRIES, Outbox
from asd_cli.pipeline.monitoring.serving import PageServer
from asd_cli.pipeline.monitoring.state_of import read_status
from asd_cli.pipeline.monitoring.store import Store
from asd_cli.pipeline.monitoring.systemd import notify, unit
from asd_cli.services.watch import watch
from tests.support import monitored
from tests.support.watch_victim import request

EVENT = {"schema": "asd.event/1", "id": "1", "machine": "pump; rm -rf /", "state": "alarm",
         "source": "$(touch bad)`touch bad`.wav", "score": None}  # fmt: skip


class Listener(HTTPServer):
    """Notes what is posted; answers with the statuses that it is given, then 200."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.statuses, self.posted = statuses, list[tuple[dict[str, str], dict[str, Any]]]()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/secret"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Listener)
        self.server.posted.append((dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Be silent."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener([])
    yield server
    server.shutdown()
    server.server_close()


def arrive(root: Path) -> None:
    for number in range(12):
        monitored.write(root / "in" / f"{number:03}.wav", number, loud=1 if number < 4 else 4)


def test_a_program_gets_fields_as_variables_and_no_shell_reads_them(tmp_path: Path) -> None:
    program = tmp_path / "tell"
    program.write_text(
        f'#!/bin/sh\ncd "{tmp_path}"\necho "$ASD_MACHINE|$ASD_SOURCE|$1" > out\ncat > json\n'
    )
    program.chmod(0o755)
    ExecChannel(f"{program} 'one word' two").send(EVENT)
    assert (tmp_path / "out").read_text() == "pump; rm -rf /|$(touch bad)`touch bad`.wav|one word\n"
    assert json.loads((tmp_path / "json").read_text()) == EVENT
    assert not (tmp_path / "bad").exists()
    with pytest.raises(NetworkError, match="status 3"):
        program.write_text("#!/bin/sh\nexit 3\n")
        ExecChannel(str(program)).send(EVENT)
    with pytest.raises(NetworkError, match="cannot be run"):
        ExecChannel(str(tmp_path / "nothing")).send(EVENT)


@pytest.mark.parametrize("command", ["", "  ", "'unbalanced"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(UsageError, match="no command"):
        ExecChannel(command)


def test_a_webhook_has_a_key_and_a_token_and_shows_no_secret(listener: Listener) -> None:
    channel = WebhookChannel(listener.url, "s3cret")
    channel.send(EVENT)
    headers, body = listener.posted[0]
    assert (headers["Idempotency-Key"], headers["Authorization"], body) == (
        "1",
        "Bearer s3cret",
        EVENT,
    )
    listener.statuses.append(500)
    with pytest.raises(NetworkError) as failed:
        channel.send(EVENT)
    assert "secret" not in failed.value.message + channel.name
    with pytest.raises(UsageError, match="http"):
        WebhookChannel("file:///etc/passwd")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NetworkError) as unreachable:
        WebhookChannel(f"http://127.0.0.1:{port}/hook/secret").send(EVENT)
    assert "secret" not in unreachable.value.message


def test_events_wait_in_the_outbox_until_they_are_delivered(
    place: Path, listener: Listener
) -> None:
    arrive(place)
    listener.statuses = [503, 503]
    asked = replace(request(place), monitoring=replace(
        request(place).monitoring, webhook=listener.url, exec_=None,
    ))  # fmt: skip
    watch(asked)
    store = Store(asked.monitoring.folder / "state.sqlite")
    waiting = read_status(store, time.time()).waiting
    assert waiting > 0
    channel = WebhookChannel(listener.url)
    outbox = Outbox(store, [channel], SilentEvents())
    assert outbox.deliver(time.time() + 7200) == waiting
    assert outbox.deliver(time.time() + 7200) == 0
    store.close()
    delivered = [body["id"] for _, body in listener.posted]
    assert {body["state"] for _, body in listener.posted if body["id"] == delivered[-1]} == {
        "alarm"
    }
    assert len(set(delivered)) == 2


def test_an_event_that_is_never_delivered_is_given_up(place: Path) -> None:
    arrive(place)
    nobody = replace(request(place).monitoring, exec_=str(place / "nothing"))
    watch(replace(request(place), monitoring=nobody))
    store = Store(nobody.folder / "state.sqlite")
    store.rows("UPDATE outbox SET tries = ?", MAX_TRIES - 1)
    said: list[str] = []

    class Said(SilentEvents):
        def warning(self, message: str) -> None:
            said.append(message)

    outbox = Outbox(store, [ExecChannel(str(place / "nothing"))], Said())
    while store.due(time.time() + 9e4):
        outbox.deliver(time.time() + 9e4)
    assert any("given up" in text for text in said)
    store.close()


def test_a_real_scrape_shows_the_state(place: Path) -> None:
    prometheus = pytest.importorskip("prometheus_client", reason="needs asd-cli[metrics]")
    from asd_cli.pipeline.monitoring.metrics import Metrics

    assert prometheus
    arrive(place)
    watch(request(place))
    store = Store(request(place).monitoring.folder / "state.sqlite", read_only=True)
    metrics = Metrics("127.0.0.1:0")
    metrics.update(read_status(store, time.time()))
    address = f"http://127.0.0.1:{metrics.port}/metrics"
    with urllib.request.urlopen(address) as answer:
        text = answer.read().decode()
    metrics.close()
    store.close()
    assert 'asd_alarm_state{machine="pump",state="alarm"} 1.0' in text
    assert 'asd_clips_total{machine="pump",state="normal"}' in text
    assert "asd_last_audio_seconds" in text


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    program = shutil.which("mosquitto")
    if program is None:
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    pytest.importorskip("paho.mqtt.client", reason="needs asd-cli[mqtt]")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    (tmp_path / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen(
        [program, "-c", str(tmp_path / "broker.conf")], stderr=subprocess.DEVNULL
    )
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            break
        except OSError:
            time.sleep(0.05)
    yield port
    process.terminate()
    process.wait()


def test_a_real_broker_has_state_events_discovery_and_the_last_will(
    place: Path, broker: int
) -> None:
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    seen: dict[str, list[str]] = {}
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, m: seen.setdefault(m.topic, []).append(m.payload.decode())
    client.connect("127.0.0.1", broker)
    client.subscribe([("asd/#", 1), ("homeassistant/#", 1)])
    client.loop_start()
    arrive(place)
    asked = replace(request(place).monitoring, mqtt=f"127.0.0.1:{broker}", exec_=None)
    watch(replace(request(place), monitoring=asked))
    for _ in range(100):
        if seen.get("asd/pump/availability", [])[-1:] == ["offline"]:
            break
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()
    events = [json.loads(text)["state"] for text in seen["asd/pump/event"]]
    assert events == ["warning", "alarm"]
    assert json.loads(seen["asd/pump/state"][-1])["state"] == "alarm"
    assert seen["asd/pump/availability"] == ["online", "offline"]
    config = json.loads(seen["homeassistant/binary_sensor/asd_pump/config"][0])
    assert config["device_class"] == "problem"


def test_a_missing_broker_leaves_events_in_the_outbox(place: Path) -> None:
    pytest.importorskip("paho.mqtt.client", reason="needs asd-cli[mqtt]")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    arrive(place)
    asked = replace(request(place).monitoring, mqtt=f"127.0.0.1:{port}", exec_=None)
    watch(replace(request(place), monitoring=asked))
    store = Store(asked.folder / "state.sqlite", read_only=True)
    assert read_status(store, time.time()).waiting == 2
    store.close()


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [("/", None, 200), ("/status.html", "localhost:1", 200), ("/other.txt", None, 404),
     ("/.secret.html", None, 404), ("/../outside.html", None, 404), ("/%2e%2e/outside.html", None, 404),
     ("/sub", None, 404), ("/", "evil.example:80", 403)],
)  # fmt: skip
def test_the_page_is_served_to_this_machine_and_nothing_else(
    tmp_path: Path, path: str, host: str | None, status: int
) -> None:
    folder = tmp_path / "page"
    (folder / "sub").mkdir(parents=True)
    for name in ("status.html", "other.txt", ".secret.html", "../outside.html"):
        (folder / name).write_text("page")
    server = PageServer("127.0.0.1:0", folder / "status.html")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    assert connection.getresponse().status == status
    connection.close()
    posting = http.client.HTTPConnection("127.0.0.1", server.port)
    posting.request("POST", "/status.html", body="x")
    assert posting.getresponse().status == 501
    posting.close()
    server.close()


@pytest.mark.parametrize("address", ["0.0.0.0:8080", "192.168.1.1:80", "example.org:80"])
def test_the_page_is_not_served_to_others(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="this machine only"):
        PageServer(address, tmp_path / "status.html")


@pytest.mark.parametrize("text", ["", "host:port", "host:99999", ":80"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no HOST:PORT"):
        split_host(text, 80)


def test_systemd_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(address))
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        assert notify("READY=1")
        assert link.recv(100) == b"READY=1"
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not notify("READY=1")


def test_the_unit_quotes_what_systemd_would_read(tmp_path: Path) -> None:
    text = unit(["/usr/bin/asd", "watch", "a b%c$d"], machine="50 % load", folder=tmp_path,
                writable=[tmp_path / "result dir"])  # fmt: skip
    assert 'ExecStart=/usr/bin/asd watch "a b%%c$$d"' in text
    assert "Description=Acoustic monitoring of 50 %% load" in text
    assert f'ReadWritePaths="{tmp_path}/result dir"' in text
    for line in ("Type=notify", "WatchdogSec=120", "ProtectSystem=strict", "NoNewPrivileges=yes"):
        assert line in text
    program = shutil.which("systemd-analyze")
    if program:
        (tmp_path / "asd.service").write_text(text)
        done = subprocess.run([program, "verify", str(tmp_path / "asd.service")], capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert "Unknown" not in done.stderr
