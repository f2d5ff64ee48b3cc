"""Distances in units of how much normal clips vary: embeddings are scaled or whitened first."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from asd_cli.detectors.backends.neighbours import FloatArray, Tensors
from asd_cli.detectors.backends.options import BackendOptions

_FACTOR = "whitening"
# Of the mean variance: keeps the inverse finite where all clips are equal in some direction.
_RELATIVE_FLOOR = 1e-3
_COLUMNS_AT_ONCE = 1000
_MIN_VARIANCE = 1e-12
# A variance of few clips counts as if so many more had the mean variance of all dimensions.
_PRIOR_CLIPS = 2.0


def shrunk_covariance(embeddings: FloatArray) -> FloatArray:
    """Estimate a covariance that is regular even where clips are fewer than dimensions.

    The estimate of `ledoit_wolf`; a thousandth of the mean variance is added to the diagonal.

    Parameters
    ----------
    embeddings : ndarray [shape=(n, d), dtype=float64]
        Two or more.

    Returns
    -------
    ndarray [shape=(d, d), dtype=float64]
    """
    covariance = ledoit_wolf(embeddings)
    variance = max(float(np.trace(covariance)) / len(covariance), _MIN_VARIANCE)
    shrunk: FloatArray = covariance + _RELATIVE_FLOOR * variance * np.eye(len(covariance))
    return shrunk


def ledoit_wolf(embeddings: FloatArray) -> FloatArray:
    """Shrink the sample covariance towards a multiple of the identity.

    Ledoit and Wolf (2004), "A well-conditioned estimator for large-dimensional covariance
    matrices", J. Multivariate Analysis 88: the shrinkage that minimises the expected squared
    error, estimated from the data. Sums are taken in the order in which
    ``sklearn.covariance.ledoit_wolf`` takes them, so that the bits are the same.

    Parameters
    ----------
    embeddings : ndarray [shape=(n, d), dtype=float64]
        Two or more.

    Returns
    -------
    ndarray [shape=(d, d), dtype=float64]
    """
    n, d = embeddings.shape
    if d == 1:
        return np.atleast_2d(((embeddings - embeddings.mean()) ** 2).mean())
    centred = embeddings - embeddings.mean(axis=0)
    squares = centred**2
    variances = np.sum(squares, axis=0) / n
    mean_variance = np.sum(variances) / d
    of_squares = of_products = 0.0
    blocks = _blocks(d)
    for rows in blocks:
        for columns in blocks:
            of_squares += np.sum(np.dot(squares.T[rows], squares[:, columns]))
            of_products += np.sum(np.dot(centred.T[rows], centred[:, columns]) ** 2)
    of_products /= n**2
    noise = 1.0 / (d * n) * (of_squares / n - of_products)
    spread = (of_products - 2.0 * mean_variance * variances.sum() + d * mean_variance**2) / d
    noise = min(noise, spread)
    shrinkage = 0.0 if noise == 0 else noise / spread
    sample = np.dot(centred.T, centred) / n
    shrunk: FloatArray = (1.0 - shrinkage) * sample
    shrunk.flat[:: d + 1] += shrinkage * (np.sum(np.trace(sample)) / d)
    return shrunk


def _blocks(d: int) -> list[slice]:
    """Cut columns into blocks, which bounds the memory of products; the last one is the rest."""
    full = d // _COLUMNS_AT_ONCE
    cuts = [slice(_COLUMNS_AT_ONCE * i, _COLUMNS_AT_ONCE * (i + 1)) for i in range(full)]
    return [*cuts, slice(_COLUMNS_AT_ONCE * full, d)]


def whitening_factor(embeddings: FloatArray) -> npt.NDArray[np.float32]:
    """Find the matrix `w` that gives ``embeddings @ w`` unit variance in every direction.

    Euclidean distance between whitened embeddings is Mahalanobis distance between them as they
    were: what varies among normal clips (load, speed, noise) counts little, what never varies
    counts much.

    Parameters
    ----------
    embeddings : ndarray [shape=(n, d), dtype=float64]
        Of normal clips; a single one tells nothing, and is left as it is.

    Returns
    -------
    ndarray [shape=(d, d), dtype=float32]
    """
    if len(embeddings) < 2:
        return np.eye(embeddings.shape[1], dtype=np.float32)
    lower = np.linalg.cholesky(shrunk_covariance(embeddings))
    return np.asarray(np.linalg.inv(lower).T, np.float32)


def standardising_factor(embeddings: FloatArray) -> npt.NDArray[np.float32]:
    """Find the factors that give each dimension by itself unit variance: z-scores.

    With fewer clips than about twice the dimensions, correlations are mostly chance, and leaving
    them alone does better than whitening by them.

    Parameters
    ----------
    embeddings : ndarray [shape=(n, d), dtype=float64]
        Of normal clips; a single one tells nothing, and is left as it is.

    Returns
    -------
    ndarray [shape=(d,), dtype=float32]
    """
    count, dimensions = embeddings.shape
    if count < 2:
        return np.ones(dimensions, np.float32)
    variances = embeddings.var(axis=0)
    typical = max(float(variances.mean()), _MIN_VARIANCE)
    pooled = (count * variances + _PRIOR_CLIPS * typical) / (count + _PRIOR_CLIPS)
    return np.asarray(1.0 / np.sqrt(pooled), np.float32)


def adaptive_factor(embeddings: FloatArray, clips: int) -> npt.NDArray[np.float32]:
    """Whiten as far as the number of clips allows.

    Embeddings are standardised, and their correlations shrunk towards none with the weight
    ``d / (clips + d)`` of `d` dimensions: with few clips it is a z-score, with many it whitens. The
    shrinkage of `ledoit_wolf` takes clips for independent; clips that are cut from a few recordings
    are not, and it shrinks too little then.

    Parameters
    ----------
    embeddings : ndarray [shape=(n, d), dtype=float64]
        Of normal clips and of their perturbed versions.
    clips : int
        How many clips they are of: perturbed versions of a clip tell little of their own.

    Returns
    -------
    ndarray [shape=(d, d), dtype=float32]
    """
    scales = np.asarray(standardising_factor(embeddings), np.float64)
    dimensions = embeddings.shape[1]
    weight = dimensions / (clips + dimensions)
    centred = (embeddings - embeddings.mean(axis=0)) * scales
    sample = np.dot(centred.T, centred) / len(embeddings)
    shrunk = (1.0 - weight) * sample + (weight + _RELATIVE_FLOOR) * np.eye(dimensions)
    lower = np.linalg.cholesky(shrunk)
    return np.asarray(scales[:, None] * np.linalg.inv(lower).T, np.float32)


def factor_for(embeddings: FloatArray, distance: str, clips: int) -> npt.NDArray[np.float32]:
    """Give the factor of a kind of distance.

    Parameters
    ----------
    embeddings : ndarray [shape=(n, d), dtype=float64]
        Of normal clips.
    distance : str
        ``whitened``, ``zscore`` or ``adaptive``.
    clips : int
        As for `adaptive_factor`.
    """
    if distance == "zscore":
        return standardising_factor(embeddings)
    if distance == "adaptive":
        return adaptive_factor(embeddings, clips)
    return whitening_factor(embeddings)


class Inner(Protocol):
    """What is wrapped: a scorer of plain Euclidean embeddings."""

    min_clips: int

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Score embeddings [shape=(n, d)]."""

    def tensors(self) -> Tensors:
        """Everything that `from_tensors` needs."""


