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
        with progress(events, "score", total=len(features), unit="clips") as advance:
            scores = self._distances(features, neighbour=0)
            advance(len(features))
        return Scores(scores, tuple(scores[index : index + 1] for index in range(len(scores))))

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> FloatArray:
        """Distance of each training clip to the nearest other one of its section.

        A section with a single clip has no other one; its score is 0.
        """
        return self._distances(train, neighbour=1)

    def _distances(self, features: FeatureStore, *, neighbour: int) -> FloatArray:
        """Distance of each clip to its section's nearest reference, or next nearest, and so on."""
        from sklearn.neighbors import NearestNeighbors

        scores = np.zeros(len(features), np.float32)
        known = np.array(self.sections)
        for section in sorted({clip.section for clip in features.clips}):
            references = self.references[known == section]
            if len(references) <= neighbour:
                continue
            chosen = [i for i, clip in enumerate(features.clips) if clip.section == section]
            # A tree computes each distance by itself: no score depends on the others.
            search = NearestNeighbors(n_neighbors=neighbour + 1, algorithm="kd_tree").fit(
                references
            )
            pooled = np.stack([pool_over_time(features[index]) for index in chosen])
            scores[chosen] = search.kneighbors(pooled)[0][:, neighbour]
        return scores

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
