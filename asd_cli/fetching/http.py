"""The HTTP session.

What `requests` does not do by itself: stay on one host, keep the token there, refuse plain http,
notice a transfer that stalls, and distinguish transient faults from permanent ones.
"""

import html
import ipaddress
import re
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase
from requests.utils import get_auth_from_url
from urllib3.exceptions import HTTPError, InvalidHeader, NameResolutionError
from urllib3.util.retry import Retry

from asd_cli.core.errors import NetworkError, UsageError
from asd_cli.core.text import printable
from asd_cli.fetching.retry import RetryPolicy, TransientError, UnknownHostError

BLOCK = 1 << 20
_MAX_REDIRECTS = 5
_MAX_PAGE_BYTES = 1 << 16
_MAX_PAGE_SECONDS = 5.0
_MAX_PAGE_TEXT = 300
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524})
_BY_OTHER_MEANS = (
    "list the addresses with asd fetch --print-urls, fetch them by other means, "
    "then: asd fetch --from DIR"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A server that may be asked.

    Attributes
    ----------
    base : str
        Address without a slash at its end.
    mirror : bool
        Whether the user named it for this fetch: then it may redirect elsewhere and is never sent
        the token.
    """

    base: str
    mirror: bool = False

    @property
    def is_trusted(self) -> bool:
        """Whether its checksums can be trusted: nobody on the way can have changed them."""
        return self.base.startswith("https:") or is_loopback(self.base)


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine.

    Examples
    --------
    >>> is_loopback("http://127.0.0.1:8000/"), is_loopback("http://mirror.example/")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redact(text: str) -> str:
    """Hide user names and passwords in the addresses of a text.

    Examples
    --------
    >>> redact("cannot reach https://me:secret@mirror.example/asd")
    'cannot reach https://***@mirror.example/asd'
    """
    return re.sub(r"(?<=://)[^/@\s]+@", "***@", text)


class AbsentError(NetworkError):
    """The server has nothing at this address."""


class _OnlyFor(AuthBase):
    """Credentials for one host; setting it, even without any, also keeps ``.netrc`` out."""

    def __init__(self, base: str, authorization: str | None) -> None:
        self._host = _host(base)
        self._authorization = authorization

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._authorization and _host(request.url or "") == self._host:
            request.headers["Authorization"] = self._authorization
        return request


class Web:
    """A session with servers that may be asked; close it after use.

    Proxies are those of the environment.

    Parameters
    ----------
    home : Site
        The only place the token is sent to.
    token : str, optional
        Zenodo access token.
    policy : RetryPolicy
        Timeouts.

    Raises
    ------
    UsageError
        When the token cannot be a header.
    """

    def __init__(
        self, *, home: Site, token: str | None = None, policy: RetryPolicy | None = None
    ) -> None:
        token = token.strip() if token else None
        if token and not (token.isascii() and token.isprintable()):
            raise UsageError(
                "ZENODO_TOKEN has characters that no token has", hint="unset ZENODO_TOKEN"
            )
        self.policy = policy or RetryPolicy()
        self._token = token
        self._home = home
        self._session = requests.Session()
        # zip files must come as they are: size and MD5 are those of the stored bytes.
        self._session.headers.update({"User-Agent": user_agent(), "Accept-Encoding": "identity"})

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    @contextmanager
    def get(
        self, site: Site, url: str, *, headers: Mapping[str, str] | None = None
    ) -> Iterator[requests.Response]:
        """Ask for an address and follow redirects as far as the site may be followed.

        Yields
        ------
        requests.Response
            With status 200, 206 or 416 and its body unread.

        Raises
        ------
        TransientError
            When trying again may help.
        AbsentError
            On 404 and 410.
        NetworkError
            On every other answer, and on a redirect to where it may not go.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._ask(site, url, headers)
            with response:
                target = response.headers.get("Location") if response.is_redirect else None
                if target is None:
                    _require_answer(response, url)
                    yield response
                    return
                url = _follow(site, url, urljoin(url, target))
        raise NetworkError(f"{redact(url)} redirects without end", hint=_BY_OTHER_MEANS)

    def _ask(self, site: Site, url: str, headers: Mapping[str, str] | None) -> requests.Response:
        with network_errors(url):
            return self._session.get(
                url,
                headers=dict(headers or {}),
                auth=self._credentials(site),
                stream=True,
                allow_redirects=False,
                timeout=(self.policy.connect, self.policy.read),
            )

    def _credentials(self, site: Site) -> AuthBase:
        if not site.mirror:
            bearer = f"Bearer {self._token}" if self._token else None
            return _OnlyFor(self._home.base, bearer)
        user, password = get_auth_from_url(site.base)
        basic = b64encode(f"{user}:{password}".encode()).decode()
        return _OnlyFor(site.base, f"Basic {basic}" if user else None)


def blocks(response: requests.Response, url: str) -> Iterator[bytes]:
    """Read a body as it comes, each block without waiting for more.

    ``iter_content`` waits until a block is full, however slowly it fills, and so hides a stall.

    Raises
    ------
    TransientError
        When the connection breaks or goes silent.
    """
    with network_errors(url):
        while block := response.raw.read1(BLOCK, decode_content=False):
            yield block


@contextmanager
def network_errors(url: str) -> Iterator[None]:
    """Turn errors of `requests` and `urllib3` into those of `asd`, without credentials.

    Raises
    ------
    TransientError
        On broken connections and timeouts.
    NetworkError
        On certificates, proxies and addresses that a retry does not fix.
    """
    host = urlsplit(url).hostname
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise NetworkError(
            f"no safe connection to {host}: its certificate is not accepted",
            hint="check the clock, and REQUESTS_CA_BUNDLE behind a company's proxy",
        ) from error
    except requests.exceptions.ProxyError as error:
        raise NetworkError(
            f"the proxy on the way to {host} does not answer or refuses",
            hint="check HTTPS_PROXY and NO_PROXY",
        ) from error
    except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
        if isinstance(_cause(error), NameResolutionError):
            raise UnknownHostError(str(host)) from error
        raise TransientError(f"the connection to {host} broke ({type(error).__name__})") from error
    except OSError as error:  # includes what else `requests` raises
        raise NetworkError(
            f"{redact(url)} cannot be asked for ({type(error).__name__})",
            hint="check the address, and REQUESTS_CA_BUNDLE if it is set",
        ) from error


def _cause(error: Exception) -> object:
    """Why all attempts of `urllib3` failed."""
    reason = error.args[0] if error.args else None
    return getattr(reason, "reason", reason)


def _follow(site: Site, source: str, target: str) -> str:
    allowed = (
        urlsplit(target).scheme in {"http", "https"}
        and not (source.startswith("https:") and target.startswith("http:"))
        if site.mirror
        else _host(source) == _host(target)
    )
    if not allowed:
        raise NetworkError(
            f"{redact(source)} redirects to {redact(target)}, off its host; not followed",
            hint=f"if you trust that place, name it yourself: asd fetch --from {redact(target)}",
        )
    return target


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return ("", None, None)
    return (parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme))


