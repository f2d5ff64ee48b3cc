"""Fill the feature store: find out what is missing, compute it, keep what is still right."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from asd_cli.audio.decoding import read_file
from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.files import remove_abandoned, storage_errors
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.memory import keep_freed_memory
from asd_cli.core.types import Clip
from asd_cli.execution.executor import Executor
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import (
    StoreEntry,
    StoreIndex,
    discard_partial,
    intact,
    read_index,
    write_store,
)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What filling a store came to.

    Attributes
    ----------
    path : Path
        The store.
    computed, reused : int
        Clips whose features were computed, and kept from before.
    skipped : tuple of str
        Why each bad clip was left out.
    """

    path: Path
    computed: int
    reused: int
    skipped: tuple[str, ...] = ()

    @property
    def fresh(self) -> bool:
        """Whether there was nothing to do."""
        return self.computed == 0


def extract_features(
    clips: Sequence[Clip],
    path: Path,
    *,
    recipe: FeatureParameters,
    executor: Executor,
    skip_bad: bool = False,
    force: bool = False,
    advance: Callable[..., None] = lambda *_: None,
) -> Extraction:
    """Make a store hold the features of exactly these clips.

    Stored features are kept where the recording's bytes and the recipe are those they were made
    from; times of files do not count. A run that was killed goes on where it stopped.

    Parameters
    ----------
    clips : sequence of Clip
        In the order the rows shall have.
    path : Path
        The store's ``.npy``.
    recipe : FeatureParameters
        How to compute features.
    executor : Executor
        Where to compute them.
    skip_bad : bool
        Leave out recordings that cannot be used, and list them.
    force : bool
        Compute everything again.
    advance : callable
        Called once for each clip.

    Returns
    -------
    Extraction

    Raises
    ------
    ProblemsError
        When recordings cannot be used; all are listed, and the features of the others are kept
        for the next run.
    StorageError
        When the store cannot be written.
    """
    keep_freed_memory()
    with ExitStack() as stack:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(path.with_suffix(".lock")))
        remove_abandoned(path.parent)
        old = None if force else _usable_index(path, recipe)
        if force:
            discard_partial(path)
        if old is not None and _all_known(clips, old, executor.workers):
            advance(len(clips))
            return Extraction(path, computed=0, reused=len(clips))
        # scipy takes a quarter of a second to load, and an up-to-date store does without. Settings
        # that leave a mel band empty are refused here, before the first recording is read.
        from asd_cli.features.logmel import mel_basis

        mel_basis(recipe)
        fill = partial(
            _fill, clips, path, recipe=recipe, executor=executor, old=old, advance=advance
        )
        extraction = fill()
        if extraction is None:  # a recording changed since the killed run: begin anew
            discard_partial(path)
            extraction = fill()
    if extraction is None:
        raise DataError(f"the recordings for {path} change while they are read")
    if extraction.skipped and not skip_bad:
        raise ProblemsError(
            f"{len(extraction.skipped)} of {len(clips)} recordings cannot be used",
            extraction.skipped,
            hint="mend or remove them, or leave them out: --skip-bad",
        )
    return extraction


def _usable_index(path: Path, recipe: FeatureParameters) -> StoreIndex | None:
    index = read_index(path)
    if index is None or index.recipe != recipe.fingerprint or not intact(path, index):
        return None
    return index


def _all_known(clips: Sequence[Clip], old: StoreIndex, workers: int) -> bool:
    """Tell whether the store holds just these clips, made from the bytes they have now."""
    if [clip.name for clip in clips] != [entry.name for entry in old.entries]:
        return False
    # Reading and hashing leave Python's lock; no process is worth its start for them.
    with ThreadPoolExecutor(workers) as threads:
        now = threads.map(_hash_clip, [clip.path for clip in clips])
        return [entry.sha256 for entry in old.entries] == list(now)


def _hash_clip(path: Path) -> str:
    try:
        return hash_bytes(read_file(path))
    except DataError:
        return ""


def _fill(
    clips: Sequence[Clip],
    path: Path,
    *,
    recipe: FeatureParameters,
    executor: Executor,
    old: StoreIndex | None,
    advance: Callable[..., None],
) -> Extraction | None:
    """Write the store; None when what a killed run left cannot be gone on with."""
    from asd_cli.features.computation import ClipJob, compute_clips

    stored = old.by_name if old is not None else {}
    skipped: dict[str, str] = {}
    computed = reused = 0
    with write_store(path, recipe=recipe.fingerprint, n_mels=recipe.n_mels) as writer:
        begun = {entry.name: entry for entry in writer.entries}
        hashes = {name: entry.sha256 for name, entry in {**stored, **begun}.items()}
        jobs = [ClipJob(clip.path, hashes.get(clip.name)) for clip in clips]
        outcomes = compute_clips(jobs, path, recipe=recipe, executor=executor)
        for clip, outcome in zip(clips, outcomes, strict=True):
            advance(1, clip.name)
            rows = outcome.rows
            if outcome.error:
                skipped[clip.name] = outcome.error
                continue
            if clip.name in begun and rows is not None:
                return None
            computed, reused = computed + (rows is not None), reused + (rows is None)
            if clip.name not in begun:
                kept = rows if rows is not None else _stored_rows(path, stored[clip.name])
                writer.append(clip.name, outcome.sha256, kept)
        names = [clip.name for clip in clips if clip.name not in skipped]
        if [entry.name for entry in writer.entries] != names:
            return None
        if names:
            writer.finish()
    return Extraction(path, computed=computed, reused=reused, skipped=tuple(skipped.values()))


def _stored_rows(path: Path, entry: StoreEntry) -> npt.NDArray[np.float32]:
    rows: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return rows[entry.offset : entry.offset + entry.frames]
