"""A fine spectrum with bands of equal width in octaves."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asd_cli.features.band_power import band_power, frame_length

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value

FloatArray = npt.NDArray[np.float32]

_FRAME_S, _MIN_HZ = 0.256, 40.0
# Of full scale, in each band: below what 16 bits hold, so that silence has a level.
_MIN_POWER = 1e-12


@lru_cache(maxsize=16)
def log_bands(sample_rate: int, count: int) -> tuple[tuple[float, float], ...]:
    """Edges of `count` bands from 40 Hz to half of the sample rate, equally wide in octaves."""
    edges = np.geomspace(min(_MIN_HZ, sample_rate / 8), sample_rate / 2, count + 1)
    return tuple(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class FineSpectrum:
    """Mean level of narrow bands.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    bands : int
        How many.
    """

    sample_rate: int
    bands: int

    def __call__(self, waveform: FloatArray) -> FloatArray:
        """Measure a recording.

        Parameters
        ----------
        waveform : ndarray [shape=(n_samples,), dtype=float32]
            Full scale is 1.

        Returns
        -------
        ndarray [shape=(n_bands,), dtype=float32]
            Levels of frames, in decibels of full scale, averaged over the recording: short events
            count little.
        """
        n_fft = frame_length(self.sample_rate, _FRAME_S)
        edges = log_bands(self.sample_rate, self.bands)
        powers = band_power(waveform, edges, n_fft=n_fft, sample_rate=self.sample_rate)
        levels = 10.0 * np.log10(powers + np.float32(_MIN_POWER))
        return np.asarray(levels.mean(axis=0), np.float32)

    def graph(self, clips: "ClipInputs") -> "Value":
        """Measure clips by nodes of a graph."""
        from asd_cli.features.graphs import band_power_graph

        n_fft = frame_length(self.sample_rate, _FRAME_S)
        edges = log_bands(self.sample_rate, self.bands)
        powers = band_power_graph(clips, edges, n_fft=n_fft, sample_rate=self.sample_rate)
        return ((powers + np.float32(_MIN_POWER)).log10() * 10.0).reduce("Mean", 1)
