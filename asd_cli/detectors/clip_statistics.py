"""One vector a clip, from its recording as it would sound at several speeds."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from asd_cli.core.events import Events, progress
from asd_cli.detectors.base import FloatArray
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore

# Turns a spectrogram into a vector; of equal ones the results are remembered.
Summary = Callable[[FloatArray], FloatArray]

# Of a kilobyte a speed, as a rule.
_MAX_REMEMBERED = 16_384


def summarise_at_speeds(
    features: FeatureStore,
    summary: Summary,
    *,
    recipe: FeatureParameters,
    speeds: Sequence[float],
    events: Events,
    task: str,
) -> tuple[FloatArray, ...]:
    """Summarise the spectrogram of each clip at each speed.

    Parameters
    ----------
    features : FeatureStore
        Tells which clips; their recordings are read.
    summary : callable
        Vector [shape=(d,)] of a spectrogram [shape=(n_frames, n_mels), dtype=float32, dB];
        hashable, and equal to others that give the same.
    recipe : FeatureParameters
        How to compute spectrograms.
    speeds : sequence of float
        Factors; 1 is the recording as it is.
    events : Events
        Told of every clip.
    task : str
        Its name in events.

    Returns
    -------
    tuple of ndarray [shape=(n_clips, d), dtype=float32]
        One a speed.

    Raises
    ------
    DataError
        When a recording cannot be read.
    """
    rows = []
    wanted = tuple(speeds)
    with progress(events, task, total=len(features), unit="clips") as advance:
        for index, clip in enumerate(features.clips):
            key = (features.fingerprint, clip, summary, recipe, wanted)
            if key not in _remembered:
                _remember(key, _summaries(features, index, summary, recipe, wanted))
            rows.append(_remembered[key])
            advance(1)
    return tuple(np.stack(rows, axis=1))


def _summaries(
    features: FeatureStore,
    index: int,
    summary: Summary,
    recipe: FeatureParameters,
    speeds: tuple[float, ...],
) -> FloatArray:
    """Summarise a clip at some speeds [shape=(n_speeds, d)]."""
    # scipy and soxr load when they are needed.
    from asd_cli.features.speed import spectrograms_at_speeds
    from asd_cli.features.waveforms import clip_waveform

    waveform = clip_waveform(features, index, recipe)
    spectrograms = spectrograms_at_speeds(waveform, recipe, speeds)
    return np.stack([summary(spectrogram) for spectrogram in spectrograms])


# Fitting, calibrating and every trial of a selection need the same clips. The fingerprint of the
# data distinguishes recordings of one name.
_remembered: dict[Any, FloatArray] = {}


def _remember(key: Any, value: FloatArray) -> None:
    """Keep a result, in place of the oldest one where there are too many."""
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.pop(next(iter(_remembered)))
    _remembered[key] = value
