"""A server on this machine that looks like Zenodo and misbehaves on request.

    with ZenodoServer({4562016: {"dev_data_fan.zip": content}}) as server:
        server.misbehave("dev_data_fan.zip", Fault(cut=0.4), Fault(status=429))
        fetch(FetchRequest(..., base_url=server.url))
        assert server.ranges("dev_data_fan.zip") == [None, "bytes=400-"]

Each request for an address whose end matches takes the next fault of its list; when the list is
used up the server behaves. `Fault(..., forever=True)` stays.
"""

import hashlib
import io
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, Self, cast
from urllib.parse import unquote, urlsplit

Content = bytes | Path
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to misbehave; several may be combined.

    Attributes
    ----------
    cut : float or None
        Share of the body after which the connection is dropped.
    ignore_range : bool
        Answer 200 with the whole file to a request for a part.
    shift : int
        Answer 206 with a part that begins so many bytes too late.
    mislabel : bool
        Answer 206 with the right ``Content-Range`` and whatever `shift` says as the content.
    flip : int or None
        Index of a byte of the file of which one bit is inverted.
    page : bytes or None
        Body sent in place of the file, as HTML.
    status : int or None
        Status in place of 200; no body but `page`.
    headers : mapping
        Added to the answer.
    trickle : int or None
        Bytes sent every 10 ms until the client goes away, at most 500 times.
    silent : bool
        Send half of the body and then nothing until `ZenodoServer.release`; whoever is still there
        after half a minute has no deadline, and `ZenodoServer.outwaited` says so.
    redirect : str or None
        Answer 302 to there.
    chunked : bool
        No ``Content-Length``.
    forever : bool
        Also for all later requests.
    """

    cut: float | None = None
    ignore_range: bool = False
    shift: int = 0
    mislabel: bool = False
    flip: int | None = None
    page: bytes | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    trickle: int | None = None
    silent: bool = False
    redirect: str | None = None
    chunked: bool = False
    forever: bool = False


@dataclass(frozen=True)
class Seen:
    """A request that came in."""

    path: str
    headers: Mapping[str, str]


class ZenodoServer:
    """Records and their files on a loopback port.

    Parameters
    ----------
    records : mapping of int to mapping of str to bytes or Path
        Record id to file name to content.
    shape : str
        How the API answers: ``files``, ``filename`` (2023), ``entries`` or ``mapping``.
    sums : mapping of str to str
        File name to a false MD5 for the record to publish.
    etag : str or None
        Of every file; None for the MD5 in quotes.
    """

    def __init__(
        self,
        records: Mapping[int, Mapping[str, Content]],
        *,
        shape: str = "files",
        sums: Mapping[str, str] | None = None,
        etag: str | None = None,
    ) -> None:
        self.records = {key: dict(value) for key, value in records.items()}
        self.shape = shape
        self.sums = dict(sums or {})
        self.etag = etag
        self.requests: list[Seen] = []
        self.released = threading.Event()
        self.started = threading.Event()
        self.bytes_sent = 0
        self.outwaited = False
        self._faults: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()
        self._md5: dict[str, str] = {}
        self._http = _Threads(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}
        )

    @property
    def url(self) -> str:
        """Address without a slash at its end."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def misbehave(self, ending: str, *faults: Fault) -> None:
        """Answer the next requests for addresses with this ending so."""
        self._faults.setdefault(ending, []).extend(faults)

    def release(self) -> None:
        """Let silent transfers end."""
        self.released.set()

    def asked(self, ending: str = "") -> list[Seen]:
        """Requests for addresses with this ending, in order."""
        return [seen for seen in self.requests if seen.path.endswith(ending)]

    def ranges(self, ending: str) -> list[str | None]:
        """``Range`` headers of the requests for a file."""
        return [seen.headers.get("range") for seen in self.asked(ending)]

    def next_fault(self, path: str) -> Fault:
        """Take the fault that a request for `path` gets."""
        with self._lock:
            for ending, faults in self._faults.items():
                if path.endswith(ending) and faults:
                    return faults[0] if faults[0].forever else faults.pop(0)
        return Fault()

    def count(self, sent: int) -> None:
        """Add to the bytes sent."""
        with self._lock:
            self.bytes_sent += sent

    def describe(self, record: int, *, listing: bool) -> dict[str, Any]:
        """What the API says about a record."""
        entries = [
            _entry(name, _size(content), self._sum(name, content), self.shape)
            for name, content in self.records[record].items()
        ]
        if listing:
            return {"entries": entries}
        if self.shape == "entries":
            return {"id": record, "links": {}}
        if self.shape == "mapping":
            return {"id": record, "files": {"entries": {entry["key"]: entry for entry in entries}}}
        return {"id": record, "files": entries}

    def _sum(self, name: str, content: Content) -> str:
        if name not in self.sums and name not in self._md5:
            self._md5[name] = _md5(content)
        return self.sums.get(name) or self._md5[name]

    def find(self, path: str) -> Content | None:
        """Content for an address: Zenodo's page, its API, or a plain mirror's."""
        match = re.fullmatch(r"/(?:api/)?records/(\d+)/files/(.+?)(?:/content)?", path)
        if match:
            return self.records.get(int(match[1]), {}).get(match[2])
        plain = path.removeprefix("/mirror/")
        return next((files[plain] for files in self.records.values() if plain in files), None)


