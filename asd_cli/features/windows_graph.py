"""Windows of neighbouring frames, as nodes of a graph."""

import numpy as np

from asd_cli.features.graphs import ClipInputs, log_mel_graph
from asd_cli.features.recipe import FeatureParameters
from asd_cli.graphs.values import Value


def windows_graph(
    clips: ClipInputs,
    recipe: FeatureParameters,
    *,
    n_frames: int,
    hop: int,
    turned: bool = False,
) -> Value:
    """Cut spectrograms into windows, as `frame_windows` does.

    Parameters
    ----------
    clips : ClipInputs
        Told how long clips must be.
    recipe : FeatureParameters
        Of the spectrograms.
    n_frames, hop : int
        Window length and distance, in frames.
    turned : bool
        Whether windows are turned round in time and frequency.

    Returns
    -------
    Value [shape=(clips, n_windows, n_frames, n_mels), dtype=float32]
        Decibels.
    """
    clips.require((n_frames - 1) * recipe.hop_length)
    graph, levels = clips.graph, log_mel_graph(clips, recipe)
    steps = np.arange(n_frames, dtype=np.int64)
    if turned:
        levels = levels.take(np.arange(recipe.n_mels, dtype=np.int64)[::-1].copy(), 2)
        steps = steps[::-1].copy()
    count = graph.node("Div", levels.length(1) - n_frames, np.int64(hop)) + 1
    starts = (graph.range(count) * hop).unsqueeze(1)
    return levels.take(starts + steps[None], 1)
