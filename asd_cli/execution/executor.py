"""Map a job over items, here or in several processes, results in the order of the items."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Protocol, TypeVar

from asd_cli.core.errors import StorageError

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAITING_PER_WORKER = 4


class Executor(Protocol):
    """A place where jobs run."""

    workers: int

    def map(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply a picklable job to every item; results come in the order of the items."""


class SerialExecutor:
    """Jobs run here, one after the other."""

    workers = 1

    def map(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply the job to every item."""
        return map(job, items)


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

    def map(self, job: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply the job to every item, a bounded number of them ahead of the reader.

        Raises
        ------
        StorageError
            When a worker was killed, mostly by the system for want of memory.
        """
        pool = ProcessPoolExecutor(
            self.workers, mp_context=get_context("spawn"), initializer=_ignore_interrupts
        )
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                with _interrupts_held_back():
                    waiting.append(pool.submit(job, item))
                if len(waiting) >= self.workers * _WAITING_PER_WORKER:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise StorageError(
                "a worker process was killed; the machine may be out of memory",
                hint="use fewer processes: --jobs 1",
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start workers that a terminal's Ctrl-C, which goes to all processes, does not reach.

    A process inherits which signals are blocked; the initialiser comes too late for one that is
    still starting. What arrives meanwhile reaches this process afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which winds the workers down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def available_cores() -> int:
    """Count the cores this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_executor(jobs: int | None) -> Executor:
    """Choose where to run `jobs` jobs at once; None means one for each core."""
    workers = available_cores() if jobs is None else jobs
    return SerialExecutor() if workers <= 1 else ProcessExecutor(workers)
