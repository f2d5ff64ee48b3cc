"""One finished run for all tests of reports."""

import shutil
from pathlib import Path

import pytest

from asd_cli.services.report import ReportRequest
from tests.support.report_runs import make_run, settings_in


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    make_run(root)
    return root


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> ReportRequest:
    """A run that a test may damage."""
    root = tmp_path / "run"
    shutil.copytree(finished_run, root)
    return ReportRequest(settings=settings_in(root))
