"""Which clips hold the same sound, although their bytes differ.

A recording that was saved as WAV and as MP3 is one recording. What distinguishes it from another
one of the same machine is how its bands rise and fall in time; the average spectrum is common to
all.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.features.store import FeatureStore

# Lossy codecs shift a recording by up to 50 ms; averages over a quarter of a second hardly change.
_FRAMES_POOLED = 8
_BANDS_POOLED = 8
_MIN_STEPS = 6
# Independent noise correlates by 0.1, MP3 and WAV of one recording by 0.9 and more.
_MIN_CORRELATION = 0.7


def near_copies(store: FeatureStore) -> list[tuple[int, int]]:
    """Find pairs of clips that are nearly the same recording.

    Parameters
    ----------
    store : FeatureStore
        Features of all clips.

    Returns
    -------
    list of (int, int)
        Indices of the earlier and the later clip. Clips with less than 2 s are not compared.
    """
    found: list[tuple[int, int]] = []
    patterns = [_pattern(store[index]) for index in range(len(store))]
    by_length: dict[int, list[int]] = {}
    for index, pattern in enumerate(patterns):
        if len(pattern):
            by_length.setdefault(len(pattern), []).append(index)
    for length, members in by_length.items():
        # One step more or less is the rounding of a length; those are compared at the shorter one.
        others = [*members, *by_length.get(length + 1, ())]
        found.extend(_pairs(patterns, members, others, length))
    return sorted(found)


def _pattern(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Pool a clip to steps of time and groups of bands, without what is constant in time."""
    steps, bands = len(features) // _FRAMES_POOLED, features.shape[1] // _BANDS_POOLED
    if steps < _MIN_STEPS or not bands:
        return np.zeros((0, 0), np.float32)
    used = features[: steps * _FRAMES_POOLED, : bands * _BANDS_POOLED]
    pooled = used.reshape(steps, _FRAMES_POOLED, bands, _BANDS_POOLED).mean(axis=(1, 3))
    return np.asarray(pooled - pooled.mean(axis=0), np.float32)


def _pairs(
    patterns: Sequence[npt.NDArray[np.float32]],
    members: Sequence[int],
    others: Sequence[int],
    length: int,
) -> list[tuple[int, int]]:
    rows = np.stack([patterns[index][:length].ravel() for index in others])
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    alike = rows[: len(members)] @ rows.T
    return [
        (min(members[a], others[b]), max(members[a], others[b]))
        for a, b in np.argwhere(alike >= _MIN_CORRELATION)
        if members[a] != others[b] and (b >= len(members) or a < b)
    ]
