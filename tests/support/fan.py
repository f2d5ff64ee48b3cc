"""Recordings of a fan as somebody's recorder would write them: any container, rate and length."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Waveform = npt.NDArray[np.float32]

_BLADE_HZ = 97.0
_HARMONICS = (1.0, 0.5, 0.35, 0.2, 0.12)
_DECAY_PER_OCTAVE = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Hiss of a band in a part of a recording, in seconds."""

    start: float = 0.0
    end: float = float("inf")
    low_hz: float = 2000.0
    high_hz: float = 7000.0
    level: float = 0.05


def fan(seconds: float, rate: int, seed: int, fault: Fault | None = None) -> Waveform:
    """Make the sound of a fan: noise that falls with frequency, and blade tones.

    Speed, level and noise differ a little between seeds, as they do between recordings.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=float32]
        About 0.1 of full scale.
    """
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    time = np.arange(count) / rate
    speed = _BLADE_HZ * (1 + 0.004 * rng.standard_normal())
    sound = 0.08 * _noise(rng, count, lambda hz: (1 + hz / 200.0) ** -_DECAY_PER_OCTAVE, rate)
    for number, level in enumerate(_HARMONICS, start=1):
        sound += 0.03 * level * np.sin(2 * np.pi * speed * number * time + rng.uniform(0, 6.28))
    if fault is not None:
        low, high = fault.low_hz, fault.high_hz
        hiss = _noise(rng, count, lambda hz: ((hz > low) & (hz < high)).astype(float), rate)
        sound += fault.level * hiss * ((time >= fault.start) & (time < fault.end))
    gain = 10 ** (0.3 * rng.standard_normal() / 20)
    return (gain * sound).astype(np.float32)


def _noise(
    rng: np.random.Generator,
    count: int,
    spectrum: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    rate: int,
) -> npt.NDArray[np.float64]:
    """Make Gaussian noise of a spectrum with standard deviation 1; blocks keep it fast."""
    block = 1 << 16
    weights = spectrum(np.asarray(np.fft.rfftfreq(block, 1 / rate), np.float64))
    blocks = [
        np.fft.irfft(np.fft.rfft(rng.standard_normal(block)) * weights)
        for _ in range(-(-count // block))
    ]
    noise = np.asarray(np.concatenate(blocks)[:count] if blocks else np.zeros(0), np.float64)
    return noise / max(float(noise.std()), 1e-12)


def write(path: Path, sound: Waveform, rate: int, *, stereo: bool = False) -> Path:
    """Write a recording; its container is that of the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.stack([sound, 0.9 * sound], axis=1) if stereo else sound
    with soundfile.SoundFile(path, "w", rate, samples.ndim) as file:
        # libsndfile's Vorbis encoder needs stack for everything that one call gives it.
        for start in range(0, len(samples), rate):
            file.write(samples[start : start + rate])
    return path
