"""Compute the features of single clips, here or in worker processes.

Workers hand rows over in files: through a pipe, the 160 kB of a clip of ten seconds cost the two
processes together about half of what computing them does, and two workers were no faster than one.
A file in the page cache costs a fifteenth.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.audio.quality import Suspicion
from asd_cli.core.errors import DataError
from asd_cli.core.events import Events
from asd_cli.core.files import storage_errors, temporary_sibling
from asd_cli.core.types import Clip
from asd_cli.execution.executor import Executor, in_order
from asd_cli.features.logmel import finite_log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.waveforms import read_hashed

# Reflection needs this many samples more than half a transform; fewer make no spectrogram.
_SPARE_SAMPLES = 1
_CLIPS_PER_JOB = 16

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClipJob:
    """One clip to bring up to date; `known` is the hash its stored features were made from."""

    clip: Clip
    known: str | None


@dataclass(frozen=True, slots=True)
class ClipOutcome:
    """What became of a clip.

    Attributes
    ----------
    sha256 : str
        Of the recording's bytes.
    rows : ndarray [shape=(n_frames, n_mels)] or None
        None where the hash is the known one.
    error : str
        Why the recording cannot be used.
    suspicions : tuple of Suspicion
        What is odd about it, where rows were computed.
    """

    sha256: str = ""
    rows: Rows | None = None
    error: str = ""
    suspicions: tuple[Suspicion, ...] = ()


@dataclass(frozen=True, slots=True)
class _HandedOver:
    """Outcomes without their rows, which lie one after the other in a file."""

    outcomes: tuple[ClipOutcome, ...]
    frames: tuple[int, ...]


def compute_clips(
    jobs: Sequence[ClipJob], store: Path, *, recipe: FeatureParameters, executor: Executor
) -> Iterator[ClipOutcome]:
    """Compute the features of clips, in workers where these are many.

    Parameters
    ----------
    jobs : sequence of ClipJob
        The clips.
    store : Path
        Next to it lies, while this runs, what workers hand over.
    recipe : FeatureParameters
        How to compute features.
    executor : Executor
        Where to compute them.

    Yields
    ------
    ClipOutcome
        In the order of the jobs.

    Raises
    ------
    StorageError
        When workers cannot write, or one was killed.
    """
    if executor.workers == 1:
        return map(partial(compute_clip, recipe=recipe), jobs)
    return _compute_in_workers(jobs, store, recipe=recipe, executor=executor)


def compute_clip(job: ClipJob, *, recipe: FeatureParameters) -> ClipOutcome:
    """Compute one clip's features unless its bytes are known."""
    try:
        read = read_hashed(job.clip, recipe, job.known)
        samples = read.samples
        if samples is None:
            return ClipOutcome(read.sha256)
        if len(samples) < recipe.n_fft // 2 + _SPARE_SAMPLES:
            raise DataError(
                f"{job.clip.path} has {len(samples)} samples, fewer than half a transform "
                f"of {recipe.n_fft}",
                hint=f"use a shorter one: --set feature.n_fft={recipe.n_fft // 2}; or leave it out",
            )
        rows = finite_log_mel(samples, recipe, mel_basis(recipe), name=job.clip.path)
    except DataError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return ClipOutcome(error=f"{error.message}{hint}")
    return ClipOutcome(read.sha256, rows, suspicions=read.suspicions)


def _compute_in_workers(
    jobs: Sequence[ClipJob], store: Path, *, recipe: FeatureParameters, executor: Executor
) -> Iterator[ClipOutcome]:
    groups = [jobs[i : i + _CLIPS_PER_JOB] for i in range(0, len(jobs), _CLIPS_PER_JOB)]
    files = deque(temporary_sibling(store) for _ in groups)
    work = partial(_compute_group, recipe=recipe)
    tasks = list(zip(groups, files, strict=True))
    try:
        with closing(in_order(executor.submit(work, tasks))) as groups_done:
            for group in groups_done:
                yield from _take_over(group, files[0], recipe.n_mels)
                files.popleft().unlink(missing_ok=True)
    finally:
        for file in files:  # interrupted: the workers have ended
            file.unlink(missing_ok=True)


def _compute_group(
    task: tuple[Sequence[ClipJob], Path], _: Events, *, recipe: FeatureParameters
) -> _HandedOver:
    """Compute some clips and write their rows; runs in a worker."""
    jobs, file = task
    outcomes, frames = [], []
    with storage_errors(file), file.open("wb") as stream:
        for job in jobs:
            outcome = compute_clip(job, recipe=recipe)
            if outcome.rows is not None:
                stream.write(np.ascontiguousarray(outcome.rows).data)
            outcomes.append(replace(outcome, rows=None))
            frames.append(-1 if outcome.rows is None else len(outcome.rows))
    return _HandedOver(tuple(outcomes), tuple(frames))


def _take_over(group: _HandedOver, file: Path, n_mels: int) -> Iterator[ClipOutcome]:
    rows = np.fromfile(file, np.float32).reshape(-1, n_mels)
    start = 0
    for outcome, frames in zip(group.outcomes, group.frames, strict=True):
        if frames < 0:
            yield outcome
        else:
            yield replace(outcome, rows=rows[start : start + frames])
            start += frames
