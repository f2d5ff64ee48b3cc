"""Log-mel spectrograms pooled over time, and a back end: no network, no training.

After Guan et al. 2023, "Time-weighted frequency domain audio representation with GMM estimator for
anomalous sound detection" (ICASSP): what a machine sounds like on average, and at its loudest,
tells much of what is wrong with it, in seconds on one core.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.types import Clip
from asd_cli.detectors.base import DetectorOptions, FitContext, FloatArray, History
from asd_cli.detectors.embedding import EmbeddingDetector
from asd_cli.features.store import FeatureStore

# Of a kilobyte a speed, as a rule.
_CLIPS_REMEMBERED = 16_384


def weighted_rank_pool(spectrogram: FloatArray, decay: float) -> FloatArray:
    """Pool each band over time, loud frames before quiet ones.

    Generalised weighted rank pooling (Kolesnikov and Lampert 2016): values are sorted in descending
    order and averaged with the weights ``decay ** rank``.

    Parameters
    ----------
    spectrogram : ndarray [shape=(n_frames, n_bands), dtype=float32]
        Decibels.
    decay : float
        In [0, 1]: 0 is the maximum, 1 the mean.

    Returns
    -------
    ndarray [shape=(n_bands,), dtype=float32]
    """
    ranked = np.sort(spectrogram, axis=0)[::-1]
    weights = np.power(decay, np.arange(len(ranked)))
    pooled: FloatArray = (weights @ ranked / weights.sum()).astype(np.float32)
    return pooled


def pool_over_time(spectrogram: FloatArray, kind: str, decay: float) -> FloatArray:
    """Pool each band over time.

    Parameters
    ----------
    spectrogram : ndarray [shape=(n_frames, n_bands), dtype=float32]
        Decibels.
    kind : str
        ``mean``, ``max``, ``gwrp``, or two of them one after the other: ``mean_max``,
        ``mean_gwrp``.
    decay : float
        Of ``gwrp``.

    Returns
    -------
    ndarray [shape=(n_bands,) or (2 * n_bands,), dtype=float32]
    """
    pools: dict[str, Callable[[], FloatArray]] = {
        "mean": lambda: spectrogram.mean(axis=0),
        "max": lambda: spectrogram.max(axis=0),
        "gwrp": lambda: weighted_rank_pool(spectrogram, decay),
    }
    return np.concatenate([pools[name]() for name in kind.split("_")])


@lru_cache(maxsize=_CLIPS_REMEMBERED)
def _pool_at_speeds(
    data: str, clip: Clip, options: DetectorOptions, folder: Path | None
) -> FloatArray:
    """Pool a clip at the options' speeds [shape=(n_speeds, d)].

    `data` tells recordings of one name apart. Fitting, calibrating and every trial of a selection
    want the same clips.
    """
    # scipy and soxr load when they are needed.
    from asd_cli.features.speed import spectrograms_at_speeds

    recipe, speeds = options.recipe, options.pooling_speeds
    return np.stack(
        [
            pool_over_time(spectrogram, options.pooling, options.pooling_decay)
            for spectrogram in spectrograms_at_speeds(clip.path, recipe, speeds, folder)
        ]
    )


class PooledDetector(EmbeddingDetector):
    """Distance of a clip's pooled spectrogram from those of normal clips.

    With `pooling_speeds` each training clip counts at other speeds as well. What a change of speed
    does to a spectrum is then part of what varies among normal clips, and a back end that whitens
    makes little of it: tangent distance (Simard et al. 1993, "Efficient pattern recognition using
    a new transformation distance"), with finite steps in place of derivatives.
    """

    def learn(self, train: FeatureStore, context: FitContext) -> History:
        """Nothing: pooling has no parameters."""
        return []

    def embed(
        self, features: FeatureStore, events: Events = SILENT, task: str = "score"
    ) -> FloatArray:
        """Pool each clip."""
        rows = []
        with progress(events, task, total=len(features), unit="clips") as advance:
            for index in range(len(features)):
                rows.append(
                    pool_over_time(
                        features[index], self.options.pooling, self.options.pooling_decay
                    )
                )
                advance(1)
        return np.stack(rows)

    def embed_perturbed(
        self, train: FeatureStore, events: Events, task: str
    ) -> Sequence[FloatArray]:
        """Pool the training clips at other speeds; DataError when a recording cannot be read."""
        if not self.options.pooling_speeds:
            return ()
        rows = []
        with progress(events, task, total=len(train), unit="clips") as advance:
            for clip in train.clips:
                rows.append(_pool_at_speeds(train.fingerprint, clip, self.options, train.folder))
                advance(1)
        return tuple(np.stack(rows, axis=1))
