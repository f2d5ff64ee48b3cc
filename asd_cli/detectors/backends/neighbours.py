"""Distances to the nearest normal embeddings: kNN, k-means centres, local outlier factor."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from asd_cli.detectors.backends.options import BackendOptions

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Tensors = Mapping[str, npt.NDArray[np.floating]]

_MIN_DENSITY = 1e-12
_ROWS_AT_ONCE = 256
# Below so many differences, loading scipy.spatial (0.1 s) takes longer than computing them.
_FEW_DIFFERENCES = 5_000_000


def distances(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating], kind: str) -> FloatArray:
    """Distances of all pairs.

    Each is computed by itself (no matrix product), so that none depends on what else is asked for.

    Parameters
    ----------
    a, b : ndarray [shape=(n, d)] and [shape=(m, d)]
        For ``cosine`` of length 1, where ``1 - cos = |a - b|^2 / 2``.
    kind : str
        ``cosine`` or ``euclidean``.

    Returns
    -------
    ndarray [shape=(n, m), dtype=float64]
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    squares = few_squared_distances if len(x) * y.size <= _FEW_DIFFERENCES else _squared_distances
    return squares(x, y) / 2 if kind == "cosine" else np.sqrt(squares(x, y))


def _squared_distances(x: FloatArray, y: FloatArray) -> FloatArray:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(x, y, "sqeuclidean"))


def few_squared_distances(x: FloatArray, y: FloatArray) -> FloatArray:
    """Squared distances of all pairs, without scipy and equal to its `cdist` in every bit.

    A cumulative sum adds one number after the other, as `cdist` does; numpy's `sum` adds in pairs.

    Parameters
    ----------
    x, y : ndarray [shape=(n, d)] and [shape=(m, d)]

    Returns
    -------
    ndarray [shape=(n, m), dtype=float64]

    Examples
    --------
    >>> few_squared_distances(np.zeros((1, 2)), np.array([[3.0, 4.0]])).tolist()
    [[25.0]]
    """
    columns = np.ascontiguousarray(y.T)
    result = np.empty((len(x), len(y)))
    for row, out in zip(x, result, strict=True):
        differences = columns - row[:, np.newaxis]
        differences *= differences
        out[:] = np.cumsum(differences, axis=0)[-1]
    return result


def mean_of_nearest(pairs: FloatArray, neighbors: int) -> FloatArray:
    """Mean of each row's smallest values, as many as there are or `neighbors`."""
    count = min(neighbors, pairs.shape[1])
    nearest: FloatArray = np.partition(pairs, count - 1, axis=1)[:, :count]
    return np.asarray(nearest.mean(axis=1))


def local_distances(references: npt.NDArray[np.floating], neighbors: int, kind: str) -> FloatArray:
    """Mean distance of each reference to its nearest others.

    The denominator of local density normalisation (Wilkinghoff et al. 2025, "Local density-based
    anomaly score normalization for domain generalization").

    Returns
    -------
    ndarray [shape=(n_references,), dtype=float64]
        Above 0; all 1 where there is a single reference.
    """
    if len(references) == 1:
        return np.ones(1)
    pairs = distances(references, references, kind)
    np.fill_diagonal(pairs, np.inf)
    count = min(neighbors, len(references) - 1)
    return np.maximum(mean_of_nearest(pairs, count), _MIN_DENSITY)


