"""Scores of several detectors on one scale and as one number, as nodes of a graph."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.detectors.combining import MIN_SCALE, SHARPNESS, Scale, rank_scale
from asd_cli.graphs.values import Value

Array = npt.NDArray[np.float64]


def normalise_graph(scores: Value, normal: npt.NDArray[np.floating], kind: str) -> Value:
    """Put scores on the scale of normal clips, as `normalise` does.

    Parameters
    ----------
    scores : Value [shape=(clips,), dtype=float64]
        Of one detector.
    normal : ndarray [shape=(m,)]
        Scores of normal clips.
    kind : str
        ``z``, ``log`` or ``rank``.

    Returns
    -------
    Value [shape=(clips,), dtype=float64]
    """
    if kind == "rank":
        return _rank(scores, normal)
    scale = Scale.of(normal, kind)
    values = scores if scale.least is None else scores.maximum(scale.least).apply("Log")
    return (values - scale.mean) * (1.0 / scale.spread)


def _rank(scores: Value, normal: npt.NDArray[np.floating]) -> Value:
    """Interpolate ranks linearly, and continue beyond the ends."""
    graph = scores.graph
    known, ranks, below, above = rank_scale(normal)
    tiny = np.finfo(np.float64).tiny
    values = scores * scores.apply("Abs").at_least(tiny).cast(np.float64)
    inside = values.maximum(known[0]).minimum(known[-1])
    not_above = graph.constant(known[None]).at_most(inside.unsqueeze(1)).cast(np.int64)
    left = not_above.reduce("Sum", 1) - 1
    # Slopes to the next higher score; after the last one there is none.
    widths = np.diff(known)
    slopes = np.divide(np.diff(ranks), widths, out=np.zeros(len(widths)), where=widths > 0)
    start = graph.constant(known).take(left, 0)
    slope = graph.constant(np.append(slopes, 0.0)).take(left, 0)
    found = graph.constant(ranks).take(left, 0) + slope * (inside - start)
    over, under = (values - known[-1]).maximum(0.0), (known[0] - values).maximum(0.0)
    return found + over * above - under * below


def combine_graph(normalised: Sequence[Value], weights: Array, kind: str) -> Value:
    """Make one number of normalised scores, as `combine` does.

    Parameters
    ----------
    normalised : sequence of Value [shape=(clips,), dtype=float64]
        One a detector.
    weights : ndarray [shape=(n_detectors,)]
        Of sum 1.
    kind : str
        ``mean`` or ``soft_maximum``.
    """
    graph = normalised[0].graph
    stacked = graph.stack(list(normalised), 1)
    if kind == "mean":
        return (stacked * weights[None]).reduce("Sum", 1)
    highest = stacked.reduce("Max", 1, keep=True)
    total = (((stacked - highest) * SHARPNESS).apply("Exp") * weights[None]).reduce("Sum", 1)
    return highest.squeeze(1) + total.maximum(MIN_SCALE).apply("Log") * (1.0 / SHARPNESS)
