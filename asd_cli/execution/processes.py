"""Jobs in worker processes on this machine: one pool a run, started when it pays.

A worker is told what to do by its parent alone. SIGINT and SIGTERM, which a terminal or a
supervisor sends to the whole group, are blocked in it from its first instruction; the parent passes
a stop on through a pipe, and a pipe that closes because the parent was killed is a stop as well. No
worker outlives its parent by more than the work it must finish before it may end.
"""

import os
import pickle
import signal
import time
import traceback
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from typing import Any

from asd_cli.core.errors import ResourceError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.interrupts import (
    Terminated,
    deferred_interrupts,
    raise_when_terminated,
    signals_held_back,
)
from asd_cli.core.memory import keep_freed_memory
from asd_cli.execution.executor import Item, Job, Outcome, Result

_LOOK_FOR_SIGNALS_S = 0.2
# Bounds of what a worker's start is taken to cost; in between, what this process's own start did.
_MIN_START_S, _MAX_START_S = 0.3, 6.0
# Libraries read these when they are loaded, so they are set before a job is unpickled.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_EVENT, _RESULT, _ERROR, _STOP = "event", "result", "error", "stop"


@dataclass(slots=True)
class _Worker:
    """A process, the pipes to it, and the item that it works on."""

    process: SpawnProcess
    jobs: Connection
    control: Connection
    index: int | None = None


class ProcessExecutor:
    """Jobs run in worker processes (`asd_cli.execution.executor.Executor`).

    Workers are started (``spawn``, so that they inherit neither threads nor locks) when what the
    first jobs computed here shows that the others are worth more than a start, or at once for long
    jobs. They stay for the next call until `close`: a program that uses this must guard its
    entry point with ``if __name__ == "__main__"``.

    Parameters
    ----------
    workers : int
        Number of processes, at least 1.
    start_seconds : float, optional
        What the start of a worker costs; by default what this process has computed until now, most
        of which is loading the same libraries.
    """

    def __init__(self, workers: int, *, start_seconds: float | None = None) -> None:
        self.workers = workers
        spent = min(max(time.process_time(), _MIN_START_S), _MAX_START_S)
        self._start_seconds = spent if start_seconds is None else start_seconds
        self._pool: list[_Worker] = []

    def submit(
        self,
        job: Job[Item, Result],
        items: Iterable[Item],
        *,
        events: Events = SILENT,
        long: bool = False,
    ) -> Generator[Outcome[Result], None, None]:
        """Do the job for every item, here or in workers; as in `Executor.submit`."""
        left = list(enumerate(items))
        took: list[float] = []
        while left and not self._pool and not (long and len(left) > 1):
            index, item = left.pop(0)
            # Time of computing: on a busy machine seconds pass, and workers would not help.
            begun = time.thread_time()
            result = job(item, events)
            took.append(time.thread_time() - begun)
            yield Outcome(index, result)
            if workers_pay(
                took, len(left), workers=self.workers, start_seconds=self._start_seconds
            ):
                break
        if left:
            yield from self._in_workers(job, left, events)

    def _in_workers(
        self, job: Job[Item, Result], items: list[tuple[int, Item]], events: Events
    ) -> Generator[Outcome[Result], None, None]:
        waiting = iter(items)
        complete = False
        with deferred_interrupts() as stop:
            try:
                self._start(min(self.workers, len(items)))
                idle = list(self._pool)
                while not stop.received:
                    while idle and (following := next(waiting, None)) is not None:
                        _give(idle.pop(), job, *following)
                    if not self._busy():
                        break
                    for worker in self._ready():
                        for result in _attend(worker, events):
                            index, worker.index = worker.index, None
                            idle.append(worker)
                            yield Outcome(index if index is not None else -1, result)
                complete = not stop.received
            finally:
                if not complete:
                    self._wind_down(events)
            stop.act()

    def _start(self, count: int) -> None:
        """Have as many workers as are asked for."""
        context = get_context("spawn")
        # CPython 3.11 to 3.13 starts this process with the first worker and then unblocks SIGINT
        # and SIGTERM; that worker would get both.
        resource_tracker.ensure_running()
        for _ in range(count - len(self._pool)):
            jobs, their_jobs = context.Pipe()
            control, their_control = context.Pipe()
            process = context.Process(target=_work, args=(their_jobs, their_control))
            # A terminal's Ctrl-C goes to all processes; workers leave it to this one.
            with signals_held_back(signal.SIGINT, signal.SIGTERM):
                process.start()
                self._pool.append(_Worker(process, jobs, control))
            their_jobs.close()
            their_control.close()

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._pool if worker.index is not None]

    def _ready(self) -> list[_Worker]:
        busy = {worker.jobs: worker for worker in self._busy()}
        ready = wait(list(busy), timeout=_LOOK_FOR_SIGNALS_S)
        return [busy[c] for c in ready if isinstance(c, Connection)]

    def _wind_down(self, events: Events) -> None:
        """Ask all workers to stop and wait until they have; a second signal kills them."""
        try:
            for worker in self._pool:
                with suppress(OSError):
                    worker.control.send(_STOP)
            while self._busy():
                for worker in self._ready():
                    try:
                        list(_attend(worker, events))
                    except ResourceError:  # it ended, as it was asked to
                        pass
                    except Exception as error:  # noqa: BLE001 - the first error is the one to raise
                        events.warning(f"while stopping: {error}")
                    worker.index = None
        except BaseException:
            for worker in self._pool:
                worker.process.kill()
            raise
        finally:
            self.close()

    def close(self) -> None:
        """End the workers; those that still work are ended when they have finished."""
        for worker in self._pool:
            worker.jobs.close()
            worker.control.close()
        for worker in self._pool:
            worker.process.join()
        self._pool.clear()


