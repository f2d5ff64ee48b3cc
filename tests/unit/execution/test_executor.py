"""One contract for every executor, and what processes add to it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asd_cli.core.errors import DataError, ResourceError
from asd_cli.core.events import Events, SilentEvents
from asd_cli.core.interrupts import Terminated, deferred_interrupts
from asd_cli.execution import cores
from asd_cli.execution.cores import available_cores, cpu_quota
from asd_cli.execution.executor import Engine, Executor, SerialExecutor, in_order, make_executor
from asd_cli.execution.processes import ProcessExecutor, workers_pay


@pytest.fixture(scope="module", params=["serial", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    makers: dict[str, Callable[[], Executor]] = {
        "serial": SerialExecutor,
        "processes": lambda: ProcessExecutor(2, start_seconds=0.0),
        "dask": lambda: make_executor(2, engine=Engine.DASK),
    }
    made = makers[request.param]()
    yield made
    made.close()


class Recorder(SilentEvents):
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


def _square(number: int, _: Events) -> int:
    return number * number


def _fail(number: int, _: Events) -> int:
    raise DataError(f"item {number}", hint="fix it")


def _die(number: int, _: Events) -> int:
    if number:
        os._exit(9)
    return number


def _exhaust(number: int, _: Events) -> int:
    if number:
        raise MemoryError
    return number


def _process(_: int, __: Events) -> int:
    return os.getpid()


def _threads(_: int, __: Events) -> str:
    return os.environ["OMP_NUM_THREADS"] + os.environ["OPENBLAS_NUM_THREADS"]


def _report(number: int, events: Events) -> int:
    events.started(f"task {number}", 1, "steps")
    events.advanced(f"task {number}", 1, "all of it")
    events.finished(f"task {number}")
    events.warning(f"warning {number}")
    return number * number


def _fail_or_wait(path: Path, _: Events) -> None:
    """Fail where there is a file; else continue until asked to stop, and say so in a file."""
    if path.exists():
        raise DataError(f"{path.name} is there", hint="remove it")
    with deferred_interrupts() as stop:
        path.touch()
        while not stop.received:
            time.sleep(0.01)
        path.with_suffix(".stopped").touch()
        stop.act()


def _wait(path: Path, _: Events) -> None:
    path.touch()
    time.sleep(60)


def test_every_item_has_its_outcome_and_results_can_be_put_in_order(executor: Executor) -> None:
    outcomes = {o.index: o.result for o in executor.submit(_square, range(40))}
    assert outcomes == {n: n * n for n in range(40)}
    assert list(in_order(executor.submit(_square, range(40)))) == [n * n for n in range(40)]
    assert list(executor.submit(_square, [])) == []


def test_jobs_report_to_the_events_of_the_call(executor: Executor) -> None:
    recorder = Recorder()
    found = list(in_order(executor.submit(_report, [3, 1, 2], events=recorder, long=True)))
    assert found == [9, 1, 4]
    for number in (1, 2, 3):
        own = [call for call in recorder.calls if str(number) in str(call[1])]
        assert own == [
            ("started", f"task {number}", 1, "steps"),
            ("advanced", f"task {number}", 1, "all of it"),
            ("finished", f"task {number}"),
            ("warning", f"warning {number}"),
        ]


def test_errors_come_through_with_their_hint_and_the_executor_can_be_used_again(
    executor: Executor,
) -> None:
    with pytest.raises(DataError, match=r"item \d") as caught:
        list(executor.submit(_fail, range(3)))
    assert caught.value.hint == "fix it"
    assert list(in_order(executor.submit(_square, range(5)))) == [0, 1, 4, 9, 16]


def test_a_reader_may_leave_early(executor: Executor) -> None:
    outcomes = executor.submit(_square, range(40))
    next(outcomes)
    outcomes.close()
    assert list(in_order(executor.submit(_square, range(3)))) == [0, 1, 4]


def test_a_killed_worker_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ResourceError, match="worker process was killed") as caught:
        list(ProcessExecutor(2, start_seconds=0.0).submit(_die, [0, 1, 2]))
    assert "--jobs 1" in str(caught.value.hint)


def test_a_worker_without_memory_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ResourceError, match="too little memory") as caught:
        list(ProcessExecutor(2, start_seconds=0.0).submit(_exhaust, [0, 1, 2]))
    assert "--jobs 1" in str(caught.value.hint)


def test_workers_are_started_only_when_the_work_is_worth_more_than_a_start() -> None:
    cheap = ProcessExecutor(2, start_seconds=60.0)
    assert {o.result for o in cheap.submit(_process, range(20))} == {os.getpid()}
    costly = ProcessExecutor(2, start_seconds=0.0)
    assert {o.result for o in costly.submit(_process, range(20))} - {os.getpid()}
    costly.close()


@pytest.mark.parametrize(
    ("took", "left", "pays"),
    [
        ([0.3], 600, False),  # shorter than a start: all of it may be the loading of libraries
        ([1.5], 5, False),  # 1.25 s saved for 2 s of starting and loading
        ([1.5, 0.02], 40, False),
        ([1.5, 1.5], 5, True),
        ([9.0], 2, True),
        ([9.0], 1, False),
    ],
)
def test_what_the_first_job_loads_counts_as_a_cost_of_workers(
    took: list[float], left: int, *, pays: bool
) -> None:
    assert workers_pay(took, left, workers=2, start_seconds=1.0) is pays
    assert not workers_pay(took, left, workers=1, start_seconds=1.0)


def test_workers_stay_for_the_next_call() -> None:
    executor = ProcessExecutor(1, start_seconds=0.0)
    first = {o.result for o in executor.submit(_process, range(3), long=True)}
    assert len(first) == 1
    assert first != {os.getpid()}
    assert {o.result for o in executor.submit(_process, range(3))} == first
    executor.close()
    assert {o.result for o in executor.submit(_process, range(3), long=True)} != first
    executor.close()


def test_workers_compute_with_one_thread_each() -> None:
    executor = ProcessExecutor(2)
    assert list(in_order(executor.submit(_threads, [1, 2], long=True))) == ["11"] * 2
    executor.close()


def test_an_error_stops_the_other_long_jobs_and_comes_through(tmp_path: Path) -> None:
    there, waits = tmp_path / "there", tmp_path / "waits"
    there.touch()
    with pytest.raises(DataError, match="there is there") as caught:
        list(ProcessExecutor(2).submit(_fail_or_wait, [waits, there], long=True))
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
        while sum(path.exists() for path in paths) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(raised):
        list(ProcessExecutor(2).submit(_fail_or_wait, paths, long=True))
    thread.join()
    begun = {path.stem for path in tmp_path.iterdir()}
    assert len(begun) == 2
    assert {path.stem for path in tmp_path.glob("*.stopped")} == begun


def test_long_jobs_that_do_not_look_for_signals_are_killed_by_the_second(tmp_path: Path) -> None:
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
        list(ProcessExecutor(2).submit(_wait, paths, long=True))
    thread.join()
    assert time.monotonic() - begun < 55


_PARENT = """
import sys
from pathlib import Path
from asd_cli.execution.processes import ProcessExecutor, workers_pay
from tests.unit.execution.test_executor import _fail_or_wait
if __name__ == "__main__":
    paths = [Path(name) for name in sys.argv[1:]]
    list(ProcessExecutor(2).submit(_fail_or_wait, paths, long=True))
