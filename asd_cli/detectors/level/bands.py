"""Octave and third-octave bands, and the levels of a recording in them."""

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
Edges = tuple[tuple[float, float], ...]

# IEC 61260-1:2014: ratio of an octave, and the reference frequency.
_OCTAVE, _REFERENCE_HZ = 10.0**0.3, 1000.0
# Nominal 31.5 Hz is the lowest band that frames of a quarter of a second resolve.
_MIN_HZ, _FRAME_S = 30.0, 0.256
# Of full scale, in each band: below what 16 bits hold, so that silence has a level.
_MIN_POWER = 1e-11


@lru_cache(maxsize=16)
def octave_bands(sample_rate: int, per_octave: int) -> Edges:
    """Edges of the bands whose centre lies between 30 Hz and half of the sample rate.

    The base-ten system of IEC 61260-1:2014, "Octave-band and fractional-octave-band filters":
    centres ``1000 * 10 ** (0.3 * k / per_octave)`` Hz for whole numbers `k`.

    Parameters
    ----------
    sample_rate : int
        In Hz; the highest band may reach beyond half of it.
    per_octave : int
        1 or 3.

    Returns
    -------
    tuple of (float, float)
        Lower and upper edge in Hz, ascending; at least one band.

    Examples
    --------
    >>> len(octave_bands(16000, 1)), len(octave_bands(16000, 3))
    (9, 25)
    """
    lowest = int(np.ceil(per_octave * np.log(_MIN_HZ / _REFERENCE_HZ) / np.log(_OCTAVE)))
    highest = int(
        np.floor(per_octave * np.log(sample_rate / 2 / _REFERENCE_HZ) / np.log(_OCTAVE) + 1e-9)
    )
    half = _OCTAVE ** (0.5 / per_octave)
    centres = [
        _REFERENCE_HZ * _OCTAVE ** (k / per_octave) for k in range(lowest, max(highest, lowest) + 1)
    ]
    return tuple((centre / half, centre * half) for centre in centres)


@dataclass(frozen=True, slots=True)
class LevelMeasure:
    """Levels of bands and the total level of a recording.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    per_octave : tuple of int
        Which bands: 1 for octaves, 3 for third-octaves, in this order.
    total : bool
        Whether the total level is one of the numbers.
    relative : bool
        Whether bands are given relative to the total level, which is then left out.
    """

    sample_rate: int
    per_octave: tuple[int, ...]
    total: bool = True
    relative: bool = False

    def __call__(self, waveform: FloatArray) -> FloatArray:
        """Measure a recording.

        Parameters
        ----------
        waveform : ndarray [shape=(n_samples,), dtype=float32]
            Full scale is 1.

        Returns
        -------
        ndarray [shape=(n_levels,), dtype=float32]
            Of power averaged over the recording, in decibels of full scale; the total, that of all
            octave bands together, is last.
        """
        n_fft = frame_length(self.sample_rate, _FRAME_S)
        powers = band_power(waveform, self._edges, n_fft=n_fft, sample_rate=self.sample_rate)
        levels = 10.0 * np.log10(powers.mean(axis=0, dtype=np.float64) + _MIN_POWER)
        if self.relative:
            levels = levels[:-1] - levels[-1]
        elif not self.total:
            levels = levels[:-1]
        return np.asarray(levels, np.float32)

    @property
    def _edges(self) -> Edges:
        """Edges of all bands, the last one over all octaves."""
        bands = [octave_bands(self.sample_rate, number) for number in self.per_octave]
        octaves = octave_bands(self.sample_rate, 1)
        return (*(edge for own in bands for edge in own), (octaves[0][0], octaves[-1][1]))

    def graph(self, clips: "ClipInputs") -> "Value":
        """Measure clips by nodes of a graph."""
        from asd_cli.features.graphs import band_power_graph

        n_fft = frame_length(self.sample_rate, _FRAME_S)
        powers = band_power_graph(clips, self._edges, n_fft=n_fft, sample_rate=self.sample_rate)
        levels = (powers.cast(np.float64).reduce("Mean", 1) + _MIN_POWER).log10() * 10.0
        count = len(self._edges) - 1
        if self.relative:
            levels = levels.take(np.arange(count), 1) - levels.take(np.array([count]), 1)
        elif not self.total:
            levels = levels.take(np.arange(count), 1)
        return levels.cast(np.float32)
