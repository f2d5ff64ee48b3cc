"""Long jobs side by side, each in a process of its own: they report, and can be asked to stop.

A worker hears its parent alone. SIGINT and SIGTERM, which a terminal or a supervisor sends to the
whole group, are blocked in it from its first instruction; the parent passes a stop on through the
pipe, and a pipe that closes because the parent was killed is a stop as well. No worker outlives
its parent by more than the work it must finish before it may end.
"""

import os
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from typing import Any, Generic, TypeVar

from asd_cli.core.errors import StorageError
from asd_cli.core.events import Events
from asd_cli.core.interrupts import (
    Terminated,
    deferred_interrupts,
    raise_when_terminated,
    signals_held_back,
)

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOK_FOR_SIGNALS_S = 0.2
# Libraries read these when they are loaded, so they are set before a job is unpickled.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_EVENT, _RESULT, _ERROR, _STOP = "event", "result", "error", "stop"


@dataclass(frozen=True, slots=True)
class _Worker(Generic[Item]):
    number: int
    process: SpawnProcess


def run_side_by_side(
    job: Callable[[Item, Events], Result],
    items: Sequence[Item],
    *,
    workers: int,
    events: Events,
    done: Callable[[Result], None],
) -> list[Result]:
    """Run a job for every item, each in a fresh process with one thread.

    Parameters
    ----------
    job : callable
        Picklable; is given an item and the events to report to.
    items : sequence
        Picklable.
    workers : int
        How many run at once.
    events : Events
        Told of everything the jobs report, from this thread.
    done : callable
        Called with each result as it comes.

    Returns
    -------
    list
        Results in the order of the items.

    Raises
    ------
    StorageError
        When a worker was killed, mostly by the system for want of memory.
    KeyboardInterrupt, Terminated
        On a signal, after the running jobs were asked to stop and have ended.
    Exception
        The first that a job raises, after the others were stopped likewise.
    """
    waiting = deque(enumerate(items))
    results: dict[int, Result] = {}
    crew: dict[Connection, _Worker[Item]] = {}
    with deferred_interrupts() as stop:
        try:
            while (waiting or crew) and not stop.received:
                while waiting and len(crew) < workers:
                    _start(crew, job, *waiting.popleft())
                for connection in _ready(crew):
                    for result in _attend(crew, connection, events):
                        results[crew[connection].number] = result
                        _dismiss(crew, connection)
                        done(result)
        except BaseException:
            _wind_down(crew, events)
            raise
        _wind_down(crew, events)
        stop.act()
    return [results[number] for number in range(len(items))]


def _start(
    crew: dict[Connection, _Worker[Item]], job: Callable[..., object], number: int, item: Item
) -> None:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, pickle.dumps((job, item))))
    with signals_held_back(signal.SIGINT, signal.SIGTERM):
        process.start()
        crew[ours] = _Worker(number, process)
    theirs.close()


def _ready(crew: dict[Connection, _Worker[Item]]) -> list[Connection]:
    ready = wait(list(crew), timeout=_LOOK_FOR_SIGNALS_S)
    return [connection for connection in ready if isinstance(connection, Connection)]


def _attend(
    crew: dict[Connection, _Worker[Item]], connection: Connection, events: Events
) -> Iterator[Any]:
    """Take one message of a worker; gives its result when that is what came."""
    try:
        kind, content = connection.recv()
    except (EOFError, OSError) as error:
        raise StorageError(
            "a worker process was killed; the machine may be out of memory",
            hint="use fewer processes: --jobs 1",
        ) from error
    if kind == _EVENT:
        name, arguments = content
        getattr(events, name)(*arguments)
    elif kind == _ERROR:
        _dismiss(crew, connection)
        raise content
    else:
        yield content


def _dismiss(crew: dict[Connection, _Worker[Item]], connection: Connection) -> None:
    worker = crew.pop(connection)
    connection.close()
    worker.process.join()


def _wind_down(crew: dict[Connection, _Worker[Item]], events: Events) -> None:
    """Ask all workers to stop and wait until they have; a second signal kills them."""
    try:
        for connection in crew:
            with suppress(OSError):
                connection.send(_STOP)
        while crew:
            for connection in _ready(crew):
                try:
                    list(_attend(crew, connection, events))
                except (EOFError, StorageError):
                    _dismiss(crew, connection)
                except Exception as error:  # noqa: BLE001 - the first error is the one to raise
                    events.warning(f"while stopping: {error}")
    except BaseException:
        for worker in crew.values():
            worker.process.kill()
        raise


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


def _work(connection: Connection, payload: bytes) -> None:
    """Run in a worker: do one job and send back what came of it."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    raise_when_terminated()
    Thread(target=_listen, args=(connection,), daemon=True).start()
    with suppress(Terminated, OSError):
        outcome = _outcome(connection, payload)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing is left to stop
        connection.send(outcome)


def _listen(connection: Connection) -> None:
    """Turn a stop of the parent, or its end, into SIGTERM for the main thread."""
    from _thread import interrupt_main

    with suppress(EOFError, OSError):
        connection.recv()
    interrupt_main(signal.SIGTERM)


def _outcome(connection: Connection, payload: bytes) -> tuple[str, object]:
    try:
        job, item = pickle.loads(payload)  # noqa: S301 - our own parent's
        return _RESULT, job(item, _ToParent(connection))
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        error.add_note(traceback.format_exc())
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        except Exception:  # noqa: BLE001 - some errors cannot be rebuilt
            return _ERROR, RuntimeError("".join(traceback.format_exception_only(error)))
        return _ERROR, error
