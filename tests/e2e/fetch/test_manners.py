"""How we behave towards servers, proxies and secrets."""

import base64
import hashlib

import pytest

from asd_cli.core.errors import IntegrityError, NetworkError, UsageError
from tests.support.archives import DEV, dev_files, records_of
from tests.support.fetching import Sandbox
from tests.support.zenodo_server import Fault, ZenodoServer

NAME = "dev_data_fan.zip"


def serve(**options: object) -> ZenodoServer:
    return ZenodoServer(records_of(("fan",)), **options)  # type: ignore[arg-type]


def test_we_name_ourselves_and_ask_one_at_a_time(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(("fan", "pump"))) as server:
        sandbox.fetch(server, machines=("fan", "pump"))
        agents = {seen.headers["user-agent"] for seen in server.requests}
        assert len(agents) == 1
        assert agents.pop().startswith("asd/")
        assert {seen.headers["accept-encoding"] for seen in server.requests} == {"identity"}
        assert len(server.requests) == 3


@pytest.mark.parametrize("given", ["argument", "environment"])
def test_the_token_goes_to_zenodo_as_a_header(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    if given == "environment":
        monkeypatch.setenv("ZENODO_TOKEN", "secret-token\n")
    with serve() as server:
        sandbox.fetch(server, token="secret-token" if given == "argument" else None)
        for seen in server.requests:
            assert seen.headers["authorization"] == "Bearer secret-token"
            assert "secret" not in seen.path


def test_the_token_is_never_sent_elsewhere(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZENODO_TOKEN", "secret-token")
    with serve() as zenodo, serve() as mirror, serve() as third:
        mirror.misbehave(NAME, Fault(redirect=f"{third.url}/{NAME}"))
        sandbox.fetch(zenodo, origin=mirror.url)
        assert third.asked(NAME)
        for seen in (*mirror.requests, *third.requests):
            assert "authorization" not in seen.headers


def test_credentials_of_a_mirror_stay_with_it_and_are_not_written(sandbox: Sandbox) -> None:
    with serve() as zenodo, serve() as mirror, serve() as third:
        mirror.misbehave(NAME, Fault(redirect=f"{third.url}/{NAME}"))
        origin = mirror.url.replace("://", "://user:hush@")
        result = sandbox.fetch(zenodo, origin=origin)
        expected = "Basic " + base64.b64encode(b"user:hush").decode()
        assert mirror.asked(NAME)[0].headers["authorization"] == expected
        assert "authorization" not in third.asked(NAME)[0].headers
    assert "hush" not in str(result)
    assert not [path for path in sandbox.root.rglob("*.json") if "hush" in path.read_text()]


def test_netrc_is_not_used(sandbox: Sandbox) -> None:
    (sandbox.base / "home" / ".netrc").write_text("machine 127.0.0.1 login me password hush\n")
    with serve() as server:
        sandbox.fetch(server)
        assert all("authorization" not in seen.headers for seen in server.requests)


@pytest.mark.parametrize("token", ["two\nlines", "ümlaut"])
def test_a_token_that_cannot_be_one_is_refused_without_showing_it(
    sandbox: Sandbox, token: str
) -> None:
    with pytest.raises(UsageError, match="ZENODO_TOKEN") as caught:
        sandbox.fetch(token=token)
    assert token not in caught.value.message


@pytest.mark.parametrize("where", [NAME, str(DEV)])
def test_redirects_off_the_host_are_not_followed(sandbox: Sandbox, where: str) -> None:
    with serve() as server, serve() as other:
        server.misbehave(where, Fault(redirect=f"{other.url}/{NAME}"))
        with pytest.raises(NetworkError, match="off its host"):
            sandbox.fetch(server)
        assert not other.requests


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://h:x/"])
def test_redirects_to_other_schemes_are_not_followed(sandbox: Sandbox, target: str) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(redirect=target))
        with pytest.raises(NetworkError, match="off its host"):
            sandbox.fetch(server)


def test_redirects_on_the_host_are_followed_but_not_for_ever(sandbox: Sandbox) -> None:
    with serve() as server:
        moved = f"/api/records/{DEV}/files/{NAME}/content"
        server.misbehave(NAME, Fault(redirect=moved))
        server.misbehave(f"/{DEV}", Fault(redirect=f"/api/records/{DEV}", forever=True))
        with pytest.raises(NetworkError, match="redirects without end"):
            sandbox.fetch(server)
    with serve() as server:
        server.misbehave(NAME, Fault(redirect=moved))
        sandbox.fetch(server)
    assert len(sandbox.seen()) == len(dev_files())


def test_proxies_of_the_environment_are_used(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://user:hush@"))
        sandbox.fetch(base_url="http://localhost:1")
        assert all("proxy-authorization" in seen.headers for seen in proxy.requests)
    assert len(sandbox.seen()) == len(dev_files())


def test_the_password_of_a_proxy_is_never_shown(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://user:hush@127.0.0.1:9")
    with pytest.raises(NetworkError, match="proxy") as caught:
        sandbox.fetch(base_url="http://localhost:1")
    error: BaseException | None = caught.value
    while error is not None:
        assert "hush" not in repr(error)
        error = error.__cause__
    assert "hush" not in f"{sandbox.events}"


@pytest.mark.parametrize("shape", ["files", "filename", "entries", "mapping"])
def test_every_shape_of_the_record_api_is_read(sandbox: Sandbox, shape: str) -> None:
    with serve(shape=shape) as server:
        sandbox.fetch(server)
    assert len(sandbox.seen()) == len(dev_files())


def test_the_frozen_record_decides_later(sandbox: Sandbox) -> None:
    with serve() as server:
        sandbox.fetch(server)
        server.sums[NAME] = hashlib.md5(b"another", usedforsecurity=False).hexdigest()
        assert sandbox.fetch(server).nothing_to_do
        next(sandbox.dev.rglob("*.wav")).unlink()
        server.requests.clear()
        sandbox.fetch(server)
        assert not server.asked(str(DEV))


def test_a_damaged_frozen_record_is_said(sandbox: Sandbox) -> None:
    with serve() as server:
        sandbox.fetch(server)
        frozen = sandbox.dev / ".asd-fetch" / f"record-{DEV}.json"
        frozen.write_text("{")
        with pytest.raises(IntegrityError, match="is damaged") as caught:
            sandbox.fetch(server)
    assert str(frozen) in str(caught.value.hint)
