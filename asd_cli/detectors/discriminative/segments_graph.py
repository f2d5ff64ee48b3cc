"""Segments of one length, as nodes of a graph."""

import numpy as np

from asd_cli.graphs.values import Value


def segments_graph(wave: Value, n_samples: int) -> Value:
    """Cut clips into segments as `Recordings.segments` does; short clips are repeated.

    Parameters
    ----------
    wave : Value [shape=(clips, samples), dtype=float32]
        Of any length.
    n_samples : int
        Samples in a segment.

    Returns
    -------
    Value [shape=(clips, n_segments, n_samples), dtype=float32]
        The last segment ends where the clip ends.
    """
    graph, length = wave.graph, wave.length(1)
    count = graph.node("Div", length + (n_samples - 1), np.int64(n_samples))
    starts = (graph.range(count) * n_samples).minimum(length - n_samples).maximum(0)
    places = starts.unsqueeze(1) + np.arange(n_samples, dtype=np.int64)[None]
    return wave.take(graph.node("Mod", places, length), 1)
