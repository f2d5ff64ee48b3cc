"""Short-time Fourier transforms as nodes of a graph: two products of matrices.

ONNX has an operator STFT; runtimes compute it four times as slowly as this, and some lack it. A
transform of length ``N = N1 * N2`` is one of length N1 over samples that are N2 apart, then one of
length N2 whose factors depend on the frequency of the first (Cooley and Tukey 1965, "An algorithm
for the machine calculation of complex Fourier series", Math. Comp. 19), here as products with
constant matrices. Samples are real, so that half of the frequencies of the first transform are
enough: every bin, or its mirror image of equal magnitude, is among the results.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.graphs.values import Value

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Energies:
    """Squared magnitudes of Fourier transforms, in the order in which they are computed.

    Attributes
    ----------
    values : Value [shape=(clips, n_frames, n_values), dtype=float32]
        At least one value a bin.
    bins : ndarray [shape=(n_values,), dtype=int64]
        Which bin each value is of; -1 for one that stands there already.
    """

    values: Value
    bins: npt.NDArray[np.int64]

    def in_bands(self, filters: npt.NDArray[np.floating]) -> Value:
        """Add up bins.

        Parameters
        ----------
        filters : ndarray [shape=(n_bands, n_bins)]
            Weight of each bin in each band.

        Returns
        -------
        Value [shape=(clips, n_frames, n_bands), dtype=float32]
        """
        used = (self.bins >= 0).astype(np.float32)
        return self.values @ np.asarray(filters[:, self.bins] * used, np.float32).T


def factors(length: int) -> tuple[int, int]:
    """Split a length into two factors that differ as little as possible, the smaller one last.

    Examples
    --------
    >>> factors(1024), factors(400), factors(7)
    ((32, 32), (20, 20), (7, 1))
    """
    second = max(n for n in range(1, int(np.sqrt(length)) + 1) if length % n == 0)
    return length // second, second


def energies_graph(wave: Value, window: Array, hop: int) -> Energies:
    """Transform frames of clips, as ``abs(rfft(frame * window)) ** 2`` does.

    Parameters
    ----------
    wave : Value [shape=(clips, n_samples), dtype=float32]
        At least as long as the window.
    window : ndarray [shape=(length,), dtype=float32]
        Of a frame.
    hop : int
        Samples between frames.
    """
    graph, length = wave.graph, len(window)
    first, second = factors(length)
    kept = first // 2 + 1
    count = graph.node("Div", wave.length(1) - length, np.int64(hop)) + 1
    # [clips, first, n_frames, second]: samples that are `second` apart lie above each other.
    frames = _cut(wave, count, hop, first, second) * window.reshape(first, 1, second)
    matrix = graph.constant(_first_matrix(first, kept))
    halves = matrix @ frames.reshape(0, first, -1)
    real, imaginary = (
        halves.take(np.arange(kept) + kept * half, 1).reshape(0, 0, -1, second) for half in (0, 1)
    )
    factor = _second_factors(length, first, second, kept)
    cosines, sines = factor.real.astype(np.float32), factor.imag.astype(np.float32)
    along = real @ cosines - imaginary @ sines
    across = real @ sines + imaginary @ cosines
    squares = (along * along + across * across).transpose(0, 2, 1, 3)
    return Energies(squares.reshape(0, 0, kept * second), _bins(length, first, second, kept))


def _cut(wave: Value, count: Value, hop: int, first: int, second: int) -> Value:
    """Gather frames [shape=(clips, first, n_frames, second)] in pieces as long as possible."""
    graph, piece = wave.graph, math.gcd(hop, second)
    rows = wave.length(1)
    missing = graph.node("Mod", graph.constant(np.int64(piece)) - graph.node(
        "Mod", rows, np.int64(piece)), np.int64(piece))  # fmt: skip
    pads = graph.concatenate([np.zeros(3, np.int64), missing.reshape(1)], axis=0)
    pieces = graph.node("Pad", wave, pads, mode="constant").reshape(0, -1, piece)
    # Half as wide as lengths are: where hop and factor have no common divisor, these are many.
    starts = (graph.range(count) * (hop // piece)).cast(np.int32).unsqueeze(1)
    inside = np.arange(first * second // piece, dtype=np.int32).reshape(first, 1, second // piece)
    return pieces.take(starts + inside, 1).reshape(0, first, -1, second)


def _first_matrix(first: int, kept: int) -> Array:
    """Cosines, then sines of the first transform [shape=(2 * kept, first)]."""
    angles = -2.0 * np.pi * np.outer(np.arange(kept), np.arange(first)) / first
    return np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)


def _second_factors(length: int, first: int, second: int, kept: int) -> npt.NDArray[np.complex128]:
    """Factors of the second transform for each frequency of the first [shape=(kept, n, n)]."""
    frequencies = np.arange(kept)[:, None, None] + first * np.arange(second)[None, None]
    turns = np.arange(second)[None, :, None] * frequencies % length
    return np.asarray(np.exp(-2j * np.pi * turns / length))


def _bins(length: int, first: int, second: int, kept: int) -> npt.NDArray[np.int64]:
    """Say which bin each result is of, a mirror image for its original; -1 the second time."""
    frequencies = (np.arange(kept)[:, None] + first * np.arange(second)[None]).ravel()
    bins = np.minimum(frequencies, length - frequencies)
    _, begins = np.unique(bins, return_index=True)
    found = np.full(len(bins), -1, np.int64)
    found[begins] = bins[begins]
    return found
