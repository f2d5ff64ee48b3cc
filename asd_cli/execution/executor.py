"""Run a job for many items, here or in several processes, results in the order of the items."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Protocol, TypeVar

from asd_cli.core.errors import StorageError
from asd_cli.core.events import Events
from asd_cli.core.interrupts import signals_held_back
from asd_cli.core.memory import keep_freed_memory
from asd_cli.execution.side_by_side import run_side_by_side

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAITING_PER_WORKER = 4


class Executor(Protocol):
    """A place where jobs run."""

    workers: int

    def map(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply a picklable job to every item; results come in the order of the items."""

    def run(
        self,
        job: Callable[[Item, Events], Result],
        items: Sequence[Item],
        *,
        events: Events,
        done: Callable[[Result], None],
    ) -> list[Result]:
        """Do a long job for every item: it reports to `events` and may be asked to stop.

        `done` is called with each result as it comes; all are given in the order of the items.
        """

    def close(self) -> None:
        """Let go of what was kept for further calls of `map`."""


class SerialExecutor:
    """Jobs run here, one after the other."""

    workers = 1

    def map(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply the job to every item."""
        return map(job, items)

    def close(self) -> None:
        """Do nothing: there are no workers."""

    def run(
        self,
        job: Callable[[Item, Events], Result],
        items: Sequence[Item],
        *,
        events: Events,
        done: Callable[[Result], None],
    ) -> list[Result]:
        """Do the job for every item, one after the other."""
        results = []
        for item in items:
            results.append(job(item, events))
            done(results[-1])
        return results


class ProcessExecutor:
    """Jobs run in worker processes on this machine.

    Workers are started afresh (``spawn``), so that they inherit neither threads nor locks. A
    program that uses this must guard its entry point with ``if __name__ == "__main__"``.

    Parameters
    ----------
    workers : int
        Number of processes, at least 1.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply the job to every item, a bounded number of them ahead of the reader.

        Workers stay for the next call until `close`: starting one costs as much as many jobs.

        Raises
        ------
        StorageError
            When a worker was killed, mostly by the system for want of memory.
        """
        waiting: deque[Future[Result]] = deque()
        whole = False
        try:
            for item in items:
                waiting.append(self._submit(job, item))
                if len(waiting) >= self.workers * _WAITING_PER_WORKER:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
            whole = True
        except BrokenProcessPool as error:
            raise StorageError(
                "a worker process was killed; the machine may be out of memory",
                hint="use fewer processes: --jobs 1",
            ) from error
        finally:
            if not whole:
                self.close()

    def _submit(self, job: Callable[[Item], Result], item: Item) -> "Future[Result]":
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn"), initializer=_begin_worker
            )
        # A terminal's Ctrl-C goes to all processes; workers leave it to this one.
        with signals_held_back(signal.SIGINT):
            return self._pool.submit(job, item)

    def close(self) -> None:
        """End the workers, and drop jobs that have not begun."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def run(
        self,
        job: Callable[[Item, Events], Result],
        items: Sequence[Item],
        *,
        events: Events,
        done: Callable[[Result], None],
    ) -> list[Result]:
        """Do the job for every item, each in a fresh process; a single item's needs none.

        Raises as `run_side_by_side` does.
        """
        if len(items) <= 1:
            return SerialExecutor().run(job, items, events=events, done=done)
        return run_side_by_side(job, items, workers=self.workers, events=events, done=done)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, which winds the workers down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()


def available_cores() -> int:
    """Count the cores this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_executor(jobs: int | None) -> Executor:
    """Choose where to run `jobs` jobs at once; None means one for each core."""
    workers = available_cores() if jobs is None else jobs
    return SerialExecutor() if workers <= 1 else ProcessExecutor(workers)
