"""Log-mel spectrograms pooled over time, and a back end: no network, no training.

After Guan et al. 2023, "Time-weighted frequency domain audio representation with GMM estimator for
anomalous sound detection" (ICASSP): what a machine sounds like on average, and at its loudest,
tells much of what is wrong with it, in seconds on one core.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.grouping import Indices, evenly_chosen
from asd_cli.detectors.base import FitContext, FloatArray, History
from asd_cli.detectors.clip_statistics import (
    MeasuredSpeeds,
    SpectrogramSummary,
    summarise_at_speeds,
)
from asd_cli.detectors.embedding import EmbeddingDetector
from asd_cli.detectors.pooled.options import PooledOptions
from asd_cli.features.store import FeatureStore

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value


def weighted_rank_pool(spectrogram: FloatArray, decay: float) -> FloatArray:
    """Pool each band over time, loud frames before quiet ones.

    Global weighted rank pooling (GWRP; Kolesnikov and Lampert 2016): values are sorted in
    descending order and averaged with the weights ``decay ** rank``.

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


@dataclass(frozen=True, slots=True)
class Pooling:
    """`pool_over_time` with its settings.

    Attributes
    ----------
    kind : str
        ``mean``, ``max``, ``gwrp``, ``mean_max`` or ``mean_gwrp``.
    decay : float
        Of ``gwrp``, in [0, 1].
    """

    kind: str
    decay: float

    def __call__(self, spectrogram: FloatArray) -> FloatArray:
        """Pool each band over time."""
        return pool_over_time(spectrogram, self.kind, self.decay)

    def graph(self, levels: "Value") -> "Value":
        """Pool each band by nodes of a graph."""
        from asd_cli.detectors.pooled.graph import pooling_graph

        return pooling_graph(levels, self.kind, self.decay)


class PooledDetector(EmbeddingDetector[PooledOptions]):
    """Distance of a clip's pooled spectrogram from those of normal clips.

    With `pooling.speeds` each training clip counts at other speeds as well. What a change of speed
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
                rows.append(self._pooling(features[index]))
                advance(1)
        return np.stack(rows)

    def embedding_graph(self, clips: "ClipInputs") -> "Value":
        """Pool clips by nodes of a graph."""
        from asd_cli.features.graphs import log_mel_graph

        return self._pooling.graph(log_mel_graph(clips, self.options.features))

    def embed_perturbed(
        self, train: FeatureStore, events: Events, task: str
    ) -> Sequence[FloatArray]:
        """Pool the training clips at other speeds; DataError when a recording cannot be read."""
        recipe, speeds = self.options.features, self.options.pooling.speeds
        if not speeds:
            return ()
        chosen = train.select(self.perturbed_clips(train).tolist())
        return summarise_at_speeds(
            chosen, self._pooling, recipe=recipe, speeds=speeds, events=events, task=task
        )

    def perturbed_clips(self, train: FeatureStore) -> Indices:
        """Choose at most `pooling.max_perturbed` clips."""
        return evenly_chosen(train.clips, self.options.pooling.max_perturbed)

    @property
    def measures(self) -> tuple[MeasuredSpeeds, ...]:
        """What is measured of every recording: nothing, log-mel is there already."""
        return ()

    @property
    def perturbed_measures(self) -> tuple[MeasuredSpeeds, ...]:
        """What is measured of the recordings of `perturbed_clips`."""
        speeds = self.options.pooling.speeds
        summary = SpectrogramSummary(self._pooling, self.options.features)
        return (MeasuredSpeeds(summary, speeds),) if speeds else ()

    @property
    def _pooling(self) -> Pooling:
        return Pooling(self.options.pooling.kind, self.options.pooling.decay)
