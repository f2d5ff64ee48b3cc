"""The selective Mahalanobis autoencoder, baseline of DCASE Task 2 since 2023.

Harada et al. 2023, "First-shot anomaly detection for machine condition monitoring: a domain
generalization baseline" (EUSIPCO). The autoencoder is that of 2021; what it misses is measured with
the covariance of what it misses of normal source clips and of normal target clips, and the
smaller distance counts.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.types import Domain
from asd_cli.detectors.autoencoder.detector import AutoencoderDetector
from asd_cli.detectors.autoencoder.options import MahalanobisOptions
from asd_cli.detectors.base import (
    ClipScores,
    DetectorState,
    FitContext,
    History,
    Scores,
)
from asd_cli.features.store import FeatureStore

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value
    from asd_cli.training.exported_networks import Network

Matrix = npt.NDArray[np.float64]

# Of the mean variance: keeps the covariance of a few short clips invertible.
_RELATIVE_REGULARISATION = 1e-6
_MIN_VARIANCE = 1e-12
_PRECISION = "precision."


def inverse_covariance(residuals: Matrix) -> Matrix:
    """Invert the covariance of residuals [shape=(n_frames, n_mels)], slightly regularised."""
    covariance = np.atleast_2d(np.cov(residuals, rowvar=False))
    floor = max(float(np.trace(covariance)) / len(covariance), _MIN_VARIANCE)
    regular = covariance + _RELATIVE_REGULARISATION * floor * np.eye(len(covariance))
    return np.asarray(np.linalg.inv(regular), np.float64)


def mahalanobis(residuals: Matrix, precision: Matrix) -> Matrix:
    """Length of residuals under a precision: ``sqrt(r' P r)``.

    Parameters
    ----------
    residuals : ndarray [shape=(..., n_mels), dtype=float64]
        Decibels.
    precision : ndarray [shape=(n_mels, n_mels), dtype=float64]
        From `inverse_covariance`.

    Returns
    -------
    ndarray [shape=(...,), dtype=float64]
        At least 0.
    """
    squares = np.einsum("...i,...i->...", residuals @ precision, residuals)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


class MahalanobisAutoencoderDetector:
    """Smaller of the Mahalanobis distances that go with source and target clips.

    Parameters
    ----------
    options : MahalanobisOptions
        Of the autoencoder; ``score: paper`` averages the distances of all frames as the paper says,
        ``reference`` takes the distance of the clip's mean residual as the published code does.
    """

    highest_score = float("inf")

    def __init__(self, options: MahalanobisOptions) -> None:
        self.options = options
        self._autoencoder = AutoencoderDetector(options)
        self._precisions: dict[str, Matrix] = {}

    def fit(self, train: FeatureStore, context: FitContext) -> History:
        """Train the autoencoder, and take the covariances of what it misses."""
        history: History = []
        base = context.bases.get("autoencoder")
        if isinstance(base, AutoencoderDetector):
            self._autoencoder = base
        else:
            history = self._autoencoder.fit(train, context)
        domains = [clip.domain or Domain.SOURCE for clip in train.clips]
        for domain in sorted(set(domains)):
            chosen = [index for index, own in enumerate(domains) if own is domain]
            missed = [
                self._missed(train, index, self.options.windows.n_hop_frames) for index in chosen
            ]
            frames = np.concatenate([part.reshape(-1, part.shape[-1]) for part in missed])
            self._precisions[str(domain)] = inverse_covariance(frames)
        return history

    def _missed(self, store: FeatureStore, index: int, hop: int) -> Matrix:
        return self._autoencoder.residuals(store, index, hop).astype(np.float64)

    def score(self, features: FeatureStore, events: Events = SILENT) -> Scores:
        """Score windows every `score_hop_frames`; DataError when clips are too short."""
        return self._score(features, self.options.windows.score_hop_frames, events)

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> ClipScores:
        """Score with the windows of training."""
        return self._score(train, self.options.windows.n_hop_frames, events).clips

    def _score(self, store: FeatureStore, hop: int, events: Events) -> Scores:
        clips, windows = [], []
        with progress(events, "score", total=len(store), unit="clips") as advance:
            for index in range(len(store)):
                missed = self._missed(store, index, hop)
                of_windows = {
                    name: mahalanobis(missed, precision).mean(axis=1)
                    for name, precision in self._precisions.items()
                }
                chosen = self._closest(missed, of_windows)
                windows.append(of_windows[chosen].astype(np.float32))
                clips.append(self._clip_score(missed, of_windows[chosen], chosen))
                advance(1)
        return Scores(np.array(clips, np.float32), tuple(windows))

    def _closest(self, missed: Matrix, of_windows: Mapping[str, Matrix]) -> str:
        """Domain whose distance is the smaller."""
        return min(
            sorted(self._precisions),
            key=lambda name: self._clip_score(missed, of_windows[name], name),
        )

    def _clip_score(self, missed: Matrix, of_windows: Matrix, domain: str) -> float:
        if self.options.score == "reference":
            return float(mahalanobis(missed.mean(axis=(0, 1)), self._precisions[domain]))
        return float(of_windows.mean())

    def networks(self) -> "Sequence[Network]":
        """Give the network in the form that exporters take."""
        return self._autoencoder.networks()

    def graph(self, clips: "ClipInputs") -> "Value":
        """Score clips by nodes of a graph: the smaller distance of all domains."""
        missed = self._autoencoder.residual_graph(clips)
        frames = missed.reshape(0, -1, self.options.features.n_mels)
        if self.options.score == "reference":
            frames = frames.reduce("Mean", 1, keep=True)
        found = []
        for name in sorted(self._precisions):
            squares = ((frames @ self._precisions[name]) * frames).reduce("Sum", 2)
            found.append(squares.maximum(0.0).apply("Sqrt").reduce("Mean", 1))
        return clips.graph.stack(found, 1).reduce("Min", 1)

    def state(self) -> DetectorState:
        """Give the autoencoder's weights and the inverse covariances."""
        autoencoder = self._autoencoder.state()
        precisions = {f"{_PRECISION}{name}": p for name, p in self._precisions.items()}
        return DetectorState({**autoencoder.tensors, **precisions}, autoencoder.facts)

    @classmethod
    def from_state(
        cls, state: DetectorState, options: MahalanobisOptions
    ) -> "MahalanobisAutoencoderDetector":
        """Restore weights and covariances."""
        detector = cls(options)
        detector._autoencoder = AutoencoderDetector.from_state(state, options)
        detector._precisions = {
            name: np.asarray(tensor, np.float64) for name, tensor in state.part(_PRECISION).items()
        }
        return detector
