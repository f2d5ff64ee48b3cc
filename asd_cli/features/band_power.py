"""Power of frequency bands in short frames of a waveform, on an absolute scale."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft, sparse

FloatArray = npt.NDArray[np.float32]
Edges = tuple[tuple[float, float], ...]

_FRAMES_PER_BLOCK = 16
_MAX_KEPT_BYTES = 2**25


def frame_length(sample_rate: int, seconds: float) -> int:
    """Choose the power of two that is nearest, in octaves, to a time.

    Examples
    --------
    >>> frame_length(16000, 0.256)
    4096
    """
    return int(2 ** max(round(float(np.log2(seconds * sample_rate))), 4))


@lru_cache(maxsize=16)
def band_filters(
    edges_hz: tuple[tuple[float, float], ...], n_fft: int, sample_rate: int
) -> sparse.csr_matrix:
    """Sum up the bins of a Fourier transform into bands.

    A bin stands for the frequencies that are nearest to it and is divided among the bands that
    cut it, so that bands that lie side by side add up to the total.

    Parameters
    ----------
    edges_hz : tuple of (float, float)
        Lower and upper edge of each band; they may overlap.
    n_fft : int
        Length of the transform.
    sample_rate : int
        In Hz.

    Returns
    -------
    csr_matrix [shape=(n_bands, 1 + n_fft // 2), dtype=float32]
        Fractions, in [0, 1].
    """
    width = sample_rate / n_fft
    centres = np.arange(1 + n_fft // 2) * width
    low, high = np.maximum(centres - width / 2, 0.0), centres + width / 2
    lower, upper = np.array(edges_hz, np.float64).T[:, :, None]
    overlap = np.minimum(high, upper) - np.maximum(low, lower)
    fractions = np.clip(overlap, 0.0, None) / (high - low)
    return sparse.csr_matrix(fractions.astype(np.float32))


@lru_cache(maxsize=8)
def power_window(n_fft: int) -> FloatArray:
    """Periodic Hann window under which the bins of noise of power 1 add up to 1."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)
    scale = np.sqrt(2.0 / (n_fft * np.sum(window**2)))
    return np.asarray(window * scale, np.float32)


def band_power(
    waveform: FloatArray, edges_hz: Edges, *, n_fft: int, sample_rate: int
) -> FloatArray:
    """Measure the power of bands in frames that overlap by half.

    The method of Welch (1967), "The use of fast Fourier transform for the estimation of power
    spectra", before averaging: one-sided power under a Hann window.

    Parameters
    ----------
    waveform : ndarray [shape=(n_samples,), dtype=float32]
        Full scale is 1; zeros complete one that is shorter than a frame.
    edges_hz : tuple of (float, float)
        Lower and upper edge of each band; they may overlap.
    n_fft : int
        Samples in a frame.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray [shape=(n_frames, n_bands), dtype=float32]
        Mean square; that of a sine of amplitude 1 is 0.5.
    """
    missing = max(n_fft - len(waveform), 0)
    energies = _last.energies(waveform, n_fft)
    powers = np.asarray((band_filters(edges_hz, n_fft, sample_rate) @ energies.T).T, np.float32)
    # What is missing at the end of a short recording is not silence.
    return powers * np.float32(n_fft / (n_fft - missing)) if missing else powers


class _LastTransform:
    """The energies of the waveform that was transformed last: several measures take the same."""

    def __init__(self) -> None:
        self._waveform: FloatArray | None = None
        self._energies = np.empty((0, 0), np.float32)

    def energies(self, waveform: FloatArray, n_fft: int) -> FloatArray:
        """Energy of each bin of each frame [shape=(n_frames, 1 + n_fft // 2)]."""
        bins = 1 + n_fft // 2
        if waveform is not self._waveform or self._energies.shape[1] != bins:
            found = _transform(waveform, n_fft)
            # One that can be written may be another one when it comes again.
            if found.nbytes > _MAX_KEPT_BYTES or waveform.flags.writeable:
                return found
            self._waveform, self._energies = waveform, found
        return self._energies


_last = _LastTransform()


def _transform(waveform: FloatArray, n_fft: int) -> FloatArray:
    missing = max(n_fft - len(waveform), 0)
    samples = np.pad(waveform, (0, missing)) if missing else waveform
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[:: n_fft // 2]
    window = power_window(n_fft)
    energies = np.empty((len(frames), 1 + n_fft // 2), np.float32)
    for start in range(0, len(frames), _FRAMES_PER_BLOCK):
        block = slice(start, start + _FRAMES_PER_BLOCK)
        spectrum = fft.rfft(frames[block] * window, axis=1)
        energies[block] = spectrum.real**2 + spectrum.imag**2
    return energies
