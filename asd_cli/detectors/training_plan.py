"""What a training run goes through, from the options of a detector."""

from collections.abc import Iterator, Sequence

from asd_cli.core.types import Clip
from asd_cli.detectors.options import FitOptions
from asd_cli.detectors.validation import split_windows
from asd_cli.features.store import FeatureStore
from asd_cli.features.windows import Indices, Windows, frame_windows
from asd_cli.training.loop import FitPlan


def plan_fit(
    options: FitOptions, clips: Sequence[Clip], window_clips: Indices, *, seed: int
) -> FitPlan:
    """Hold windows out, and plan the epochs over the others.

    Parameters
    ----------
    options : FitOptions
        Epochs, batches, validation.
    clips : sequence of Clip
        The training clips.
    window_clips : ndarray [shape=(n_windows,), dtype=int64]
        Clip of each window.
    seed : int
        Of orders and of the choice of clips.
    """
    fitted, held_out = split_windows(
        clips,
        window_clips,
        fraction=options.validation_split,
        how=options.validation,
        seed=seed,
    )
    return FitPlan(
        train=fitted,
        validation=held_out,
        epochs=options.epochs,
        batch_size=options.batch_size,
        shuffle=options.shuffle,
        seed=seed,
    )


def last_epoch_batches(plan: FitPlan) -> Iterator[Indices]:
    """Windows of each batch in an order of their own, for batch-norm statistics."""
    shuffled = plan.order(plan.epochs)
    for start in range(0, len(shuffled), plan.batch_size):
        yield shuffled[start : start + plan.batch_size]


def store_windows(n_frames: int, store: FeatureStore, hop: int) -> Windows:
    """Cut a store's clips into windows; DataError when a clip is shorter than one."""
    return frame_windows(
        store.offsets,
        store.frames,
        n_frames=n_frames,
        hop=hop,
        names=[str(clip.path) for clip in store.clips],
    )
