"""Dask: what happens when a worker or the scheduler dies, or is another version."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from asd_cli.core.errors import NetworkError, UsageError
from asd_cli.core.events import SILENT, Events, SilentEvents
from asd_cli.execution import dask_executor as module
from asd_cli.execution.dask_executor import DaskExecutor
from asd_cli.execution.executor import Engine, Executor, make_executor
from asd_cli.execution.markers import Markers
from asd_cli.execution.units import Unit, do_units

TOP = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    made = make_executor(2, engine=Engine.DASK)
    yield made
    made.close()


def _work(path: Path, _: Events) -> dict[str, Any]:
    """Say with which process a unit is begun, and each time that it is."""
    with path.open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    return {"content": path.name}


def units_in(folder: Path, count: int = 8) -> list[Unit[Path]]:
    return [
        Unit(f"key{n}", f"unit {n}", 1, folder / "markers", folder / f"begun{n}")
        for n in range(count)
    ]


def begun(folder: Path) -> dict[str, list[str]]:
    return {path.name: path.read_text().split() for path in sorted(folder.glob("begun*"))}


def done_in(folder: Path) -> frozenset[str]:
    return Markers(folder / "markers").keys()


def when(condition: Callable[[], bool], action: Callable[[], object]) -> threading.Thread:
    def wait() -> None:
        end = time.monotonic() + 60
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_worker_that_is_killed_costs_its_unit_alone(cluster: Executor, tmp_path: Path) -> None:
    victims: list[int] = []

    def kill() -> None:
        done = {f"begun{key[3:]}" for key in done_in(tmp_path)}
        working = {name: pids for name, pids in begun(tmp_path).items() if name not in done}
        victims.append(int(next(iter(working.values()))[-1]))
        os.kill(victims[0], signal.SIGKILL)

    thread = when(lambda: len(done_in(tmp_path)) >= 2, kill)
    found = {}
    do_units(
        _work, units_in(tmp_path), executor=cluster, events=SILENT,
        each=lambda unit, content: found.update({unit.key: content["content"]}),
    )  # fmt: skip
    thread.join()
    assert found == {f"key{n}": f"begun{n}" for n in range(8)}
    twice = [pids for pids in begun(tmp_path).values() if len(pids) > 1]
    assert len(twice) <= 1, "the interrupted unit, and no other, is done again"
    assert all(pids[0] == str(victims[0]) for pids in twice)


def test_an_interrupt_cancels_what_has_not_begun(cluster: Executor, tmp_path: Path) -> None:
    thread = when(lambda: len(begun(tmp_path)) >= 2, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        do_units(_work, units_in(tmp_path, 40), executor=cluster, events=SILENT)
    thread.join()
    time.sleep(0.5)
    count = len(begun(tmp_path))
    assert count < 12
    time.sleep(0.7)
    assert len(begun(tmp_path)) == count, "nothing is begun any more"


class Notes(SilentEvents):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, message: str) -> None:
        self.texts.append(message)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def scheduler_at(port: int, *, workers: int = 1, threads: int = 1) -> Iterator[list[int]]:
    """Run a scheduler and workers of their own, as a cluster has them."""
    address = f"tcp://127.0.0.1:{port}"
    commands = [
        ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port),
         "--no-dashboard"],
        ["distributed.cli.dask_worker", address, "--nworkers", str(workers), "--nthreads",
         str(threads), "--no-dashboard", "--local-directory", "/tmp"],
    ]  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *command], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(TOP)}, start_new_session=True,
        )
        for command in commands
    ]  # fmt: skip
    try:
        yield [process.pid for process in running]
    finally:
        for process in running:
            _kill_group(process.pid)
            process.wait(30)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_scheduler_that_is_restarted_is_given_what_is_left(tmp_path: Path) -> None:
    port, notes = _free_port(), Notes()
    with scheduler_at(port) as first:
        executor = DaskExecutor(f"tcp://127.0.0.1:{port}")
        second = scheduler_at(port)

        def restart() -> None:
            for pid in first:
                _kill_group(pid)
            second.__enter__()

        thread = when(lambda: len(done_in(tmp_path)) >= 2, restart)
        try:
            do_units(_work, units_in(tmp_path, 6), executor=executor, events=notes)
        finally:
            thread.join()
            executor.close()
            second.__exit__(None, None, None)
    assert len(done_in(tmp_path)) == 6
    assert sum(len(pids) - 1 for pids in begun(tmp_path).values()) <= 1
    assert set(notes.texts) == {"the scheduler of Dask was lost; waiting for it"}


@pytest.mark.slow
def test_workers_that_come_later_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_FOR_WORKERS_S", 0.1)
    port = _free_port()
    with scheduler_at(port):
        executor = DaskExecutor(f"tcp://127.0.0.1:{port}")
        assert executor.workers == 1
        later = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}",
             "--nthreads", "1", "--no-dashboard", "--local-directory", "/tmp"],
            stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(TOP)},
            start_new_session=True,
        )  # fmt: skip
        try:
            do_units(_work, units_in(tmp_path, 40), executor=executor, events=SILENT)
            assert executor.workers == 2
        finally:
            executor.close()
            _kill_group(later.pid)
            later.wait(30)
    assert len({pids[0] for pids in begun(tmp_path).values()}) == 2


def test_workers_with_other_versions_or_several_threads_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = _free_port()
    with scheduler_at(port, threads=2):
        with pytest.raises(UsageError, match="has 2 threads") as caught:
            DaskExecutor(f"tcp://127.0.0.1:{port}")
        assert "--nthreads 1" in str(caught.value.hint)
        own = module._versions()
        monkeypatch.setattr(module, "_versions", _OtherVersions({**own, "numpy": "1.0"}))
        with pytest.raises(UsageError, match=f"has numpy {own['numpy']} and not 1.0"):
            DaskExecutor(f"tcp://127.0.0.1:{port}")


class _OtherVersions:
    """Here other versions than in a worker, which unpickles the function itself."""

    def __init__(self, here: dict[str, str]) -> None:
        self.here = here

    def __call__(self) -> dict[str, str]:
        return self.here

    def __reduce__(self) -> tuple[Any, ...]:
        return _true_versions, ()


def _true_versions() -> Callable[[], dict[str, str]]:
    return module._versions


def test_a_scheduler_that_is_not_there_is_a_network_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CONNECT_S", 1)
    with pytest.raises(NetworkError, match="no Dask scheduler with workers answers") as caught:
        DaskExecutor(f"tcp://127.0.0.1:{_free_port()}")
    assert "dask scheduler" in str(caught.value.hint)


def test_without_dask_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="needs the package distributed") as caught:
        make_executor(1, engine=Engine.DASK)
    assert caught.value.hint == "pip install 'asd-cli[dask]'"