class Whitened:
    """Another kind of scorer, on whitened or standardised embeddings.

    Parameters
    ----------
    factor : ndarray [shape=(d, d) or (d,), dtype=float32]
        From `factor_for`.
    inner : Inner
        Fitted to embeddings after `apply_factor`.
    """

    def __init__(self, factor: npt.NDArray[np.floating], inner: Inner) -> None:
        self.factor, self.inner = np.asarray(factor, np.float32), inner
        self.min_clips = inner.min_clips

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Score embeddings by the inner scorer."""
        return self.inner.score(apply_factor(self.factor, embeddings))

    def tensors(self) -> Tensors:
        """Give the factor and what the inner scorer keeps."""
        return {_FACTOR: self.factor, **self.inner.tensors()}

    @classmethod
    def from_tensors(
        cls, kind: Any, tensors: Mapping[str, npt.NDArray[np.floating]], options: BackendOptions
    ) -> "Whitened":
        """Restore factor and inner scorer."""
        inner = {name: tensor for name, tensor in tensors.items() if name != _FACTOR}
        return cls(tensors[_FACTOR], kind.from_tensors(inner, options))


def apply_factor(factor: npt.NDArray[np.floating], embeddings: FloatArray) -> FloatArray:
    """Scale or whiten embeddings [shape=(n, d)] by a factor of `factor_for`."""
    wide = np.asarray(factor, np.float64)
    if wide.ndim == 1:
        return np.asarray(embeddings * wide, np.float64)
    # One at a time: the last bits of a matrix product depend on how many rows it has.
    return np.stack([row @ wide for row in embeddings])
