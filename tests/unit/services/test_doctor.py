import sys

import pytest

from asd_cli.services.doctor import diagnose
from asd_cli.settings.model import Settings


def test_facts_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert diagnose(Settings()).facts["torch"]["available"] is False
