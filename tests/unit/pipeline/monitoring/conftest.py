"""A trained model, once for all tests of monitoring."""

from pathlib import Path

import pytest

from tests.support import monitored


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return monitored.train(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def place(tmp_path: Path, models: Path) -> Path:
    """A folder with the model, an empty ``in``, and a program that notes what it is told."""
    monitored.with_model(tmp_path, models)
    (tmp_path / "in").mkdir()
    told = tmp_path / "told"
    told.write_text(f'#!/bin/sh\necho "$ASD_ID $ASD_STATE" >> "{tmp_path}/ids"\n')
    told.chmod(0o755)
    return tmp_path
