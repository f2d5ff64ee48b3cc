"""Fixtures that many tests share."""

import os

# Tests run in several processes; a thread for each core in each of them would only wait. Read when
# torch is first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

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