def _require_answer(response: requests.Response, url: str) -> None:
    status, where = response.status_code, redact(url)
    if status in {200, 206, 416}:
        return
    if status in _TRANSIENT:
        raise TransientError(f"{where} answered {status}", wait=retry_after(response.headers))
    if status in {404, 410}:
        raise AbsentError(f"{where} does not exist ({status})", hint=_BY_OTHER_MEANS)
    page = _page_text(_read_start(response, url))
    raise NetworkError(
        f"{where} refused ({status} {response.reason})" + (f": {page}" if page else ""),
        hint=f"wait some minutes, or set ZENODO_TOKEN to an access token, or {_BY_OTHER_MEANS}",
    )


def _read_start(response: requests.Response, url: str) -> bytes:
    """Read the beginning of a body for a message; nothing when it does not come."""
    start = bytearray()
    deadline = time.monotonic() + _MAX_PAGE_SECONDS
    with suppress(NetworkError):
        for block in blocks(response, url):
            start += block
            if len(start) >= _MAX_PAGE_BYTES or time.monotonic() > deadline:
                break
    return bytes(start[:_MAX_PAGE_BYTES])


def _page_text(page: bytes) -> str:
    """Shorten the text of a page to one printable line, in quotes; empty when it has none."""
    text = page[:_MAX_PAGE_BYTES].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style|head)\b.*?(</\1\s*>|$)|<!--.*?(-->|$)|<[^>]*>", " ", text)
    words = redact(printable(" ".join(html.unescape(text).split())))
    if len(words) > _MAX_PAGE_TEXT:
        words = f"{words[: _MAX_PAGE_TEXT - 3]}..."
    return f'"{words}"' if words else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a ``Retry-After`` asks for, as a number or a date; None without a valid one.

    Examples
    --------
    >>> retry_after({"Retry-After": "7"})
    7
    >>> retry_after({"Retry-After": "soon"}) is None
    True
    """
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        return Retry().parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def refuse_page(response: requests.Response, start: bytes, url: str) -> None:
    """Refuse a web page that came under status 200 in place of a file.

    Raises
    ------
    NetworkError
        When the type or the first bytes are those of HTML.
    """
    begins = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if "text/html" in response.headers.get("Content-Type", "").lower() or begins.startswith(
        (b"<!doctype html", b"<html")
    ):
        page = _page_text(start)
        raise NetworkError(
            f"{redact(url)} answered with a web page instead of the file"
            + (f": {page}" if page else ""),
            hint=f"a login or a traffic limit stands before it; wait some minutes, or "
            f"{_BY_OTHER_MEANS}",
        )


def user_agent() -> str:
    """Name of the client: ``asd/<version> (+<home page>)``; Zenodo refuses those of libraries."""
    try:
        facts = metadata("asd-cli")
    except PackageNotFoundError:
        return "asd"
    pages = [entry.split(",")[-1].strip() for entry in facts.get_all("Project-URL") or []]
    return f"asd/{facts['Version']}" + (f" (+{pages[0]})" if pages else " (asd-cli)")