"""


def test_an_interrupt_from_the_terminal_reaches_no_worker(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(_PARENT)
    paths = [tmp_path / "a", tmp_path / "b"]
    top = Path(__file__).resolve().parents[3]
    parent = subprocess.Popen(
        [sys.executable, str(program), *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(top)}, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: all(path.exists() for path in paths) or parent.poll() is not None)
    os.killpg(parent.pid, signal.SIGINT)
    _, told = parent.communicate(timeout=60)
    assert told.count("Traceback") == 1, told
    assert "SpawnProcess" not in told
    assert all(path.with_suffix(".stopped").exists() for path in paths)


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


def test_one_job_needs_no_process() -> None:
    assert isinstance(make_executor(1), SerialExecutor)
    assert make_executor(3).workers == 3
    assert make_executor(None).workers == max(1, available_cores())


@pytest.mark.parametrize(
    ("text", "quota"), [("250000 100000\n", 2.5), ("max 100000\n", None), ("50000 100000", 0.5)]
)
def test_the_quota_of_a_container_counts(
    text: str, quota: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(text)
    monkeypatch.setattr(cores, "_QUOTA_V2", path)
    assert cpu_quota() == quota
    assert available_cores() >= 1
    if quota is not None:
        assert available_cores() <= max(1, int(quota))


def test_the_quota_of_older_containers_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_QUOTA_V2", tmp_path / "none")
    for name, value in (("_QUOTA_V1", "100000"), ("_PERIOD_V1", "100000")):
        (tmp_path / name).write_text(value)
        monkeypatch.setattr(cores, name, tmp_path / name)
    assert cpu_quota() == 1.0
    (tmp_path / "_QUOTA_V1").write_text("-1")
    assert cpu_quota() is None
