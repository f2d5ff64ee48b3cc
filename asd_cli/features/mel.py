"""Mel scale and mel filters after Slaney, with the numbers of librosa and without loading it.

The scale is linear up to 1 kHz (15 mel) and logarithmic above:

- below 1 kHz, ``mel = 3 hz / 200``
- from 1 kHz, ``mel = 15 + 27 ln(hz / 1000) / ln(6.4)``

Every floating-point operation is the one of `librosa.filters.mel`, in the same order, so the
filters are equal bit for bit. Another order changes the last bit of some weights, and with it all
features.

References
----------
M. Slaney, "Auditory Toolbox: A MATLAB Toolbox for Auditory Modeling Work", version 2, Technical
Report 1998-010, Interval Research Corporation, 1998.

B. McFee et al., "librosa: Audio and Music Signal Analysis in Python", Proc. SciPy 2015
(`librosa.filters.mel`, `librosa.hz_to_mel`, `librosa.mel_to_hz`, version 0.11).
"""

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import ConfigError

_HZ_PER_MEL = 200.0 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0

Array = npt.NDArray[np.float64]


def hz_to_mel(hz: npt.ArrayLike) -> Array:
    """Convert frequencies to Slaney's mel scale.

    Parameters
    ----------
    hz : array_like of float [shape=(...)]
        In Hz; not negative.

    Returns
    -------
    ndarray [shape=(...), dtype=float64]
        In mel; of shape () for a number.

    Examples
    --------
    >>> hz_to_mel([60.0, 1000.0, 6400.0]).round(6).tolist()
    [0.9, 15.0, 42.0]
    """
    frequencies = np.asarray(hz, np.float64)
    mels = np.asarray(frequencies / _HZ_PER_MEL)
    above = frequencies >= _BREAK_HZ
    mels[above] = _BREAK_MEL + np.log(frequencies[above] / _BREAK_HZ) / _LOG_STEP
    return mels


def mel_to_hz(mels: npt.ArrayLike) -> Array:
    """Convert mels to frequencies: the inverse of `hz_to_mel`.

    Returns
    -------
    ndarray [shape=(...), dtype=float64]
        In Hz.

    Examples
    --------
    >>> mel_to_hz([3.0, 15.0]).round(6).tolist()
    [200.0, 1000.0]
    """
    values = np.asarray(mels, np.float64)
    frequencies = np.asarray(_HZ_PER_MEL * values)
    above = values >= _BREAK_MEL
    frequencies[above] = _BREAK_HZ * np.exp(_LOG_STEP * (values[above] - _BREAK_MEL))
    return frequencies


def mel_filters(*, sample_rate: int, n_fft: int, n_mels: int) -> npt.NDArray[np.float32]:
    """Compute triangular filters that are evenly spaced in mel and have equal area in Hz.

    Parameters
    ----------
    sample_rate : int
        In Hz; the last filter ends at half of it.
    n_fft : int
        Length of the Fourier transform, in samples.
    n_mels : int
        Number of filters.

    Returns
    -------
    ndarray [shape=(n_mels, 1 + n_fft // 2), dtype=float32]
        Equal to ``librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)``.

    Raises
    ------
    ConfigError
        When a filter lies between two frequencies of the transform and would be empty.
    """
    bins = np.fft.rfftfreq(n=n_fft, d=1.0 / sample_rate)
    top = float(hz_to_mel(sample_rate / 2))
    corners = mel_to_hz(np.linspace(0.0, top, n_mels + 2))
    widths = np.diff(corners)
    ramps = np.subtract.outer(corners, bins)
    filters = np.zeros((n_mels, len(bins)), np.float32)
    for band in range(n_mels):
        rising = -ramps[band] / widths[band]
        falling = ramps[band + 2] / widths[band + 1]
        filters[band] = np.maximum(0, np.minimum(rising, falling))
    # In place, so that float32 weights are multiplied as librosa multiplies them.
    filters *= (2.0 / (corners[2:] - corners[:-2]))[:, np.newaxis]
    if not filters.any(axis=1).all():
        raise too_many_bands(sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels)
    return filters


def too_many_bands(*, sample_rate: int, n_fft: int, n_mels: int) -> ConfigError:
    """Describe settings that leave a band without any frequency of the transform."""
    return ConfigError(
        f"feature.n_mels: {n_mels} bands are too many for feature.n_fft: {n_fft} "
        f"at {sample_rate} Hz; some would be empty",
        hint="use fewer bands or a longer transform: --set feature.n_mels=64",
    )


def band_edge_hz(edge: float, *, n_mels: int, sample_rate: int) -> float:
    """Frequency of the border below a band; ``n_mels`` gives the border above the last one.

    The centre of band b is 1 + b steps of 1 / (n_mels + 1) of the scale up to half the sample rate,
    and borders lie half a step from it.
    """
    top = float(hz_to_mel(sample_rate / 2))
    return float(mel_to_hz(top * (edge + 0.5) / (n_mels + 1)))


def band_position(hz: float, *, n_mels: int, sample_rate: int) -> float:
    """Inverse of `band_edge_hz`: the position of a frequency, in bands from the lowest border."""
    return float(hz_to_mel(hz)) / float(hz_to_mel(sample_rate / 2)) * (n_mels + 1) - 0.5
