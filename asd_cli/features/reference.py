"""Features of this machine next to those of librosa, of signals that are computed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError, UsageError
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import LOG_FLOOR, FeatureParameters

# Two libraries of Fourier transforms in single precision differ by a tenth of this.
_MAX_DIFFERENCE_DB = 1e-3
_NUMBA_CACHE = "NUMBA_CACHE_DIR"
_SECONDS = 2.0


def compare_with_reference() -> dict[str, float]:
    """Compute features of synthetic signals here and with librosa, and compare them.

    Returns
    -------
    dict of str to float
        Largest absolute difference in decibels, by signal and settings.

    Raises
    ------
    UsageError
        When librosa cannot be imported.
    DataError
        When a difference is larger than 0.001 dB.
    """
    differences = {}
    for parameters in (
        FeatureParameters(),
        FeatureParameters(sample_rate=44100, n_fft=2048, n_mels=64),
        FeatureParameters(power=1.0, pad_mode="constant"),
    ):
        for name, signal in _signals(parameters.sample_rate).items():
            ours = log_mel(signal, parameters, mel_basis(parameters))
            difference = np.abs(ours - _reference(signal, parameters)).max()
            label = f"{name}, {parameters.sample_rate} Hz, {parameters.pad_mode} padding"
            differences[label] = float(difference)
    worst = max(differences, key=differences.__getitem__)
    if not differences[worst] <= _MAX_DIFFERENCE_DB:
        raise DataError(
            f"features differ from librosa's by {differences[worst]:.2g} dB ({worst}); at most "
            f"{_MAX_DIFFERENCE_DB:g} dB is expected",
            hint="reinstall numpy and scipy, or report it with: asd doctor --format json",
        )
    return differences


def _signals(sample_rate: int) -> dict[str, npt.NDArray[np.float32]]:
    """Make signals with noise in all bands: without it both sides show only rounding errors."""
    generator = np.random.default_rng(0)
    seconds = np.arange(int(_SECONDS * sample_rate)) / sample_rate
    noise = 0.05 * generator.standard_normal(len(seconds))
    sweep = np.sin(2 * np.pi * (100.0 + 0.1 * sample_rate * seconds) * seconds)
    impulses = np.zeros(len(seconds))
    impulses[:: sample_rate // 10] = 0.9
    made = {"noise": noise, "sweep": 0.3 * sweep + noise, "impulses": impulses + noise}
    return {name: signal.astype(np.float32) for name, signal in made.items()}


def _reference(
    signal: npt.NDArray[np.float32], parameters: FeatureParameters
) -> npt.NDArray[np.float32]:
    with _writable_numba_cache():
        try:
            from librosa.feature import melspectrogram
        except ImportError as error:
            raise UsageError(
                f"librosa cannot be imported: {error}", hint="install it: pip install librosa"
            ) from error
        energy = melspectrogram(
            y=signal,
            sr=parameters.sample_rate,
            n_fft=parameters.n_fft,
            hop_length=parameters.hop_length,
            n_mels=parameters.n_mels,
            power=parameters.power,
            center=True,
            pad_mode=parameters.pad_mode,
        )
    decibels: npt.NDArray[np.float32] = (
        20.0 / parameters.power * np.log10(np.maximum(energy, LOG_FLOOR))
    )
    return decibels.T


@contextmanager
def _writable_numba_cache() -> Iterator[None]:
    """Give numba a temporary folder for its cache where it could not write one.

    librosa's functions are compiled when it is imported, and numba refuses to compile where neither
    the installed package nor the home folder can be written: in a container, or as a service.
    """
    spec = find_spec("librosa")
    package = Path(spec.origin).parent if spec is not None and spec.origin else None
    if _NUMBA_CACHE in os.environ or package is None or os.access(package, os.W_OK):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="asd-numba-") as folder:
        os.environ[_NUMBA_CACHE] = folder
        try:
            yield
        finally:
            del os.environ[_NUMBA_CACHE]
