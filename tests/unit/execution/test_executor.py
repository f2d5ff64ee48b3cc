import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from asd_cli.core.errors import DataError, StorageError
from asd_cli.core.events import SILENT, Events, SilentEvents
from asd_cli.core.interrupts import Terminated, deferred_interrupts
from asd_cli.execution.executor import (
    ProcessExecutor,
    SerialExecutor,
    available_cores,
    make_executor,
)


def _square(number: int) -> int:
    return number * number


def _fail(number: int) -> int:
    raise DataError(f"item {number}", hint="mend it")


def _die(_: int) -> int:
    os._exit(9)


@pytest.mark.parametrize(
    "executor", [SerialExecutor(), ProcessExecutor(2)], ids=["serial", "processes"]
)
def test_results_come_in_order(executor: SerialExecutor | ProcessExecutor) -> None:
    assert list(executor.map(_square, range(40))) == [n * n for n in range(40)]


@pytest.mark.parametrize(
    "executor", [SerialExecutor(), ProcessExecutor(2)], ids=["serial", "processes"]
)
def test_errors_come_through_with_their_hint(executor: SerialExecutor | ProcessExecutor) -> None:
    with pytest.raises(DataError, match="item 0") as caught:
        list(executor.map(_fail, range(3)))
    assert caught.value.hint == "mend it"


def test_a_killed_worker_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(StorageError, match="worker process was killed") as caught:
        list(ProcessExecutor(1).map(_die, [1]))
    assert "--jobs 1" in str(caught.value.hint)


def test_one_job_needs_no_process() -> None:
    assert isinstance(make_executor(1), SerialExecutor)
    assert make_executor(3).workers == 3
    assert make_executor(None).workers == max(1, available_cores())


EXECUTORS = pytest.mark.parametrize(
    "executor", [SerialExecutor(), ProcessExecutor(2)], ids=["serial", "processes"]
)


class Heard(SilentEvents):
    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def started(self, task: str, total: float | None, unit: str) -> None:
        self.calls.append(("started", task, total, unit))

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        self.calls.append(("advanced", task, amount, detail))

    def finished(self, task: str) -> None:
        self.calls.append(("finished", task))

    def warning(self, message: str) -> None:
        self.calls.append(("warning", message))


def _report(number: int, events: Events) -> int:
    events.started(f"task {number}", 1, "steps")
    events.advanced(f"task {number}", 1, "all of it")
    events.finished(f"task {number}")
    events.warning(f"warning {number}")
    return number * number


def _fail_or_wait(path: Path, _: Events) -> None:
    """Fail where there is a file; else go on until asked to stop, and say so in a file."""
    if path.exists():
        raise DataError(f"{path.name} is there", hint="remove it")
    with deferred_interrupts() as stop:
        path.touch()
        while not stop.received:
            time.sleep(0.01)
        path.with_suffix(".stopped").touch()
        stop.act()


def _wait_in_vain(path: Path, _: Events) -> None:
    path.touch()
    time.sleep(60)


@EXECUTORS
def test_long_jobs_report_and_their_results_come_in_order(
    executor: SerialExecutor | ProcessExecutor,
) -> None:
    heard, done = Heard(), list[int]()
    assert executor.run(_report, [3, 1, 2], events=heard, done=done.append) == [9, 1, 4]
    assert sorted(done) == [1, 4, 9]
    for number in (1, 2, 3):
        own = [call for call in heard.calls if str(number) in str(call[1])]
        assert own == [
            ("started", f"task {number}", 1, "steps"),
            ("advanced", f"task {number}", 1, "all of it"),
            ("finished", f"task {number}"),
            ("warning", f"warning {number}"),
        ]


def test_an_error_stops_the_other_long_jobs_and_comes_through(tmp_path: Path) -> None:
    there, waits = tmp_path / "there", tmp_path / "waits"
    there.touch()
    with pytest.raises(DataError, match="there is there") as caught:
        ProcessExecutor(2).run(_fail_or_wait, [waits, there], events=SILENT, done=lambda _: None)
    assert caught.value.hint == "remove it"
    assert waits.with_suffix(".stopped").exists() or not waits.exists()


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_signal_lets_running_jobs_end_well_and_begins_no_other(
    tmp_path: Path, number: signal.Signals, raised: type[BaseException]
) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]

    def interrupt() -> None:
        while not (paths[0].exists() and paths[1].exists()):
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(raised):
        ProcessExecutor(2).run(_fail_or_wait, paths, events=SILENT, done=lambda _: None)
    thread.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a", "a.stopped", "b", "b.stopped",
    ]  # fmt: skip


def test_long_jobs_that_do_not_look_for_signals_are_broken_off(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    begun = time.monotonic()

    def interrupt() -> None:
        while not all(path.exists() for path in paths):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        ProcessExecutor(2).run(_wait_in_vain, paths, events=SILENT, done=lambda _: None)
    thread.join()
    assert time.monotonic() - begun < 55


def test_a_killed_worker_of_a_long_job_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(StorageError, match="worker process was killed"):
        ProcessExecutor(2).run(_die_reporting, [1, 2], events=SILENT, done=lambda _: None)


def _die_reporting(_: int, __: Events) -> None:
    os._exit(9)


def _threads(_: int, __: Events) -> str:
    return os.environ["OMP_NUM_THREADS"] + os.environ["OPENBLAS_NUM_THREADS"]


def test_long_jobs_side_by_side_compute_with_one_thread_each() -> None:
    assert (
        ProcessExecutor(2).run(_threads, [1, 2], events=SILENT, done=lambda _: None) == ["11"] * 2
    )


_PARENT = """
import sys
from pathlib import Path
from asd_cli.core.events import SILENT
from asd_cli.execution.executor import ProcessExecutor
from tests.unit.execution.test_executor import _fail_or_wait
if __name__ == "__main__":
    paths = [Path(name) for name in sys.argv[1:]]
    ProcessExecutor(2).run(_fail_or_wait, paths, events=SILENT, done=print)
"""


def test_no_long_job_outlives_a_killed_parent(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(_PARENT)
    paths = [tmp_path / "a", tmp_path / "b"]
    top = Path(__file__).resolve().parents[3]
    parent = subprocess.Popen(
        [sys.executable, str(program), *map(str, paths)], env={**os.environ, "PYTHONPATH": str(top)}
    )
    wait_until(lambda: all(path.exists() for path in paths) or parent.poll() is not None)
    parent.kill()
    parent.wait()
    wait_until(lambda: all(path.with_suffix(".stopped").exists() for path in paths))


def wait_until(condition, seconds: float = 60.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_workers_of_short_jobs_stay_for_the_next_call() -> None:
    executor = ProcessExecutor(1)
    first = list(executor.map(_process, range(2)))
    assert list(executor.map(_process, range(2))) == first
    executor.close()
    assert list(executor.map(_process, range(2))) != first
    executor.close()


def _process(_: int) -> int:
    return os.getpid()