class Neighbours:
    """Mean distance to the nearest references, divided by their own local distance if asked.

    Parameters
    ----------
    references : ndarray [shape=(n, d)]
        Kept in single precision: embeddings of normal clips.
    options : BackendOptions
        Distance, neighbours, density.
    """

    min_clips = 1

    def __init__(self, references: npt.NDArray[np.floating], options: BackendOptions) -> None:
        self._references, self._options = np.asarray(references, np.float32), options
        self._local = (
            local_distances(self._references, options.density, options.distance)
            if options.density
            else np.ones(len(references))
        )

    @classmethod
    def fit(
        cls, embeddings: FloatArray, target: Mask, options: BackendOptions, seed: int
    ) -> "Neighbours":
        """Keep all embeddings."""
        return cls(embeddings, options)

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Distance of each embedding, at least 0."""
        parts = []
        for start in range(0, len(embeddings), _ROWS_AT_ONCE):
            rows = embeddings[start : start + _ROWS_AT_ONCE]
            pairs = distances(rows, self._references, self._options.distance)
            parts.append(mean_of_nearest(pairs / self._local, self._options.neighbors))
        return np.concatenate(parts)

    @property
    def references(self) -> npt.NDArray[np.float32]:
        """What embeddings are compared with [shape=(n, d)]."""
        return self._references

    @property
    def local(self) -> FloatArray:
        """What distances to each reference are divided by [shape=(n,)]."""
        return self._local

    def tensors(self) -> Tensors:
        """Give the references."""
        return {"references": self._references}

    @classmethod
    def from_tensors(cls, tensors: Tensors, options: BackendOptions) -> "Neighbours":
        """Restore the references."""
        return cls(tensors["references"], options)


class Centres(Neighbours):
    """Distance to the centres of the source clips (k-means) and to every target clip.

    With few target clips, averaging the many source clips keeps the two domains' distances alike
    (Wilkinghoff 2023, "Design choices for learning embeddings from auxiliary tasks for domain
    generalization in anomalous sound detection").
    """

    @classmethod
    def fit(
        cls, embeddings: FloatArray, target: Mask, options: BackendOptions, seed: int
    ) -> "Centres":
        """Cluster the source clips with scikit-learn's k-means."""
        from sklearn.cluster import KMeans

        source = embeddings[~target]
        if not len(source):
            return cls(embeddings, options)
        count = min(options.components, len(np.unique(source, axis=0)))
        means = KMeans(count, n_init=4, random_state=seed % 2**32).fit(source).cluster_centers_
        if options.distance == "cosine":
            means = unit_length(means)
        return cls(np.concatenate([means, embeddings[target]]), options)


class LocalOutlierFactor:
    """Local outlier factor (Breunig et al. 2000), scikit-learn's, for new clips.

    Parameters
    ----------
    references : ndarray [shape=(n, d)]
        Kept in single precision: embeddings of two normal clips or more.
    options : BackendOptions
        Neighbours.
    """

    min_clips = 2

    def __init__(self, references: npt.NDArray[np.floating], options: BackendOptions) -> None:
        from sklearn.neighbors import LocalOutlierFactor as Estimator

        self._references = np.asarray(references, np.float32)
        # A tree computes each distance by itself: no score depends on the others.
        self._estimator = Estimator(
            n_neighbors=min(options.neighbors, len(references) - 1),
            algorithm="kd_tree",
            novelty=True,
        )
        self._estimator.fit(self._references)

    @classmethod
    def fit(
        cls, embeddings: FloatArray, target: Mask, options: BackendOptions, seed: int
    ) -> "LocalOutlierFactor":
        """Keep all embeddings."""
        return cls(embeddings, options)

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Factor of each embedding; about 1 for an inlier."""
        factors: FloatArray = -self._estimator.score_samples(np.asarray(embeddings, np.float32))
        return factors

    @property
    def references(self) -> npt.NDArray[np.float32]:
        """What embeddings are compared with [shape=(n, d)]."""
        return self._references

    def tensors(self) -> Tensors:
        """Give the references."""
        return {"references": self._references}

    @classmethod
    def from_tensors(cls, tensors: Tensors, options: BackendOptions) -> "LocalOutlierFactor":
        """Restore the references."""
        return cls(tensors["references"], options)


def unit_length(embeddings: npt.NDArray[np.floating]) -> FloatArray:
    """Scale embeddings [shape=(n, d)] to length 1; zero stays zero."""
    values = np.asarray(embeddings, np.float64)
    lengths: FloatArray = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.maximum(lengths, np.finfo(np.float64).tiny)
