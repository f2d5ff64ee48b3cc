"""Jobs on a Dask cluster: an existing one by the address of its scheduler, or one of this machine.

Dask gives jobs of a worker that was killed to another one. Few more jobs are with the scheduler
than there are workers, so that its memory does not grow with their number. Where the scheduler
itself is gone and comes back, the jobs that it had are given to it again; units that were done
meanwhile are known by their markers (`asd_cli.execution.units`).

Workers must have the versions of this process, and one thread each: torch's settings belong to a
process. Files are where the workers see them too: on a shared disk, or in an object store.
"""

import logging
import queue
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from importlib import metadata
from typing import Any

from asd_cli.core.errors import NetworkError, ResourceError, UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.interrupts import deferred_interrupts
from asd_cli.execution.executor import Item, Job, Outcome, Result

_PACKAGES = ("asd-cli", "numpy", "scipy", "soundfile", "soxr", "torch", "distributed")
_LOOK_FOR_SIGNALS_S = 0.2
_CONNECT_S = 30
# So long a scheduler that is gone may take to come back with workers.
_RETURN_S = 120
_EVENTS_ARRIVE_S = 5.0
_AHEAD = 2
_LOOK_FOR_WORKERS_S = 5.0
_ADVANCE_EVERY_S = 0.25

Message = tuple[str, tuple[Any, ...]]


class DaskExecutor:
    """Jobs run on a Dask cluster (`asd_cli.execution.executor.Executor`).

    Parameters
    ----------
    scheduler : str, optional
        Address: ``tcp://host:8786``. Without one a cluster is started on this machine.
    workers : int
        Processes of a cluster on this machine.

    Raises
    ------
    UsageError
        When Dask is not installed, or workers have other versions or several threads.
    NetworkError
        When the scheduler does not answer, or has no workers.
    """

    def __init__(self, scheduler: str | None = None, *, workers: int = 1) -> None:
        try:
            import distributed
        except ImportError as error:
            raise UsageError(
                "the executor dask needs the package distributed",
                hint="pip install 'asd-cli[dask]'",
            ) from error
        self._dask: Any = distributed
        self._address = scheduler
        self._cluster: Any = None
        self._client: Any = None
        self._known: set[str] = set()
        self._look_at = 0.0
        if scheduler is None:
            self._cluster = distributed.LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                # What fails comes back with the job; what is left is noise of the end.
                silence_logs=logging.CRITICAL,
            )
        try:
            self._client = self._connected(_CONNECT_S)
            self.workers = self._checked_workers()
        except BaseException:
            self.close()
            raise

    def submit(
        self,
        job: Job[Item, Result],
        items: Iterable[Item],
        *,
        events: Events = SILENT,
        long: bool = False,
    ) -> Generator[Outcome[Result], None, None]:
        """Do the job for every item; as in `Executor.submit`.

        A signal cancels the jobs that have not begun; a worker ends the one that it is at.
        """
        waiting: Iterator[tuple[int, Item]] = iter(enumerate(items))
        running: dict[Any, tuple[int, Item]] = {}
        relay = _Relay(events)
        complete = False
        with deferred_interrupts() as stop:
            try:
                while not stop.received:
                    self._give(job, waiting, running, relay)
                    if not running:
                        break
                    for future in self._ended(running):
                        outcome = self._outcome(future, running, relay)
                        if outcome is not None:
                            yield outcome
                    relay.pass_on()
                relay.wait_for_the_rest()
                complete = not stop.received
            finally:
                if not complete:
                    with suppress(Exception):  # the scheduler may be what is gone
                        self._client.cancel(list(running), force=True)
                relay.close()
            stop.act()

    def close(self) -> None:
        """Leave the cluster, or end the one that was started here."""
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()
        self._client = self._cluster = None

    def _give(
        self,
        job: Job[Item, Result],
        waiting: Iterator[tuple[int, Item]],
        running: dict[Any, tuple[int, Item]],
        relay: "_Relay",
    ) -> None:
        self._look_for_workers()
        while len(running) < _AHEAD * self.workers and (following := next(waiting, None)):
            running[self._future(job, following[1], relay)] = following
        relay.job = job

    def _future(self, job: Any, item: Any, relay: "_Relay") -> Any:
        relay.listen(self._client)
        return self._client.submit(_run, job, item, relay.topic, pure=False, retries=0)

    def _ended(self, running: dict[Any, tuple[int, Any]]) -> list[Any]:
        lost = self._dask.client.FuturesCancelledError
        with suppress(self._dask.TimeoutError, OSError, lost):
            self._dask.wait(
                list(running), timeout=_LOOK_FOR_SIGNALS_S, return_when="FIRST_COMPLETED"
            )
        if self._client.status != "running" or any(f.status in _LOST for f in running):
            return list(running)
        return [future for future in running if future.done()]

    def _outcome(
        self, future: Any, running: dict[Any, tuple[int, Any]], relay: "_Relay"
    ) -> Outcome[Any] | None:
        """Take a job's result; None where the scheduler lost it and was given it again."""
        if future not in running:
            return None
        index, _ = running[future]
        if future.status in _LOST or self._client.status != "running":
            self._give_again(running, relay)
            return None
        try:
            result, sent = future.result()
        except (self._dask.client.FutureCancelledError, self._dask.comm.CommClosedError):
            self._give_again(running, relay)
            return None
        except self._dask.KilledWorker as error:
            raise ResourceError(
                "workers that did a job were killed; they may have too little memory",
                hint="give each worker more memory, or look at its log",
            ) from error
        except MemoryError as error:
            raise ResourceError(
                "a worker had too little memory", hint="give each worker more memory"
            ) from error
        running.pop(future)
        relay.expected += sent
        return Outcome(index, result)

    def _give_again(self, running: dict[Any, tuple[int, Any]], relay: "_Relay") -> None:
        """Connect to a scheduler that was restarted, and give it the jobs that were with it."""
        relay.events.note("the scheduler of Dask was lost; waiting for it")
        with suppress(Exception):
            self._client.close(timeout=1)
        self._client = self._connected(_RETURN_S)
        self._checked_workers()
        again = list(running.values())
        running.clear()
        for index, item in again:
            running[self._future(relay.job, item, relay)] = (index, item)

    def _connected(self, seconds: float) -> Any:
        where = self._cluster if self._cluster is not None else self._address
        end = time.monotonic() + seconds
        while True:
            client = None
            try:
                client = self._dask.Client(where, timeout=max(1, end - time.monotonic()))
                client.wait_for_workers(1, timeout=max(1, end - time.monotonic()))
            except (OSError, TimeoutError, self._dask.TimeoutError, RuntimeError) as error:
                if client is not None:
                    client.close()
                if time.monotonic() < end:
                    time.sleep(0.5)
                    continue
                raise NetworkError(
                    f"no Dask scheduler with workers answers at {self._address}",
                    hint="start one: dask scheduler; dask worker ADDRESS --nthreads 1",
                ) from error
            return client

    def _look_for_workers(self) -> None:
        """Count the workers again from time to time, and compare those that have come."""
        if time.monotonic() < self._look_at or self._client.status != "running":
            return
        self._look_at = time.monotonic() + _LOOK_FOR_WORKERS_S
        try:
            if set(self._client.nthreads()) - self._known:
                self.workers = self._checked_workers()
        except UsageError:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the jobs show whether the scheduler is gone
            return

    def _checked_workers(self) -> int:
        """Compare the workers with this process; gives how many there are."""
        # One that is killed at this moment is no worker that could be compared.
        own, theirs = _versions(), self._client.run(_versions, on_error="ignore")
        for address, found in theirs.items():
            other = [f"{n} {found[n]} and not {own[n]}" for n in own if found.get(n) != own[n]]
            if other:
                raise UsageError(
                    f"the worker {address} has {', '.join(other)}",
                    hint="install the same versions everywhere: results would differ",
                )
        threads = self._client.nthreads()
        several = [address for address, count in threads.items() if count > 1]
        if several:
            raise UsageError(
                f"the worker {several[0]} has {threads[several[0]]} threads",
                hint="start workers with one thread each: dask worker ADDRESS --nthreads 1 "
                "--nworkers auto",
            )
        self._known, self._look_at = set(threads), time.monotonic() + _LOOK_FOR_WORKERS_S
        return len(threads)


