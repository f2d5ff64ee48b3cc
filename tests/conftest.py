"""Fixtures that many tests share."""

from pathlib import Path

import pytest

from tests.support.recordings import SHARED, write_machine


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with the recordings of one small machine."""
    monkeypatch.chdir(tmp_path)
    write_machine(tmp_path / "dev_data")
    return tmp_path


@pytest.fixture
def shared() -> Path:
    """Real recordings and peers' results, where they are at hand."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real recordings and peers' results is not here")
    return SHARED
