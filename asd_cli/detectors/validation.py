"""Which windows are held out of training, to measure the loss on them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.core.grouping import group_clips, sort_key
from asd_cli.core.seeds import derive_seed
from asd_cli.core.types import Clip
from asd_cli.features.windows import Indices


def split_windows(
    clips: Sequence[Clip],
    window_clips: Indices,
    *,
    fraction: float,
    how: str,
    seed: int,
) -> tuple[Indices, Indices]:
    """Divide windows into those to train on and those to hold out.

    Parameters
    ----------
    clips : sequence of Clip
        The training clips.
    window_clips : ndarray [shape=(n_windows,), dtype=int64]
        Clip of each window.
    fraction : float
        Fraction of the windows (``tail``) or clips (``stratified``) to hold out, in [0, 1).
    how : str
        ``tail`` takes the last windows, as Keras' ``validation_split`` does: whole sections' target
        clips can be lost to training. ``stratified`` takes whole clips, the same fraction of every
        section and domain, and never a group's last clip.
    seed : int
        Of the choice of clips.

    Returns
    -------
    train, validation : ndarray [dtype=int64]
        Window numbers, in order.
    """
    everything = np.arange(len(window_clips), dtype=np.int64)
    if how == "tail":
        # Keras: int(n * (1 - validation_split)) windows are trained on.
        n_train = int(len(everything) * (1.0 - fraction))
        return everything[:n_train], everything[n_train:]
    held_out = np.isin(window_clips, _choose_clips(clips, fraction, seed))
    return everything[~held_out], everything[held_out]


def _choose_clips(clips: Sequence[Clip], fraction: float, seed: int) -> npt.NDArray[np.int64]:
    chosen: list[int] = []
    for key, members in group_clips(clips).items():
        generator = np.random.default_rng(derive_seed(seed, "validation", *sort_key(key)))
        count = min(round(fraction * len(members)), len(members) - 1)
        chosen.extend(generator.permutation(members)[:count].tolist())
    return np.array(sorted(chosen), np.int64)