_LOST = {"lost", "cancelled"}


class _Relay:
    """Passes on what jobs report: through the scheduler, to the thread that waits for results."""

    def __init__(self, events: Events) -> None:
        from uuid import uuid4

        self.topic = f"asd-{uuid4().hex}"
        self.events, self.expected = events, 0
        self.job: Any = None
        self._client: Any = None
        self._passed = 0
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def listen(self, client: Any) -> None:
        if client is self._client:
            return
        self._client = client
        client.subscribe_topic(self.topic, lambda event: self._queue.put(event[1]))

    def pass_on(self) -> None:
        while not self._queue.empty():
            name, arguments = self._queue.get()
            self._passed += 1
            getattr(self.events, name)(*arguments)

    def wait_for_the_rest(self) -> None:
        end = time.monotonic() + _EVENTS_ARRIVE_S
        self.pass_on()
        while self._passed < self.expected and time.monotonic() < end:
            time.sleep(0.01)
            self.pass_on()

    def close(self) -> None:
        with suppress(Exception):  # a client that is closed, or a scheduler that is gone
            self._client.unsubscribe_topic(self.topic)


class _ToClient:
    """Events that a worker sends; steps that follow each other fast are sent together."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send_message, self.sent = send, 0
        self._steps: dict[str, tuple[float, str]] = {}
        self._last = time.monotonic()

    def _send(self, name: str, *arguments: object) -> None:
        self._send_message((name, arguments))
        self.sent += 1

    def started(self, task: str, total: float | None, unit: str) -> None:
        self._send("started", task, total, unit)

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        before, _ = self._steps.get(task, (0.0, ""))
        self._steps[task] = before + amount, detail
        if time.monotonic() - self._last > _ADVANCE_EVERY_S:
            self.flush()

    def flush(self) -> None:
        for task, (amount, detail) in self._steps.items():
            self._send("advanced", task, amount, detail)
        self._steps.clear()
        self._last = time.monotonic()

    def finished(self, task: str) -> None:
        self.flush()
        self._send("finished", task)

    def note(self, message: str) -> None:
        self._send("note", message)

    def warning(self, message: str) -> None:
        self._send("warning", message)


def _run(job: Any, item: Any, topic: str) -> tuple[Any, int]:
    """Run in a worker: do a job; gives its result, and how many events it sent."""
    from distributed import get_worker

    worker = get_worker()
    events = _ToClient(lambda message: worker.log_event(topic, message))
    result = job(item, events)
    events.flush()
    return result, events.sent


def _versions() -> dict[str, str]:
    """Give the versions that results depend on."""
    found = {"Python": ".".join(map(str, sys.version_info[:2]))}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
