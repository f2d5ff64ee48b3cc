"""Units of work: done once, by whoever comes to them; and who takes which."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asd_cli.core.errors import DataError, IncompleteError, NetworkError, UsageError
from asd_cli.core.events import SILENT, Events, SilentEvents
from asd_cli.execution import units as module
from asd_cli.execution.executor import Executor, SerialExecutor
from asd_cli.execution.markers import Markers
from asd_cli.execution.processes import ProcessExecutor
from asd_cli.execution.ranks import Rank
from asd_cli.execution.units import TRIES, Unit, do_units


class Told(SilentEvents):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, message: str) -> None:
        self.texts.append(message)

    def warning(self, message: str) -> None:
        self.texts.append(message)


def _touch(path: Path, _: Events) -> dict[str, Any]:
    """Write one more file for each time that the unit is done."""
    for number in range(100):
        made = path.with_name(f"{path.name}.{number}")
        if not made.exists():
            made.touch()
            break
    return {"made": made.name}


def units_in(folder: Path, count: int = 6) -> list[Unit[Path]]:
    return [
        Unit(f"key{n}", f"unit {n}", 1, folder / "markers", folder / f"unit{n}")
        for n in range(count)
    ]


@pytest.fixture(params=["serial", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor = (
        SerialExecutor() if request.param == "serial" else ProcessExecutor(2, start_seconds=0.0)
    )
    yield made
    made.close()


def test_each_unit_is_done_once_and_marked_with_what_it_came_to(
    tmp_path: Path, executor: Executor
) -> None:
    units, seen = units_in(tmp_path), []
    for _ in range(2):
        do_units(
            _touch, units, executor=executor, events=SILENT, each=lambda u, c: seen.append((u, c))
        )
    assert sorted(path.name for path in tmp_path.glob("unit*")) == [f"unit{n}.0" for n in range(6)]
    assert Markers(tmp_path / "markers").keys() == {f"key{n}" for n in range(6)}
    assert {u.key: c["made"] for u, c in seen} == {f"key{n}": f"unit{n}.0" for n in range(6)}
    assert len(seen) == 12
    content = Markers(tmp_path / "markers").read("key3")
    assert content is not None
    assert (content["label"], content["size"]) == ("unit 3", 1)
    assert content["seconds"] >= 0


def test_a_damaged_marker_means_that_the_unit_is_to_be_done(tmp_path: Path) -> None:
    units = units_in(tmp_path, 1)
    do_units(_touch, units, executor=SerialExecutor(), events=SILENT)
    (tmp_path / "markers" / "key0.done.json").write_bytes(b"{")
    do_units(_touch, units, executor=SerialExecutor(), events=SILENT)
    assert len(list(tmp_path.glob("unit0.*"))) == 2


def test_markers_in_a_store_are_refused() -> None:
    with pytest.raises(UsageError, match="s3://bucket/units is in a store"):
        Markers(Path("s3://bucket/units"))


_RANK = """
import sys
from pathlib import Path
from asd_cli.core.events import SILENT
from asd_cli.execution.executor import SerialExecutor
from asd_cli.execution.ranks import Rank
from asd_cli.execution.units import do_units
from tests.unit.execution.test_units import _slow, units_in
rank = Rank(int(sys.argv[2]), 2)
do_units(_slow, rank.of(units_in(Path(sys.argv[1]))), executor=SerialExecutor(), events=SILENT)
"""


def _slow(path: Path, events: Events) -> dict[str, Any]:
    time.sleep(0.1)
    return _touch(path, events)


def test_ranks_started_twice_over_each_other_do_each_unit_once(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", _RANK, str(tmp_path), rank])
        for rank in ("0", "0", "1", "1")
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    assert sorted(path.name for path in tmp_path.glob("unit*")) == [f"unit{n}.0" for n in range(6)]


def test_a_unit_that_another_process_has_is_left_to_it_and_waited_for(tmp_path: Path) -> None:
    units, order = units_in(tmp_path, 3), []
    markers = Markers(tmp_path / "markers")
    claimed, release = threading.Event(), threading.Event()

    def other() -> None:
        with markers.claimed("key0", wait=True):
            claimed.set()
            release.wait(30)
            markers.write("key0", {"made": "elsewhere"})

    thread = threading.Thread(target=other)
    thread.start()
    claimed.wait(30)

    def done(unit: Unit[Path], _: object) -> None:
        order.append(unit.key)
        if len(order) == 2:
            release.set()

    do_units(_touch, units, executor=SerialExecutor(), events=SILENT, each=done)
    thread.join()
    assert order == ["key1", "key2", "key0"]
    assert not list(tmp_path.glob("unit0.*"))


def _fail_on(numbers: str) -> Callable[[Path, Events], dict[str, Any]]:
    def job(path: Path, events: Events) -> dict[str, Any]:
        _touch(path, events)
        if path.name[-1] in numbers:
            raise DataError(f"{path.name} is damaged", hint="fetch it again")
        return {}

    return job


def test_one_that_fails_is_raised_after_the_others(tmp_path: Path) -> None:
    told = Told()
    with pytest.raises(DataError, match="unit1 is damaged") as caught:
        do_units(_fail_on("1"), units_in(tmp_path, 4), executor=SerialExecutor(), events=told)
    assert caught.value.hint == "fetch it again"
    assert told.texts == ["unit 1 failed: unit1 is damaged"]
    assert Markers(tmp_path / "markers").keys() == {"key0", "key2", "key3"}
    assert not list(tmp_path.glob("unit1.1")), "what is wrong with data is not tried again"


def test_several_that_fail_are_named(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match="2 of 4 units failed") as caught:
        do_units(_fail_on("13"), units_in(tmp_path, 4), executor=SerialExecutor(), events=SILENT)
    assert caught.value.problems == (
        "unit 1: unit1 is damaged",
        "unit 3: unit3 is damaged",
    )


@pytest.mark.parametrize("failures", [1, TRIES])
def test_what_a_network_failed_is_tried_again_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monkeypatch.setattr(module, "_WAIT_S", 0.0)
    tried, told = [], Told()

    def job(path: Path, _: Events) -> dict[str, Any]:
        tried.append(path)
        if len(tried) <= failures:
            raise NetworkError("no answer")
        return {}

    if failures < TRIES:
        do_units(job, units_in(tmp_path, 1), executor=SerialExecutor(), events=told)
        assert Markers(tmp_path / "markers").keys() == {"key0"}
        assert told.texts == ["unit 0 is tried again: no answer"]
    else:
        with pytest.raises(NetworkError, match="no answer"):
            do_units(job, units_in(tmp_path, 1), executor=SerialExecutor(), events=told)
        assert told.texts[-1] == "unit 0 failed: no answer"
    assert len(tried) == min(failures + 1, TRIES)


@given(st.integers(0, 200), st.integers(1, 17))
def test_ranks_take_everything_once_and_about_the_same_number(items: int, count: int) -> None:
    taken = [Rank(number, count).of(range(items)) for number in range(count)]
    assert sorted(item for part in taken for item in part) == list(range(items))
    sizes = [len(part) for part in taken]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("number", "count"), [(2, 2), (-1, 2), (0, 0)])
def test_a_rank_that_there_is_not_is_refused(number: int, count: int) -> None:
    with pytest.raises(UsageError, match=f"no rank {number} of {count}"):
        Rank(number, count)
