"""Fill the feature store: find out what is missing, compute it, keep what is still right."""

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from asd_cli.audio.decoding import read_file
from asd_cli.audio.quality import Suspicion
from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.files import remove_abandoned, storage_errors
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.memory import keep_freed_memory
from asd_cli.core.text import grouped_problems
from asd_cli.core.types import Clip
from asd_cli.execution.executor import Executor
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import (
    FeatureStore,
    discard_partial,
    find_stores,
    intact,
    lock_path,
    open_store,
    read_index,
    remove_store,
    write_store,
)
from asd_cli.features.store_index import StoreEntry, StoreIndex
from asd_cli.features.waveforms import read_hashed


@dataclass(frozen=True, slots=True)
class Extraction:
    """What filling a store came to.

    Attributes
    ----------
    path : Path or None
        The store; None where no recording can be used.
    computed, reused : int
        Clips whose features were computed, and kept from before.
    skipped : tuple of str
        Why each bad clip was left out.
    suspicions : mapping of str to tuple of Suspicion
        What is odd about recordings that can be used, by the clip's name.
    """

    path: Path | None
    computed: int
    reused: int
    skipped: tuple[str, ...] = ()
    suspicions: Mapping[str, tuple[Suspicion, ...]] = field(default_factory=dict)

    @property
    def up_to_date(self) -> bool:
        """Whether there was nothing to do."""
        return self.computed == 0


@dataclass(frozen=True, slots=True)
class _Known:
    """A complete store that was made with the same parameters."""

    path: Path
    index: StoreIndex


def extract_features(
    clips: Sequence[Clip],
    name: Path,
    *,
    recipe: FeatureParameters,
    executor: Executor,
    skip_bad: bool = False,
    force: bool = False,
    advance: Callable[..., None] = lambda *_: None,
) -> Extraction:
    """Make a store that holds the features of exactly these clips.

    Stored features are kept where the recording's bytes and the parameters are those they were made
    from; times of files do not count. A run that was killed is resumed.

    Parameters
    ----------
    clips : sequence of Clip
        In the order the rows shall have.
    name : Path
        Folder and name of the store, without the part that stands for its content. Clips of another
        place must have another name.
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
        for the next run. When clips have the same name: rows are joined by names.
    StorageError
        When the store cannot be written.
    """
    require_names(clips)
    keep_freed_memory()
    with locked_store(name):
        known = None if force else _usable_store(name, recipe)
        if known is not None and _all_known(clips, known.index, recipe, executor.workers):
            advance(len(clips))
            found = suspicions_of(known.index.entries)
            return Extraction(known.path, computed=0, reused=len(clips), suspicions=found)
        remove_abandoned(name.parent)
        if force:
            discard_partial(name)
        fill = partial(_fill, clips, name, recipe=recipe, executor=executor, known=known,
                       advance=advance)  # fmt: skip
        extraction = fill()
        if extraction is None:  # a recording changed since the killed run: begin from scratch
            discard_partial(name)
            extraction = fill()
        if extraction is None:
            raise DataError(f"the recordings for {name} change while they are read")
        for old in find_stores(name):
            if old != extraction.path and extraction.path is not None:
                remove_store(old)
    if not skip_bad:
        require_complete(extraction, clips)
    return extraction


def require_complete(extraction: Extraction, clips: Sequence[Clip]) -> None:
    """Refuse an extraction that had to leave recordings out; ProblemsError lists them."""
    if extraction.skipped:
        raise ProblemsError(
            f"{len(extraction.skipped)} of {len(clips)} recordings cannot be used",
            grouped_problems(_by_path(clips, extraction.skipped), len(clips)),
            hint="fix or remove them, or leave them out: --skip-bad",
        )


def _by_path(clips: Sequence[Clip], problems: Sequence[str]) -> dict[str, str]:
    """Give what is wrong by the path that stands in it."""
    paths = [str(clip.path) for clip in clips]
    return {next((p for p in paths if p in text), text): text for text in problems}


def require_names(clips: Sequence[Clip]) -> None:
    """Refuse clips that share a name: one would get the features and the score of the other."""
    times = Counter(clip.name for clip in clips)
    shared = [f"{clip.name}: {clip.path}" for clip in clips if times[clip.name] > 1]
    if shared:
        raise ProblemsError(
            f"{len(shared)} of {len(clips)} clips have a name that others have",
            shared,
            hint="give each recording a name of its own, and list each clip once",
        )


