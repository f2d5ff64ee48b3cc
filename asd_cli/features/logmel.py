"""Log-mel spectrograms equal to librosa's, several times as fast.

The Fourier transform runs in single precision (`scipy.fft.rfft`), and the mel filters, of which
98 % is zeros, are a sparse matrix.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft, sparse

from asd_cli.audio.decoding import INT16_SCALE
from asd_cli.audio.reading import Samples
from asd_cli.core.errors import DataError
from asd_cli.features.mel import mel_filters, too_many_bands
from asd_cli.features.recipe import LOG_FLOOR, FeatureParameters

_FRAMES_PER_BLOCK = 64
_POWER_SPECTRUM = 2.0

LogMel = npt.NDArray[np.float32]


@lru_cache(maxsize=8)
def mel_basis(recipe: FeatureParameters) -> sparse.csr_matrix:
    """Compute the filters of the scale as a sparse matrix, once in a process.

    Parameters
    ----------
    recipe : FeatureParameters
        Gives scale, sample rate, n_fft and n_mels.

    Returns
    -------
    csr_matrix [shape=(n_mels, 1 + n_fft // 2), dtype=float32]

    Raises
    ------
    ConfigError
        When there are more bands than the resolution can fill.
    """
    if recipe.scale == "linear":
        return linear_basis(recipe)
    return sparse.csr_matrix(
        mel_filters(sample_rate=recipe.sample_rate, n_fft=recipe.n_fft, n_mels=recipe.n_mels)
    )


def linear_basis(recipe: FeatureParameters) -> sparse.csr_matrix:
    """Triangular filters of equal width, evenly spread from 0 Hz to half the sample rate.

    Each is as wide as two bands and has area 1 Hz, as the mel filters have.

    Returns
    -------
    csr_matrix [shape=(n_mels, 1 + n_fft // 2), dtype=float32]

    Raises
    ------
    ConfigError
        When there are more bands than the resolution can fill.
    """
    nyquist = recipe.sample_rate / 2
    bins = np.linspace(0, nyquist, 1 + recipe.n_fft // 2)
    centres = np.linspace(0, nyquist, recipe.n_mels + 2)[1:-1, None]
    width = nyquist / (recipe.n_mels + 1)
    filters = np.maximum(0.0, 1.0 - np.abs(bins - centres) / width) / width
    if not filters.any(axis=1).all():
        raise too_many_bands(
            sample_rate=recipe.sample_rate, n_fft=recipe.n_fft, n_mels=recipe.n_mels
        )
    return sparse.csr_matrix(filters.astype(np.float32))


@lru_cache(maxsize=8)
def hann(n_fft: int, dtype: np.dtype[np.int16 | np.float32]) -> npt.NDArray[np.float32]:
    """Periodic Hann window that brings samples to full scale 1 as well.

    Dividing by 32768 only changes the exponent of a float, so that it does not matter whether
    samples or window are divided; the window is 300 times shorter than a clip.
    """
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    return window * INT16_SCALE if dtype == np.int16 else window


def log_mel(samples: Samples, recipe: FeatureParameters, basis: sparse.csr_matrix) -> LogMel:
    """Compute a log-mel spectrogram in decibels.

    ``20 / power * log10(max(mel, 2.220446e-16))`` of centred frames under a periodic Hann window:
    the front end of the DCASE 2021 baseline (Kawaguchi et al. 2021), librosa's
    `feature.melspectrogram` with explicit padding.

    Parameters
    ----------
    samples : ndarray [shape=(n_samples,), dtype=float32 or int16]
        Full scale is 1, or 32768 for int16, to the same result; at least ``n_fft // 2 + 1`` samples
        for reflection.
    recipe : FeatureParameters
        The settings.
    basis : csr_matrix [shape=(n_mels, 1 + n_fft // 2)]
        From `mel_basis`.

    Returns
    -------
    ndarray [shape=(n_frames, n_mels), dtype=float32]
        Decibels; one row a frame.
    """
    half = recipe.n_fft // 2
    padded = np.pad(samples, half, mode="reflect" if recipe.pad_mode == "reflect" else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, recipe.n_fft)[:: recipe.hop_length]
    window = hann(recipe.n_fft, padded.dtype)
    spectrogram = np.empty((len(frames), recipe.n_mels), np.float32)
    # Blocks of frames stay in the processor's cache: half the time of one large transform.
    for start in range(0, len(frames), _FRAMES_PER_BLOCK):
        block = slice(start, start + _FRAMES_PER_BLOCK)
        spectrum = fft.rfft(frames[block] * window, axis=1)
        energy = spectrum.real**2
        energy += spectrum.imag**2
        if recipe.power != _POWER_SPECTRUM:
            np.power(energy, recipe.power / _POWER_SPECTRUM, out=energy)
        spectrogram[block] = basis.dot(energy.T).T
    np.maximum(spectrogram, np.float32(LOG_FLOOR), out=spectrogram)
    np.log10(spectrogram, out=spectrogram)
    spectrogram *= np.float32(20.0 / recipe.power)
    return spectrogram


def finite_log_mel(
    samples: Samples, recipe: FeatureParameters, basis: sparse.csr_matrix, *, name: object
) -> LogMel:
    """Compute `log_mel`, or refuse samples whose energy no number of single precision can hold.

    Raises
    ------
    DataError
        Names the recording.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rows = log_mel(samples, recipe, basis)
    if not np.isfinite(rows).all():
        raise DataError(
            f"{name} is too loud: its energy is beyond single precision",
            hint="export it again with full scale at 1",
        )
    return rows
