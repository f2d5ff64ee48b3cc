"""Ours against straightforward alternatives, measured in turn."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.recordings import tone, write_wav

# ext4 takes 65,000 names of a file.
_MOST_LINKS = 60_000


@dataclass(frozen=True)
class Comparison:
    """Median seconds a unit of ours and of the alternative, measured in turn.

    Attributes
    ----------
    step, unit, alternative : str
        What is compared.
    ours_s, theirs_s : float
        Seconds a unit.
    of_limit : float
        Share of the fastest float32 matrix product of this machine that ours reaches, in [0, 1];
        for extraction that of its Fourier transforms on one thread.
    of_memory : float
        Share of the fastest copy in memory that ours would need if every layer read its input from
        memory and wrote its output there. More than 1 where caches save it that.
    goal : float
        The ratio that was aimed at; 0 where there is none.
    """

    step: str
    unit: str
    alternative: str
    ours_s: float
    theirs_s: float
    of_limit: float
    of_memory: float
    goal: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.theirs_s / self.ours_s


def in_turn(works: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median of what each work says it took, all of them once in each round."""
    measured: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            measured[name].append(work())
    return {name: statistics.median(times) for name, times in measured.items()}


def timed(work: Callable[[], object], units: int = 1) -> Callable[[], float]:
    """Make a work tell its seconds a unit."""

    def run() -> float:
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) / units

    return run


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process to one core, where the system can: librosa's products use all."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def recordings(count: int, seconds: float) -> Iterator[list[Path]]:
    """Write one recording under many names."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"clip_{number}.wav" for number in range(count)]
        for number, path in enumerate(paths):
            if number % _MOST_LINKS == 0:
                written = write_wav(path, tone(440.0, seconds=seconds))
            else:
                path.hardlink_to(written)
        yield paths
