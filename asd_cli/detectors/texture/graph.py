"""Texture statistics as nodes of a graph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asd_cli.graphs.builder import Graph
from asd_cli.graphs.values import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulationRanges:
    """Ranges of rates whose density is measured.

    Attributes
    ----------
    centres : sequence of float
        In Hz.
    half_octaves : float
        Half width of each triangle, in octaves.
    min_density : float
        In dB²/Hz; what silence has.
    """

    centres: Sequence[float]
    half_octaves: float
    min_density: float


def quantiles_graph(levels: Value, quantiles: Sequence[float]) -> Value:
    """Quantiles over time, by linear interpolation as `numpy.quantile` does.

    Parameters
    ----------
    levels : Value [shape=(clips, n_bands, n_frames), dtype=float64]
        Decibels.
    quantiles : sequence of float
        In [0, 1].

    Returns
    -------
    Value [shape=(clips, n_quantiles * n_bands), dtype=float64]
    """
    graph = levels.graph
    ordered = levels.sorted(2, largest=False)
    last = levels.length(2).cast(np.float64) - 1.0
    parts = []
    for quantile in quantiles:
        place = last * quantile
        below = place.apply("Floor")
        above = (below + 1.0).minimum(last)
        low = ordered.take(below.cast(np.int64), 2)
        high = ordered.take(above.cast(np.int64), 2)
        parts.append(low + (high - low) * (place - below))
    return graph.concatenate(parts, axis=1)


def modulation_graph(levels: Value, *, rate: float, seconds: float, in_: ModulationRanges) -> Value:
    """Density of modulation in ranges of rates, in decibels: `TextureStatistics` with `welch`.

    The length of a segment depends on that of the clip, so that window and transform are made in
    the graph; a transform of some hundred frames is a product of matrices.

    Parameters
    ----------
    levels : Value [shape=(clips, n_bands, n_frames), dtype=float64]
        Decibels.
    rate : float
        Frames a second.
    seconds : float
        Length of a segment, where clips are longer.
    in_ : ModulationRanges
        The ranges.

    Returns
    -------
    Value [shape=(clips, n_ranges * n_bands), dtype=float64]
    """
    graph = levels.graph
    frames = levels.length(2)
    segment = frames.minimum(round(seconds * rate))
    half = graph.node("Div", segment, np.int64(2))
    step = segment - half
    count = graph.node("Div", frames - segment, step) + 1
    places = (graph.range(count) * step).unsqueeze(1) + graph.range(segment).unsqueeze(0)
    # [clips, bands, segments, frames of a segment]
    pieces = levels.take(places, 2)
    window = _hann(graph, segment, rate)
    centred = (pieces - pieces.reduce("Mean", -1, keep=True)) * window
    density = _squared_spectrum(graph, centred, segment, half).reduce("Mean", 2)
    ranges = _triangles(graph, segment, half, rate, in_)
    in_ranges = density @ (ranges * _sides(graph, segment, half)).transpose(1, 0)
    decibels = (in_ranges + in_.min_density).log10() * 10.0
    return decibels.transpose(0, 2, 1).reshape(0, -1)


def _hann(graph: Graph, segment: Value, rate: float) -> Value:
    """Periodic Hann window scaled to densities; a single frame is that frame."""
    count = segment.cast(np.float64)
    angles = graph.range(segment, np.float64) * (2.0 * np.pi) / count
    shape = 0.5 - angles.apply("Cos") * 0.5
    single = (2.0 - count).maximum(0.0)
    window = shape + single
    return window / (window.reduce("SumSquare", 0) * rate).apply("Sqrt")


def _squared_spectrum(graph: Graph, pieces: Value, segment: Value, half: Value) -> Value:
    """Squared magnitudes of the transform of each piece [shape=(..., half + 1)]."""
    times = graph.range(segment, np.float64).unsqueeze(1)
    rates = graph.range(half + 1, np.float64).unsqueeze(0)
    count = segment.cast(np.float64)
    # Whole turns are left out before the angle is taken, so that large products lose no bits.
    turns = graph.node("Mod", times * rates, count, fmod=1) * (2.0 * np.pi) / count
    real, imaginary = pieces @ turns.apply("Cos"), pieces @ turns.apply("Sin")
    return real * real + imaginary * imaginary


def _sides(graph: Graph, segment: Value, half: Value) -> Value:
    """2 for rates that one side stands for, 1 for the mean and, of an even length, the highest."""
    numbers = graph.range(half + 1)
    inner = numbers.minimum(1) * (segment - numbers * 2).minimum(1)
    return 1.0 + inner.cast(np.float64).unsqueeze(0)


def _triangles(
    graph: Graph, segment: Value, half: Value, rate: float, in_: ModulationRanges
) -> Value:
    """Triangles that are equally wide in octaves, each of sum 1 or empty [shape=(n, half + 1)]."""
    rates = graph.range(half + 1, np.float64) * rate / segment.cast(np.float64)
    centres = np.asarray(in_.centres, np.float64)[:, None]
    octaves = (rates.maximum(1e-3).unsqueeze(0) / centres).apply("Log") * (1.0 / np.log(2.0))
    filters = (1.0 - octaves.apply("Abs") * (1.0 / in_.half_octaves)).maximum(0.0)
    return filters / filters.reduce("Sum", 1, keep=True).maximum(1e-9)
