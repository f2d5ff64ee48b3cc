"""A place to fetch into, where every byte written outside the destination is noticed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from asd_cli.fetching.retry import RetryPolicy
from asd_cli.services.fetch import FetchRequest, FetchResult, fetch
from tests.support.disk import recordings, snapshot
from tests.support.zenodo_server import ZenodoServer

QUICK = RetryPolicy(
    attempts=4, pause=0.0, pause_limit=0.0, retry_after_limit=0.0, connect=20.0, read=20.0
)
NOWHERE = "http://127.0.0.1:9"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass
class RecordedEvents:
    """Events kept for looking at."""

    tasks: list[str] = field(default_factory=list)
    amounts: dict[str, float] = field(default_factory=dict)
    totals: dict[str, float | None] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def started(self, task: str, total: float | None, unit: str) -> None:
        assert unit in {"bytes", "files"}
        self.tasks.append(task)
        self.totals[task] = total
        self.amounts[task] = 0

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        self.amounts[task] += amount

    def finished(self, task: str) -> None:
        self.ended.append(task)

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


@dataclass
class Sandbox:
    """A folder with the destination, the home and the temporary folder of a fetch in it."""

    base: Path
    events: RecordedEvents = field(default_factory=RecordedEvents)

    @property
    def root(self) -> Path:
        return self.base / "root"

    @property
    def dev(self) -> Path:
        return self.root / "dev_data"

    @property
    def eval(self) -> Path:
        return self.root / "eval_data"

    def fetch(self, server: ZenodoServer | None = None, **options: Any) -> FetchResult:
        """Fetch ``fan`` of the development set; nothing may appear outside the destination."""
        options = {"stages": ("dev",), "machines": ("fan",), "retry": QUICK, **options}
        options.setdefault("base_url", NOWHERE if server is None else server.url)
        before = snapshot(self.base, without=self.root)
        try:
            return fetch(FetchRequest(root=self.root, **options), self.events)
        finally:
            assert snapshot(self.base, without=self.root) == before

    def seen(self) -> dict[str, str]:
        """What a user sees of the destination."""
        return {
            **{f"dev_data/{name}": text for name, text in recordings(self.dev).items()},
            **{f"eval_data/{name}": text for name, text in recordings(self.eval).items()},
        }


def make_sandbox(base: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Make a place to fetch into; without proxies, tokens and the user's own home."""
    for name in ("home", "tmp"):
        (base / name).mkdir()
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("ZENODO_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(base / "home"))
    monkeypatch.setenv("TMPDIR", str(base / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return Sandbox(base)
