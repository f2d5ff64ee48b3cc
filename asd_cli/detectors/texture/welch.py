"""Power spectral density of the levels of bands, without loading `scipy.signal`.

`scipy.signal` takes a third of a second to load and uses torch where that is installed; a detector
that needs neither should not wait for them.
"""

import numpy as np
import numpy.typing as npt
from scipy import fft

FloatArray = npt.NDArray[np.float32]


def welch_density(levels: FloatArray, *, rate: float, segment: int) -> FloatArray:
    """Estimate a density by averaging over segments that overlap by half.

    The method of Welch (1967), "The use of fast Fourier transform for the estimation of power
    spectra", IEEE Trans. Audio Electroacoust. 15: each segment less its mean, under a periodic Hann
    window. Bit for bit what ``scipy.signal.welch(levels, fs=rate, nperseg=segment, axis=0)`` gives.

    Parameters
    ----------
    levels : ndarray [shape=(n_frames, n_bands), dtype=float32]
        At least `segment` frames.
    rate : float
        Frames a second.
    segment : int
        Frames in a segment, at least 1.

    Returns
    -------
    ndarray [shape=(segment // 2 + 1, n_bands), dtype=float32]
        In squares of the levels' unit a hertz, from 0 to half of `rate`.
    """
    # A window of one frame is that frame, not the zero that the formula gives.
    angles = 2 * np.pi * np.arange(segment) / segment
    window = 0.5 - 0.5 * np.cos(angles) if segment > 1 else np.ones(1)
    window *= 1.0 / np.sqrt(sum(window**2) * rate)
    bands = np.moveaxis(levels, 0, -1)
    starts = range(0, len(levels) - segment + 1, segment - segment // 2)
    density = np.zeros((*bands.shape[:-1], segment // 2 + 1, len(starts)))
    for number, start in enumerate(starts):
        piece = bands[..., start : start + segment]
        spectrum = fft.rfft((piece - piece.mean(axis=-1, keepdims=True)) * window)
        density[..., number] = spectrum.real**2 + spectrum.imag**2
    # One side stands for both, but for the mean and, of an even length, the highest rate.
    density[..., 1 : -1 if segment % 2 == 0 else None, :] *= 2
    averaged: FloatArray = density.mean(axis=-1).astype(np.float32).T
    return averaged
