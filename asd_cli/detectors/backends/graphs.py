"""Back ends as nodes of a graph: from embeddings to scores, in double precision.

Distances are computed from products, ``|a|² - 2 a·b + |b|²``, of embeddings less the mean of the
references: in double precision what cancels is far below what single precision of the embeddings
leaves.
"""

from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import UsageError
from asd_cli.core.grouping import GroupKey
from asd_cli.detectors.backends.densities import GaussianMixture, Mahalanobis
from asd_cli.detectors.backends.neighbours import (
    LocalOutlierFactor,
    Neighbours,
    distances,
)
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.backends.whitening import Whitened
from asd_cli.features.graphs import ClipInputs
from asd_cli.graphs.values import Value

Array = npt.NDArray[Any]

# scikit-learn's, under the mean reachability.
_MIN_REACHABILITY = 1e-10
_MIN_SQUARE = np.finfo(np.float64).tiny


def groups_graph(
    clips: ClipInputs,
    embeddings: Value,
    scorers: dict[GroupKey, Any],
    options: BackendOptions,
    compared_with: "Any",
) -> Value:
    """Score embeddings by the groups of references that each clip is compared with.

    Parameters
    ----------
    clips : ClipInputs
        Say which section and domain a clip is of.
    embeddings : Value [shape=(clips, d)]
        Any float type.
    scorers : mapping of GroupKey to Scorer
        One for each group of references.
    options : BackendOptions
        Distance.
    compared_with : callable
        The groups that a clip of a section and a domain is compared with; none where it cannot be.

    Returns
    -------
    Value [shape=(clips,), dtype=float64]
        The smallest score of those groups.
    """
    values = embeddings.cast(np.float64)
    if options.distance == "cosine":
        squares = values.reduce("SumSquare", 1, keep=True)
        values = values / squares.maximum(_MIN_SQUARE).apply("Sqrt")
    groups = list(scorers)
    scores = [scorer_graph(scorers[group], values, options) for group in groups]
    if len(groups) == 1:
        return scores[0]

    def penalties(section: str | None, domain: str | None) -> list[float]:
        chosen = compared_with(section, domain)
        # Where nothing is comparable, the score is infinite rather than that of others.
        return [0.0 if group in chosen else np.inf for group in groups]

    return (clips.graph.stack(scores, 1) + clips.choose(penalties)).reduce("Min", 1)


@singledispatch
def scorer_graph(scorer: Any, values: Value, options: BackendOptions) -> Value:
    """Score embeddings [shape=(clips, d), dtype=float64] by one group of references.

    Raises
    ------
    UsageError
        When the kind of back end has no graph.
    """
    raise UsageError(f"the back end {type(scorer).__name__} cannot be exported: it has no graph")


@scorer_graph.register
def _whitened(scorer: Whitened, values: Value, options: BackendOptions) -> Value:
    factor = values.graph.wide(scorer.factor)
    scaled = values * factor if scorer.factor.ndim == 1 else values @ factor
    return scorer_graph(scorer.inner, scaled, options)


@scorer_graph.register
def _neighbours(scorer: Neighbours, values: Value, options: BackendOptions) -> Value:
    squares = squared_distances(values, scorer.references)
    pairs = squares * 0.5 if options.distance == "cosine" else squares.apply("Sqrt")
    if options.density:
        pairs = pairs / scorer.local[None]
    count = min(options.neighbors, len(scorer.references))
    if count == 1:
        return pairs.reduce("Min", 1)
    return pairs.nearest(count, 1).reduce("Mean", 1)


@scorer_graph.register
def _local_outlier_factor(
    scorer: LocalOutlierFactor, values: Value, options: BackendOptions
) -> Value:
    """Breunig et al. 2000: how much denser the neighbours lie than the clip."""
    graph, references = values.graph, scorer.references
    count = min(options.neighbors, len(references) - 1)
    reach, density = _local_densities(references, count)
    pairs = squared_distances(values, references).apply("Sqrt")
    near, order = graph.nodes("TopK", pairs, np.array([count]), outputs=2, axis=1, largest=0)
    chosen = Value(graph, order.name, np.dtype(np.int64))
    reachable = near.maximum(graph.constant(reach).take(chosen, 0))
    own = 1.0 / (reachable.reduce("Mean", 1) + _MIN_REACHABILITY)
    return graph.constant(density).take(chosen, 0).reduce("Mean", 1) / own


def _local_densities(references: Array, count: int) -> tuple[Array, Array]:
    """Distance of each reference to its `count`-th other, and its local reachability density."""
    pairs = distances(references, references, "euclidean")
    np.fill_diagonal(pairs, np.inf)
    order = np.argsort(pairs, axis=1, kind="stable")[:, :count]
    near = np.take_along_axis(pairs, order, axis=1)
    reach = near[:, -1]
    mean = np.maximum(near, reach[order]).mean(axis=1)
    return reach, 1.0 / (mean + _MIN_REACHABILITY)


@scorer_graph.register
def _mahalanobis(scorer: Mahalanobis, values: Value, options: BackendOptions) -> Value:
    tensors = scorer.tensors()
    centred = values - np.asarray(tensors["mean"])
    squares = ((centred @ np.asarray(tensors["precision"])) * centred).reduce("Sum", 1)
    return squares.maximum(0.0).apply("Sqrt")


@scorer_graph.register
def _mixture(scorer: GaussianMixture, values: Value, options: BackendOptions) -> Value:
    graph, parameters = values.graph, scorer.tensors()
    logs = []
    for weight, mean, factor in zip(
        parameters["weights"], parameters["means"], parameters["precisions_cholesky"], strict=True
    ):
        full = factor.ndim == 2
        centred = values - np.asarray(mean, np.float64)
        scaled = centred @ np.asarray(factor) if full else centred * np.asarray(factor)
        diagonal = np.diagonal(factor) if full else factor
        constant = np.log(weight) + np.log(diagonal).sum() - 0.5 * len(mean) * np.log(2.0 * np.pi)
        logs.append(scaled.reduce("SumSquare", 1) * -0.5 + float(constant))
    if len(logs) == 1:
        return -logs[0]
    return -log_sum_exp(graph.stack(logs, 1))


def log_sum_exp(values: Value) -> Value:
    """Logarithm of the sum of exponentials along the last of two axes, without overflow."""
    highest = values.reduce("Max", 1, keep=True)
    total = (values - highest).apply("Exp").reduce("Sum", 1)
    return total.apply("Log") + highest.squeeze(1)


def squared_distances(values: Value, references: Array) -> Value:
    """Squared Euclidean distances of all pairs [shape=(clips, n), dtype=float64], at least 0."""
    graph = values.graph
    wide = np.asarray(references, np.float64)
    centre = wide.mean(axis=0)
    moved = values - centre
    # Kept as they are and moved when the graph is loaded: single precision in the file.
    kept = (graph.wide(references) - centre).transpose(1, 0)
    own = moved.reduce("SumSquare", 1, keep=True)
    theirs = kept.reduce("SumSquare", 0, keep=True)
    return (own + theirs - (moved @ kept) * 2.0).maximum(0.0)
