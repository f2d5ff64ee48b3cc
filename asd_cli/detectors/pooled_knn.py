"""Nearest neighbour on log-mel spectrograms pooled over time: no network, no training.

A clip is the mean and the maximum over time of each mel band; its score is the distance to the
nearest normal training clip of its section. In the spirit of Guan et al. 2023, "Time-weighted
frequency domain audio representation with GMM estimator for anomalous sound detection".
"""

import numpy as np

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.detectors.base import (
    DetectorOptions,
    DetectorState,
    FitContext,
    FloatArray,
    History,
    Scores,
    require_known_sections,
)
from asd_cli.features.store import FeatureStore


def pool_over_time(spectrogram: FloatArray) -> FloatArray:
    """Mean and maximum of each band: [shape=(n_frames, n_mels)] to [shape=(2 * n_mels,)]."""
    return np.concatenate([spectrogram.mean(axis=0), spectrogram.max(axis=0)])


class PooledKnnDetector:
    """Distance to the nearest normal clip of the section.

    Parameters
    ----------
    options : DetectorOptions
        Nothing of it matters here.
    """

    highest_score = float("inf")

    def __init__(self, options: DetectorOptions) -> None:
        self.options = options
        self.references: FloatArray = np.empty((0, 0), np.float32)
        self.sections: tuple[str, ...] = ()

    def fit(self, train: FeatureStore, context: FitContext) -> History:
        """Keep the pooled training clips."""
        with progress(context.events, context.task, total=len(train), unit="clips") as advance:
            rows = []
            for index in range(len(train)):
                rows.append(pool_over_time(train[index]))
                advance(1)
        self.references = np.stack(rows)
        self.sections = tuple(clip.section for clip in train.clips)
        return []

    def score(self, features: FeatureStore, events: Events = SILENT) -> Scores:
        """Euclidean distance in decibels to the nearest training clip of the section.

        Raises
        ------
        UsageError
            When a clip's section was not trained.
        """
        require_known_sections(features, self.sections)
        scores = np.empty(len(features), np.float32)
        with progress(events, "score", total=len(features), unit="clips") as advance:
            for index, clip in enumerate(features.clips):
                distances = self._distances(pool_over_time(features[index]), clip.section)
                scores[index] = distances.min()
                advance(1)
        return Scores(scores, tuple(scores[index : index + 1] for index in range(len(scores))))

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> FloatArray:
        """Distance of each training clip to the nearest other one of its section.

        A section with a single clip has no other one; its score is 0.
        """
        scores = np.zeros(len(train), np.float32)
        for index, clip in enumerate(train.clips):
            distances = np.sort(self._distances(pool_over_time(train[index]), clip.section))
            scores[index] = distances[1] if len(distances) > 1 else 0.0
        return scores

    def _distances(self, embedding: FloatArray, section: str) -> FloatArray:
        chosen = self.references[[known == section for known in self.sections]]
        difference = chosen - embedding
        distances: FloatArray = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        return distances

    def state(self) -> DetectorState:
        """Give the references and the section of each."""
        return DetectorState({"references": self.references}, {"sections": list(self.sections)})

    @classmethod
    def from_state(cls, state: DetectorState, options: DetectorOptions) -> "PooledKnnDetector":
        """Take the references up again."""
        detector = cls(options)
        detector.references = np.asarray(state.tensors["references"], np.float32)
        detector.sections = tuple(state.facts["sections"])
        return detector