def open_extraction(extraction: Extraction, clips: Sequence[Clip]) -> FeatureStore:
    """Open the features of those clips that could be used.

    Raises
    ------
    DataError
        When there are none, or the store is gone.
    """
    index = None if extraction.path is None else read_index(extraction.path)
    usable = set() if index is None else set(index.by_name)
    kept = [clip for clip in clips if clip.name in usable]
    if not kept or extraction.path is None:
        raise DataError(f"none of the {len(clips)} recordings in {clips[0].path.parent} is usable")
    return open_store(extraction.path, kept)


@contextmanager
def locked_store(name: Path) -> Iterator[None]:
    """Let one run at a time fill a store; a store on a read-only disk can only be read."""
    with storage_errors(name):
        try:
            name.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(lock_path(name))
            lock.acquire()
        except OSError as error:
            if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM} or not find_stores(name):
                raise
            yield
            return
    try:
        yield
    finally:
        lock.release()


def _usable_store(name: Path, recipe: FeatureParameters) -> _Known | None:
    for path in find_stores(name):
        index = read_index(path)
        if index is not None and index.parameters == recipe.fingerprint and intact(path, index):
            return _Known(path, index)
    return None


def _all_known(
    clips: Sequence[Clip], old: StoreIndex, recipe: FeatureParameters, workers: int
) -> bool:
    """Whether the store holds just these clips, made from the bytes they have now."""
    if [clip.name for clip in clips] != [entry.name for entry in old.entries]:
        return False
    # Reading and hashing leave Python's lock; no process is worth its start for them.
    with ThreadPoolExecutor(workers) as threads:
        now = threads.map(partial(_hash_clip, recipe=recipe), clips)
        return [entry.sha256 for entry in old.entries] == list(now)


def _hash_clip(clip: Clip, *, recipe: FeatureParameters) -> str:
    try:
        if clip.is_part:
            return read_hashed(clip, recipe).sha256
        return hash_bytes(read_file(clip.path))
    except DataError:
        return ""


def _fill(
    clips: Sequence[Clip],
    name: Path,
    *,
    recipe: FeatureParameters,
    executor: Executor,
    known: _Known | None,
    advance: Callable[..., None],
) -> Extraction | None:
    """Write the store; None when what a killed run left cannot be resumed."""
    # scipy takes a quarter of a second to load, and an up-to-date store does without.
    from asd_cli.features.computation import ClipJob, compute_clips

    stored = {} if known is None else known.index.by_name
    skipped: dict[str, str] = {}
    computed = reused = 0
    path = None
    with write_store(name, parameters=recipe.fingerprint, n_mels=recipe.n_mels) as writer:
        begun = {entry.name: entry for entry in writer.entries}
        hashes = {n: entry.sha256 for n, entry in {**stored, **begun}.items()}
        jobs = [ClipJob(clip, hashes.get(clip.name)) for clip in clips]
        outcomes = compute_clips(jobs, name, recipe=recipe, executor=executor)
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
                kept, odd = rows, outcome.suspicions
                if kept is None:
                    kept = _stored_rows(known, stored[clip.name])
                    odd = stored[clip.name].suspicions
                writer.append(clip.name, outcome.sha256, kept, odd)
        names = [clip.name for clip in clips if clip.name not in skipped]
        if [entry.name for entry in writer.entries] != names:
            return None
        if names:
            path = writer.finish()
    return Extraction(
        path,
        computed=computed,
        reused=reused,
        skipped=tuple(skipped.values()),
        suspicions=suspicions_of(writer.entries),
    )


def suspicions_of(entries: Iterable[StoreEntry]) -> dict[str, tuple[Suspicion, ...]]:
    """Give what is odd about recordings, by the clip's name."""
    return {entry.name: entry.suspicions for entry in entries if entry.suspicions}


def _stored_rows(known: _Known | None, entry: StoreEntry) -> npt.NDArray[np.float32]:
    if known is None:
        raise RuntimeError("rows can only be kept of a store that is known")
    rows: npt.NDArray[np.float32] = np.load(known.path, mmap_mode="r", allow_pickle=False)
    return rows[entry.offset : entry.offset + entry.frames]
