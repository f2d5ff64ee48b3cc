"""`asd doctor`: what this installation has and sees, and whether its features equal librosa's."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.manifest import library_versions
from asd_cli.core.errors import AsdError, DataError, UsageError
from asd_cli.core.types import Mode
from asd_cli.core.version import package_version
from asd_cli.execution.cores import available_cores
from asd_cli.features.recipe import LOG_FLOOR, FeatureParameters
from asd_cli.pipeline.layout import Layout
from asd_cli.settings.model import Settings

# Two libraries of Fourier transforms in single precision differ by a tenth of this.
_MAX_DIFFERENCE_DB = 1e-3
_NUMBA_CACHE = "NUMBA_CACHE_DIR"
_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Facts about an installation, by topic."""

    facts: dict[str, dict[str, Any]]


def diagnose(settings: Settings) -> Diagnosis:
    """Look at versions, devices, codecs, disk, data and models; changes nothing."""
    import soundfile

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Diagnosis(
        {
            "versions": {"asd": package_version(), **library_versions(torch=True)},
            "system": {
                "platform": platform.platform(),
                "cores": available_cores(),
                "memory_gib": round(memory / 2**30, 1),
            },
            "torch": _torch_facts(),
            "audio": {
                "libsndfile": soundfile.__libsndfile_version__,
                "wav_subtypes": sorted(soundfile.available_subtypes("WAV")),
                "formats": sorted(soundfile.available_formats()),
                "ffmpeg": shutil.which("ffmpeg"),
            },
            "disk": {
                "free_gib": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
                "writable": os.access(Path.cwd(), os.W_OK),
            },
            **{mode.value: _found(Layout(settings, mode)) for mode in Mode},
        }
    )


def _torch_facts() -> dict[str, Any]:
    try:
        import torch
    except (ImportError, OSError):  # OSError: a shared library of it is missing
        return {"available": False, "threads": None, "cuda": None, "mps": False}
    return {
        "available": True,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "mps": torch.backends.mps.is_available(),
    }


def _found(layout: Layout) -> dict[str, Any]:
    try:
        machines = layout.machines(())
    except AsdError:
        machines = ()
    return {
        "data": str(layout.data_directory),
        "machines": list(machines),
        "models": [machine for machine in machines if layout.model(machine).is_file()],
        "results": layout.manifest.is_file(),
    }


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
    # scipy loads when it is needed.
    from asd_cli.features.logmel import log_mel, mel_basis

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
