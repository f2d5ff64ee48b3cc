"""Front ends as nodes of a graph: log-mel spectrograms and powers of bands from a waveform.

They compute what `log_mel` and `band_power` compute. The Fourier transform rounds otherwise than
`scipy.fft`; the difference is below a thousandth of a decibel where a band holds anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.features.band_power import Edges, band_filters, power_window
from asd_cli.features.logmel import hann, mel_basis
from asd_cli.features.recipe import LOG_FLOOR, FeatureParameters
from asd_cli.features.transform_graph import Energies, energies_graph
from asd_cli.graphs.builder import Graph
from asd_cli.graphs.values import Value

DOMAINS = (None, "source", "target")
"""What the input ``domain`` counts from 0."""


@dataclass(frozen=True)
class ClipInputs:
    """What a graph is given of each clip.

    Attributes
    ----------
    graph : Graph
        Where nodes are added.
    wave : Value [shape=(clips, samples), dtype=float32]
        Full scale 1, at the rate of the features.
    sections : tuple of (str or None)
        What the input ``section`` counts from 0; a single one needs no input.
    filters : ndarray [shape=(n_mels, 1 + n_fft // 2)] or None
        Mel filters that a model keeps, of its own recipe.
    recipe : FeatureParameters
        Whose filters they are.
    """

    graph: Graph
    wave: Value
    sections: tuple[str | None, ...]
    recipe: FeatureParameters
    filters: npt.NDArray[np.floating] | None = None
    _required: list[int] = field(default_factory=list)

    @property
    def min_samples(self) -> int:
        """Samples that a clip must have for the nodes that were added."""
        return max(self._required, default=1)

    def require(self, samples: int) -> None:
        """Say that clips must have so many samples."""
        self._required.append(samples)

    @cached_property
    def _section(self) -> Value:
        return self.graph.input("section", np.int64, ["clips"])

    @cached_property
    def _domain(self) -> Value:
        return self.graph.input("domain", np.int64, ["clips"])

    def choose(self, of: Callable[[str | None, str | None], Any]) -> Value:
        """Give each clip the value of its section and domain.

        Parameters
        ----------
        of : callable
            Value of a section and a domain, each None where it is not known: a number, or an array
            [shape=(n,)].

        Returns
        -------
        Value [shape=(clips or 1, ...), dtype=float64]
        """
        table = np.array(
            [[of(section, domain) for domain in DOMAINS] for section in self.sections], np.float64
        )
        if (table == table[:, :1]).all():  # the domain does not matter
            table = table[:, :1]
        if len(self.sections) == 1 and table.shape[1] == 1:
            return self.graph.constant(table[:, 0])
        rows: Value = self.graph.constant(np.zeros(1, np.int64))
        if len(self.sections) > 1:
            rows = self._section * table.shape[1]
        if table.shape[1] > 1:
            rows = rows + self._domain
        flat = table.reshape(-1, *table.shape[2:])
        return self.graph.constant(flat).take(rows, 0)


def log_mel_graph(clips: ClipInputs, recipe: FeatureParameters) -> Value:
    """Compute log-mel spectrograms as `log_mel` does, once for all that ask.

    Returns
    -------
    Value [shape=(clips, n_frames, n_mels), dtype=float32]
        Decibels.
    """
    levels: Value = clips.graph.shared(("log mel", recipe), lambda: _log_mel(clips, recipe))
    return levels


def _log_mel(clips: ClipInputs, recipe: FeatureParameters) -> Value:
    graph, half = clips.graph, recipe.n_fft // 2
    mode = "reflect" if recipe.pad_mode == "reflect" else "constant"
    clips.require(half + 1)
    padded = graph.node("Pad", clips.wave, np.array([0, half, 0, half], np.int64), mode=mode)
    window = hann(recipe.n_fft, np.dtype(np.float32))
    energies = energies_graph(padded, window, recipe.hop_length)
    if recipe.power != 2.0:
        energies = Energies(energies.values ** (recipe.power / 2.0), energies.bins)
    own = clips.filters is not None and recipe == clips.recipe
    filters = clips.filters if own else mel_basis(recipe).toarray()
    mel = energies.in_bands(np.asarray(filters))
    scale = np.float32(20.0 / recipe.power / np.log(10.0))
    return mel.maximum(np.float32(LOG_FLOOR)).apply("Log") * scale


def band_power_graph(clips: ClipInputs, edges_hz: Edges, *, n_fft: int, sample_rate: int) -> Value:
    """Measure the power of bands as `band_power` does; the transform is made once for all.

    Returns
    -------
    Value [shape=(clips, n_frames, n_bands), dtype=float32]
        Mean square.
    """
    shared: tuple[Energies, Value] = clips.graph.shared(
        ("energies", n_fft), lambda: _complete_frames(clips, n_fft)
    )
    energies, scale = shared
    filters = band_filters(edges_hz, n_fft, sample_rate).toarray()
    return energies.in_bands(filters) * scale


def _complete_frames(clips: ClipInputs, n_fft: int) -> tuple[Energies, Value]:
    """Energies of frames, of short clips completed by zeros, and what makes up for the zeros."""
    graph = clips.graph
    zero = graph.constant(np.int64(0))
    missing = (graph.constant(np.int64(n_fft)) - clips.wave.length(1)).maximum(zero)
    none = np.zeros(3, np.int64)
    pads = graph.concatenate([none, missing.reshape(1)], axis=0)
    padded = graph.node("Pad", clips.wave, pads, mode="constant")
    scale = n_fft / (n_fft - missing.cast(np.float32))
    return energies_graph(padded, power_window(n_fft), n_fft // 2), scale