def _entry(name: str, size: int, md5: str, shape: str) -> dict[str, Any]:
    if shape == "filename":
        return {"filename": name, "filesize": size, "checksum": md5}
    return {"key": name, "size": size, "checksum": f"md5:{md5}"}


def _size(content: Content) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


def _md5(content: Content) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with content.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: ZenodoServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that go away are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def owner(self) -> ZenodoServer:
        return cast("_Threads", self.server).owner

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""

    def do_GET(self) -> None:
        # Through a proxy the whole address comes in the request line.
        path = unquote(urlsplit(self.path).path)
        self.owner.requests.append(
            Seen(path, {key.lower(): value for key, value in self.headers.items()})
        )
        fault = self.owner.next_fault(path)
        if fault.redirect is not None:
            self._answer(302, b"", {"Location": fault.redirect})
        elif fault.status is not None:
            self._answer(fault.status, fault.page or b"", fault.headers)
        elif fault.page is not None:
            kind = {"Content-Type": "text/html; charset=utf-8"}
            self._answer(200, fault.page, {**kind, **fault.headers})
        elif match := re.fullmatch(r"/api/records/(\d+)(/files)?", path):
            self._describe(int(match[1]), listing=bool(match[2]))
        else:
            content = self.owner.find(path)
            if content is None:
                self._answer(404, b"", {})
            elif path.endswith("/content"):
                self._send(content, fault, None)
            else:
                self._send(content, fault, self.headers.get("Range"))

    def _describe(self, record: int, *, listing: bool) -> None:
        if record not in self.owner.records:
            self._answer(404, b"", {})
            return
        # Zenodo sends Retry-After with good answers too.
        text = json.dumps(self.owner.describe(record, listing=listing)).encode()
        self._answer(200, text, {"Content-Type": "application/json", "Retry-After": "3600"})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def _send(self, content: Content, fault: Fault, wanted: str | None) -> None:
        size = _size(content)
        tag = self.owner.etag or f'"{_md5(content) if isinstance(content, bytes) else size}"'
        start = self._start(wanted, tag, fault)
        if start >= size > 0:
            self._answer(416, b"", {"Content-Range": f"bytes */{size}"})
            return
        real = min(start + fault.shift, size)
        self.send_response(200 if start == 0 and not fault.shift else 206)
        if start or fault.shift:
            claimed = start if fault.mislabel else real
            self.send_header("Content-Range", f"bytes {claimed}-{size - 1}/{size}")
        self.send_header("ETag", tag)
        if not fault.chunked:
            self.send_header("Content-Length", str(size - real))
        self.send_header("Connection", "close")
        for key, value in fault.headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.close_connection = True
        self._body(content, real, size, fault)

    def _start(self, wanted: str | None, tag: str, fault: Fault) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        fresh = self.headers.get("If-Range", tag) == tag
        return int(match[1]) if match and fresh and not fault.ignore_range else 0

    def _body(self, content: Content, start: int, size: int, fault: Fault) -> None:
        end = size if fault.cut is None else start + int((size - start) * fault.cut)
        if fault.silent:
            end = start + (size - start) // 2
        with _reader(content) as stream:
            stream.seek(start)
            at = start
            while at < end:
                step = fault.trickle or _BLOCK
                block = bytearray(stream.read(min(step, end - at)))
                if fault.flip is not None and at <= fault.flip < at + len(block):
                    block[fault.flip - at] ^= 1
                self.wfile.write(block)
                self.owner.count(len(block))
                self.owner.started.set()
                at += len(block)
                if fault.trickle:
                    time.sleep(0.01)
                    if at - start > 500 * fault.trickle:
                        return
        if fault.silent:
            self.wfile.flush()
            self.owner.outwaited |= not self.owner.released.wait(30)


def _reader(content: Content) -> BinaryIO:
    return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)
