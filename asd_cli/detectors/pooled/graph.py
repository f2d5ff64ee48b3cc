"""Pooling over time as nodes of a graph."""

import numpy as np

from asd_cli.graphs.values import Value


def pooling_graph(levels: Value, kind: str, decay: float) -> Value:
    """Pool each band over time, as `pool_over_time` does.

    Parameters
    ----------
    levels : Value [shape=(clips, n_frames, n_bands), dtype=float32]
        Decibels.
    kind, decay
        As of `pool_over_time`.

    Returns
    -------
    Value [shape=(clips, n_bands) or (clips, 2 * n_bands), dtype=float32]
    """
    parts = {
        "mean": lambda: levels.reduce("Mean", 1),
        "max": lambda: levels.reduce("Max", 1),
        "gwrp": lambda: _weighted_rank(levels, decay),
    }
    return levels.graph.concatenate([parts[name]() for name in kind.split("_")], axis=1)


def _weighted_rank(levels: Value, decay: float) -> Value:
    """Global weighted rank pooling of `weighted_rank_pool`."""
    graph = levels.graph
    # Bands before frames: sorting takes neighbours in memory.
    ranked = levels.transpose(0, 2, 1).sorted(2, largest=True).cast(np.float64)
    weights = graph.constant(np.float64(decay)) ** graph.range(levels.length(1), np.float64)
    pooled = (ranked @ weights.unsqueeze(1)).squeeze(2) / weights.reduce("Sum", 0)
    return pooled.cast(np.float32)
