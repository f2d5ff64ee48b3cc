"""Two folders of recordings with one cache: each always gets its own numbers."""

import subprocess
import sys
from pathlib import Path

import pytest

import asd_cli as asd
from asd_cli.core.types import Mode, Split
from asd_cli.features.store import find_stores
from asd_cli.pipeline.layout import Layout
from tests.support.recordings import tone, write_machine, write_wav


def request(root: Path, data: str, *, cache: str = "cache", force: bool = False) -> asd.RunRequest:
    overrides = [
        "detector=pooled-knn", f"dev_directory={root / data}", f"cache_directory={root / cache}",
        f"model_directory={root / data / 'model'}", f"result_directory={root / data / 'result'}",
    ]  # fmt: skip
    settings = asd.load_settings(overrides=overrides, environment={}).settings
    return asd.RunRequest(settings=settings, jobs=1, force=force, machines=("fan",))


def scores(root: Path, data: str) -> dict[str, str]:
    files = (root / data / "result" / "dev" / "pooled-knn").glob("anomaly_score_*.csv")
    rows = [line.split(",") for path in files for line in path.read_text().split()]
    assert rows
    return dict(rows)


@pytest.fixture
def two(tmp_path: Path) -> dict[str, dict[str, str]]:
    """Two folders with files of the same names and other content; what each gives alone."""
    for number, data in enumerate(("one", "two")):
        write_machine(tmp_path / data, train=4, test=2, seconds=0.8)
        for index, path in enumerate(sorted((tmp_path / data).rglob("*.wav"))):
            seed = 1000 * number + index
            write_wav(path, tone(300.0 + 50.0 * (index % 7), seconds=0.8, seed=seed))
    found = {}
    for data in ("one", "two"):
        own = request(tmp_path, data, cache=f"cache {data}")
        asd.train(own)
        asd.score(own)
        found[data] = scores(tmp_path, data)
    assert found["one"].keys() == found["two"].keys()
    assert found["one"] != found["two"]
    return found


def test_alternately_scored_each_gets_its_own(
    tmp_path: Path, two: dict[str, dict[str, str]]
) -> None:
    for data in ("one", "two", "one", "one", "two"):
        asd.score(request(tmp_path, data, force=True))
        assert scores(tmp_path, data) == two[data]
    for data in two:
        layout = Layout(request(tmp_path, data).settings, Mode.DEV)
        assert len(find_stores(layout.store("fan", Split.TEST))) == 1, "none displaced the other"
        assert asd.score(request(tmp_path, data)).machines[0].up_to_date


def test_recordings_that_were_exchanged_are_not_taken_for_each_other(
    tmp_path: Path, two: dict[str, dict[str, str]]
) -> None:
    for data in two:
        asd.score(request(tmp_path, data, force=True))
    for part in ("source_test", "target_test", "train"):
        one, other = (tmp_path / data / "fan" / part for data in ("one", "two"))
        for path in sorted(one.iterdir()):
            first, second = path.read_bytes(), (other / path.name).read_bytes()
            path.write_bytes(second)
            (other / path.name).write_bytes(first)
    for data, other_data in (("one", "two"), ("two", "one")):
        own = request(tmp_path, data)
        asd.train(own)
        asd.score(own)
        assert scores(tmp_path, data) == two[other_data]


_SCORE = """
import sys
from pathlib import Path
import asd_cli as asd
from tests.unit.pipeline.test_shared_cache import request, scores
root, data = Path(sys.argv[1]), sys.argv[2]
found = set()
for _ in range(5):
    asd.score(request(root, data, force=True))
    found.add(tuple(sorted(scores(root, data).items())))
assert len(found) == 1
"""


def test_scored_at_once_each_gets_its_own(tmp_path: Path, two: dict[str, dict[str, str]]) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", _SCORE, str(tmp_path), data]) for data in two
    ]
    assert [process.wait(timeout=180) for process in processes] == [0, 0]
    assert {data: scores(tmp_path, data) for data in two} == two