def workers_pay(took: Sequence[float], left: int, *, workers: int, start_seconds: float) -> bool:
    """Tell whether workers save more on the jobs that are left than their start costs.

    The first job loads libraries, which each worker has to do as well: by how much longer it took
    than a later one is what that costs. Before a second job is done, it is taken for as much as the
    start.

    Parameters
    ----------
    took : sequence of float
        Seconds that each job computed in this process, at least one.
    left : int
        Jobs to do.
    workers : int
        How many work at once.
    start_seconds : float
        What the start of a worker costs, without what jobs load.

    Examples
    --------
    >>> workers_pay([0.3, 0.02], 40, workers=2, start_seconds=0.5)
    False
    >>> workers_pay([0.3, 0.2], 40, workers=2, start_seconds=0.5)
    True
    """
    each = took[-1] if len(took) > 1 else took[0] - start_seconds
    loading = max(took[0] - each, 0.0)
    return left > 1 and left * each * (1 - 1 / workers) > start_seconds + loading


def _give(worker: _Worker, job: Job[Item, Result], index: int, item: Item) -> None:
    worker.index = index
    with suppress(OSError):  # a worker that is gone shows when it is read
        worker.jobs.send_bytes(pickle.dumps((job, item)))


def _attend(worker: _Worker, events: Events) -> Iterator[Any]:
    """Take one message of a worker; gives its result when that is what came."""
    try:
        kind, content = worker.jobs.recv()
    except (EOFError, OSError) as error:
        raise ResourceError(
            "a worker process was killed; the machine may be out of memory",
            hint="use fewer processes: --jobs 1",
        ) from error
    if kind == _EVENT:
        name, arguments = content
        getattr(events, name)(*arguments)
    elif kind == _ERROR:
        worker.index = None
        raise content
    else:
        yield content


class _ToParent:
    """Events that are sent to the parent; lost when it is gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _send(self, name: str, *arguments: object) -> None:
        with suppress(OSError):
            self._connection.send((_EVENT, (name, arguments)))

    def started(self, task: str, total: float | None, unit: str) -> None:
        self._send("started", task, total, unit)

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        self._send("advanced", task, amount, detail)

    def finished(self, task: str) -> None:
        self._send("finished", task)

    def note(self, message: str) -> None:
        self._send("note", message)

    def warning(self, message: str) -> None:
        self._send("warning", message)


def _work(jobs: Connection, control: Connection) -> None:
    """Run in a worker: do jobs until the parent has no more, or asks to stop."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    keep_freed_memory()
    raise_when_terminated()
    Thread(target=_listen, args=(control,), daemon=True).start()
    with suppress(Terminated, EOFError, OSError):
        try:
            while True:
                payload = jobs.recv_bytes()
                jobs.send(_outcome(jobs, payload))
        finally:
            # The parent closes both connections: what is cleaned up now must not be interrupted.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _listen(control: Connection) -> None:
    """Turn a stop of the parent, or its end, into SIGTERM for the main thread."""
    from _thread import interrupt_main

    with suppress(EOFError, OSError):
        control.recv()
    interrupt_main(signal.SIGTERM)


def _outcome(connection: Connection, payload: bytes) -> tuple[str, object]:
    try:
        job, item = pickle.loads(payload)  # noqa: S301 - our own parent's
        return _RESULT, job(item, _ToParent(connection))
    except MemoryError:
        return _ERROR, ResourceError(
            "a worker process had too little memory", hint="use fewer processes: --jobs 1"
        )
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        error.add_note(traceback.format_exc())
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        except Exception:  # noqa: BLE001 - some errors cannot be rebuilt
            return _ERROR, RuntimeError("".join(traceback.format_exception_only(error)))
        return _ERROR, error
