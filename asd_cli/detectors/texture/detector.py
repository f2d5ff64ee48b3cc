"""Statistics of a clip's sound texture, and a back end: no network, no training.

A texture is a sound that is made of many similar events, as those of machines are. What ears keep
of one are statistics of the envelopes of frequency bands: how they are distributed, and how fast
they vary (McDermott and Simoncelli 2011, "Sound texture perception via statistics of the auditory
periphery", Neuron 71). Beating at the rate of a shaft, a blade or a bearing shows
wear (envelope analysis: Randall and Antoni 2011, "Rolling element bearing diagnostics - a
tutorial"), and pooling over time removes it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asd_cli.detectors.base import FloatArray
from asd_cli.detectors.clip_statistics import Measure, SpectrogramSummary
from asd_cli.detectors.measured_embedding import MeasuringDetector
from asd_cli.detectors.pooled.options import PooledOptions
from asd_cli.detectors.texture.welch import welch_density
from asd_cli.features.recipe import FeatureParameters

if TYPE_CHECKING:
    from asd_cli.detectors.texture.graph import ModulationRanges
    from asd_cli.graphs.values import Value

# Windows short enough to follow a shaft of 50 turns a second; bands wide enough to fill.
_WINDOW_S, _HOP_S, _BANDS = 0.032, 0.008, 24
_QUANTILES = (0.05, 0.5, 0.95, 0.99)
_MODULATION_HZ = (3.0, 50.0)
_MODULATION_BANDS = 6
_SEGMENT_S = 1.0
# In dB²/Hz: far below what noise has, so that silence has a logarithm.
_MIN_DENSITY = 1e-6


def texture_recipe(recipe: FeatureParameters) -> FeatureParameters:
    """Make a recipe one of few bands and short windows; the rest stays."""
    # scipy loads when it is needed.
    from scipy.fft import next_fast_len

    return replace(
        recipe,
        # At 44,100 Hz 1,411 samples are 17 times 83: four times as slow as 1,440.
        n_fft=next_fast_len(round(_WINDOW_S * recipe.sample_rate), real=True),
        hop_length=round(_HOP_S * recipe.sample_rate),
        n_mels=_BANDS,
    )


@dataclass(frozen=True, slots=True)
class TextureStatistics:
    """Distribution and modulation of the level of each band.

    Attributes
    ----------
    frame_rate : float
        Frames a second.
    """

    frame_rate: float

    def __call__(self, levels: FloatArray) -> FloatArray:
        """Describe a clip.

        Parameters
        ----------
        levels : ndarray [shape=(n_frames, n_bands), dtype=float32]
            Decibels.

        Returns
        -------
        ndarray [shape=(10 * n_bands,), dtype=float32]
            Four quantiles, then the density of modulation in six ranges of rate; all in decibels.
        """
        quantiles = np.quantile(levels, _QUANTILES, axis=0)
        parts = [quantiles.ravel(), self._modulation(levels).ravel()]
        return np.concatenate(parts).astype(np.float32)

    def graph(self, levels: "Value") -> "Value":
        """Describe clips by nodes of a graph."""
        from asd_cli.detectors.texture import graph

        wide = levels.cast(np.float64).transpose(0, 2, 1)
        parts = [
            graph.quantiles_graph(wide, _QUANTILES),
            graph.modulation_graph(
                wide, rate=self.frame_rate, seconds=_SEGMENT_S, in_=_modulation_ranges()
            ),
        ]
        return levels.graph.concatenate(parts, axis=1).cast(np.float32)

    def _modulation(self, levels: FloatArray) -> FloatArray:
        """Density of modulation [shape=(6, n_bands)], by the method of Welch (1967)."""
        segment = min(len(levels), round(_SEGMENT_S * self.frame_rate))
        density = welch_density(levels, rate=self.frame_rate, segment=segment)
        # Half of the rate, or a little less where the segment has an odd length.
        highest = (segment // 2) * self.frame_rate / segment
        in_ranges = _rate_filters(len(density), highest) @ density
        decibels: FloatArray = 10.0 * np.log10(in_ranges + _MIN_DENSITY)
        return decibels


def _modulation_bands() -> tuple[npt.NDArray[np.float64], float]:
    """Centres in Hz and half width in octaves."""
    edges = np.geomspace(*_MODULATION_HZ, 2 * _MODULATION_BANDS + 1)
    return edges[1::2], float(np.log2(edges[2] / edges[0]))


def _modulation_ranges() -> "ModulationRanges":
    from asd_cli.detectors.texture.graph import ModulationRanges

    centres, half_octaves = _modulation_bands()
    return ModulationRanges(
        centres=tuple(centres.tolist()), half_octaves=half_octaves, min_density=_MIN_DENSITY
    )


@lru_cache(maxsize=16)
def _rate_filters(n_rates: int, highest: float) -> FloatArray:
    """Triangles that are equally wide in octaves [shape=(6, n_rates)], each of sum 1 or empty."""
    rates = np.linspace(0.0, highest, n_rates)
    centres, half_octaves = _modulation_bands()
    distance = np.abs(np.log2(np.maximum(rates, 1e-3) / centres[:, None]))
    filters = np.maximum(0.0, 1.0 - distance / half_octaves)
    normalised: FloatArray = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-9)
    return normalised


class TextureDetector(MeasuringDetector[PooledOptions]):
    """Distance of a clip's texture statistics from those of normal clips.

    It reads the recordings, training clips at `pooling.speeds` as well (see `PooledDetector`).
    """

    @property
    def measure(self) -> Measure:
        """Statistics of the spectrogram of few bands and short windows."""
        recipe = texture_recipe(self.parameters)
        statistics = TextureStatistics(recipe.sample_rate / recipe.hop_length)
        return SpectrogramSummary(statistics, recipe)

    @property
    def speeds(self) -> tuple[float, ...]:
        """Of the options."""
        return self.options.pooling.speeds

    @property
    def max_perturbed(self) -> int:
        """Of the options."""
        return self.options.pooling.max_perturbed
