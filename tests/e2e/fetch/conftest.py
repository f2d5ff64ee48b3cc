"""A place to fetch into."""

from pathlib import Path

import pytest

from tests.support.fetching import Sandbox, make_sandbox


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    return make_sandbox(tmp_path, monkeypatch)
