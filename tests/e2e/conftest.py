from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asd_cli.core.events import SILENT, Events
from asd_cli.services import fetch as service
from tests.support.small_challenge import make_records
from tests.support.zenodo_server import ZenodoServer


@pytest.fixture
def zenodo(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ZenodoServer]:
    """A server that has the challenge's records, small, in the place of Zenodo."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    original = service.fetch
    folder: Path = tmp_path_factory.mktemp("records")
    with ZenodoServer(make_records(folder)) as server:

        def fetch(request: service.FetchRequest, events: Events = SILENT) -> service.FetchResult:
            return original(replace(request, base_url=server.url), events)

        monkeypatch.setattr("asd_cli.services.fetch.fetch", fetch)
        monkeypatch.setattr("asd_cli.services.run.fetch", fetch)
        yield server
