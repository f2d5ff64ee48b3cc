"""Densities fitted to normal embeddings: Gaussian mixture, Mahalanobis distance."""

import warnings

import numpy as np

from asd_cli.detectors.backends.neighbours import FloatArray, Mask, Tensors
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.backends.whitening import shrunk_covariance

# Of a component's variances: what keeps a density finite that saw few or equal clips.
_RELATIVE_REGULARISATION = 1e-3
_MIN_VARIANCE = 1e-12


class GaussianMixture:
    """Negative log-likelihood under a Gaussian mixture, scikit-learn's.

    Covariances are full where each component has more clips than dimensions, diagonal otherwise.

    Parameters
    ----------
    parameters : mapping
        ``weights`` [shape=(k,)], ``means`` [shape=(k, d)] and the Cholesky factors of the
        precisions, ``precisions_cholesky`` [shape=(k, d) or (k, d, d)].
    """

    min_clips = 2

    def __init__(self, parameters: Tensors) -> None:
        from sklearn.mixture import GaussianMixture as Estimator

        self._parameters = parameters
        factors = parameters["precisions_cholesky"]
        count = len(parameters["weights"])
        self._estimator = Estimator(count, covariance_type="diag" if factors.ndim == 2 else "full")
        self._estimator.weights_ = parameters["weights"]
        self._estimator.means_ = parameters["means"]
        self._estimator.precisions_cholesky_ = factors

    @classmethod
    def fit(
        cls, embeddings: FloatArray, target: Mask, options: BackendOptions, seed: int
    ) -> "GaussianMixture":
        """Fit by expectation maximisation."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture as Estimator

        clips, dimensions = embeddings.shape
        count = min(options.components, len(np.unique(embeddings, axis=0)))
        full = clips > count * dimensions
        variance = max(float(embeddings.var(axis=0).mean()), _MIN_VARIANCE)
        estimator = Estimator(
            count,
            covariance_type="full" if full else "diag",
            reg_covar=_RELATIVE_REGULARISATION * variance,
            random_state=seed % 2**32,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator.fit(embeddings)
        return cls(
            {
                "weights": estimator.weights_,
                "means": estimator.means_,
                "precisions_cholesky": estimator.precisions_cholesky_,
            }
        )

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Negative log-likelihood of each embedding, in nats."""
        # One at a time: the last bits of a matrix product depend on how many rows it has.
        rows = [self._estimator.score_samples(row[None]) for row in embeddings]
        return -np.concatenate(rows)

    def tensors(self) -> Tensors:
        """Give weights, means and precisions."""
        return self._parameters

    @classmethod
    def from_tensors(cls, tensors: Tensors, options: BackendOptions) -> "GaussianMixture":
        """Restore the mixture."""
        return cls(tensors)


class Mahalanobis:
    """Mahalanobis distance from the mean, with a shrunk covariance.

    The covariance is that of `shrunk_covariance`.

    Parameters
    ----------
    mean : ndarray [shape=(d,), dtype=float64]
        Of the normal embeddings.
    precision : ndarray [shape=(d, d), dtype=float64]
        Inverse of their covariance.
    """

    min_clips = 2

    def __init__(self, mean: FloatArray, precision: FloatArray) -> None:
        self._mean, self._precision = mean, precision

    @classmethod
    def fit(
        cls, embeddings: FloatArray, target: Mask, options: BackendOptions, seed: int
    ) -> "Mahalanobis":
        """Estimate mean and covariance."""
        precision = np.asarray(np.linalg.inv(shrunk_covariance(embeddings)), np.float64)
        return cls(embeddings.mean(axis=0), precision)

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Distance of each embedding, at least 0."""
        # One at a time: the last bits of a matrix product depend on how many rows it has.
        squares = [row @ self._precision @ row for row in embeddings - self._mean]
        return np.sqrt(np.maximum(squares, 0.0))

    def tensors(self) -> Tensors:
        """Give mean and precision."""
        return {"mean": self._mean, "precision": self._precision}

    @classmethod
    def from_tensors(cls, tensors: Tensors, options: BackendOptions) -> "Mahalanobis":
        """Restore the distance."""
        return cls(
            np.asarray(tensors["mean"], np.float64), np.asarray(tensors["precision"], np.float64)
        )
