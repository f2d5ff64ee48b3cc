"""One vector a clip, from its recording as it would sound at several speeds."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from asd_cli.core.events import Events, progress
from asd_cli.core.types import Clip
from asd_cli.detectors.base import FloatArray
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore

# Turns a spectrogram into a vector; of equal ones the results are remembered.
Summary = Callable[[FloatArray], FloatArray]

# Of a kilobyte a speed, as a rule.
_CLIPS_REMEMBERED = 16_384


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
        for clip in features.clips:
            summaries = _summaries(
                data=features.fingerprint,
                clip=clip,
                summary=summary,
                recipe=recipe,
                speeds=wanted,
            )
            rows.append(summaries)
            advance(1)
    return tuple(np.stack(rows, axis=1))


@lru_cache(maxsize=_CLIPS_REMEMBERED)
def _summaries(
    *,
    data: str,
    clip: Clip,
    summary: Summary,
    recipe: FeatureParameters,
    speeds: tuple[float, ...],
) -> FloatArray:
    """Summarise a clip at some speeds [shape=(n_speeds, d)].

    `data` tells recordings of one name apart. Fitting, calibrating and every trial of a selection
    want the same clips.
    """
    # scipy and soxr load when they are needed.
    from asd_cli.features.speed import spectrograms_at_speeds

    spectrograms = spectrograms_at_speeds(clip.path, recipe, speeds)
    return np.stack([summary(spectrogram) for spectrogram in spectrograms])
