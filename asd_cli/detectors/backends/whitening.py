"""Distances in units of how much normal clips vary: embeddings are whitened first."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from asd_cli.detectors.backends.neighbours import FloatArray, Mask, Tensors
from asd_cli.detectors.backends.options import BackendOptions

_FACTOR = "whitening"
# Of the mean variance: keeps the inverse finite where all clips are equal in some direction.
_RELATIVE_FLOOR = 1e-3
_COLUMNS_AT_ONCE = 1000
_MIN_VARIANCE = 1e-12


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


class Inner(Protocol):
    """What is wrapped: a scorer of plain Euclidean embeddings."""

    min_clips: int

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Score embeddings [shape=(n, d)]."""

    def tensors(self) -> Tensors:
        """Everything that `from_tensors` needs."""


class Whitened:
    """Another kind of scorer, on whitened embeddings.

    Parameters
    ----------
    factor : ndarray [shape=(d, d), dtype=float32]
        From `whitening_factor`.
    inner : Inner
        Fitted to whitened embeddings.
    """

    def __init__(self, factor: npt.NDArray[np.floating], inner: Inner) -> None:
        self._factor, self._inner = np.asarray(factor, np.float32), inner
        self.min_clips = inner.min_clips

    @classmethod
    def fit(
        cls, kind: Any, embeddings: FloatArray, target: Mask, options: BackendOptions, seed: int
    ) -> "Whitened":
        """Whiten by the variation of these embeddings, then fit a scorer of some kind."""
        factor = whitening_factor(embeddings)
        return cls(factor, kind.fit(_apply(factor, embeddings), target, options, seed))

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Score embeddings by the inner scorer."""
        return self._inner.score(_apply(self._factor, embeddings))

    def tensors(self) -> Tensors:
        """Give the factor and what the inner scorer keeps."""
        return {_FACTOR: self._factor, **self._inner.tensors()}

    @classmethod
    def from_tensors(
        cls, kind: Any, tensors: Mapping[str, npt.NDArray[np.floating]], options: BackendOptions
    ) -> "Whitened":
        """Restore factor and inner scorer."""
        inner = {name: tensor for name, tensor in tensors.items() if name != _FACTOR}
        return cls(tensors[_FACTOR], kind.from_tensors(inner, options))


def _apply(factor: npt.NDArray[np.floating], embeddings: FloatArray) -> FloatArray:
    # One at a time: the last bits of a matrix product depend on how many rows it has.
    wide = np.asarray(factor, np.float64)
    return np.stack([row @ wide for row in embeddings])
