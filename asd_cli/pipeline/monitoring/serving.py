"""The folder of the status page, read-only, on an address of this machine."""

import functools
import ipaddress
import threading
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from asd_cli.core.errors import ResourceError, UsageError
from asd_cli.pipeline.monitoring.channels import split_host
from asd_cli.pipeline.monitoring.state_of import MonitorStatus

_PORT = 8080
_NAMES = {"localhost", "127.0.0.1", "[::1]"}
_SHOWN = {".html", ".wav", ".json"}


class _Handler(SimpleHTTPRequestHandler):
    """Gives files of one folder to this machine; no lists, no hidden files, nothing outside."""

    def __init__(self, *args: Any, page: Path, **kwargs: Any) -> None:
        self._page = page
        super().__init__(*args, directory=str(page.parent), **kwargs)

    def send_head(self) -> Any:
        """Refuse what is no shown file, and what a foreign page asks for under its own name."""
        host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in _NAMES:
            self.send_error(HTTPStatus.FORBIDDEN, "only for this machine")
            return None
        if self.path in {"/", ""}:
            self.path = f"/{self._page.name}"
        asked = Path(self.translate_path(self.path))
        inside = asked.resolve().is_relative_to(self._page.parent.resolve())
        hidden = any(part.startswith(".") for part in Path(self.path).parts)
        if not inside or hidden or not asked.is_file() or asked.suffix not in _SHOWN:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Let the page be new each time, and nothing guess at types."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Write no log."""


class PageServer:
    """Serves the folder of a page until it is closed.

    Parameters
    ----------
    address : str
        ``HOST:PORT`` of the loopback; port 0 for any.
    page : Path
        The page; its folder is served.

    Raises
    ------
    UsageError
        When the address is not of this machine alone.
    ResourceError
        When it cannot be listened on.
    """

    def __init__(self, address: str, page: Path) -> None:
        host, port = split_host(address, _PORT)
        host = "127.0.0.1" if host == "localhost" else host
        if not _is_loopback(host):
            raise UsageError(
                f"the page is served to this machine only, not on {host}",
                hint="--serve 127.0.0.1:8080; for others put a web server with a login before it",
            )
        handler = functools.partial(_Handler, page=page.absolute())
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise ResourceError(
                f"the page cannot be served on {address}: {error.strerror}",
                hint="choose another port: --serve 127.0.0.1:8081",
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Port that is listened on."""
        return self._server.server_port

    def update(self, status: MonitorStatus) -> None:
        """Do nothing: files are read when they are asked for."""

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
