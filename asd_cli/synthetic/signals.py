"""Building blocks of sound: noise, rotation, tones, clicks, resonances, bands.

Conventions: waveforms are one-dimensional, float32, without unit; `n` is a number of samples and
`sample_rate` is in Hz. Rotation is counted in revolutions, so that the k-th order of a shaft is
``cosine(k * revolutions)``. Nothing here loops over samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Wave: TypeAlias = NDArray[np.floating[Any]]

_EDGE = 0.06
_KERNEL_DECAYS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """Damped resonances of a part that is struck.

    Attributes
    ----------
    hz, decay_s, gain : tuple of float
        Frequency, time in which the amplitude falls to 1/e, and strength, of each mode.
    """

    hz: tuple[float, ...]
    decay_s: tuple[float, ...]
    gain: tuple[float, ...]


def decibels(level_db: float) -> float:
    """Turn a level in dB into a factor of amplitude."""
    return float(10.0 ** (level_db / 20.0))


def rms(y: Wave) -> float:
    """Root mean square of a waveform; never below 1e-12, so that it can divide."""
    return max(float(np.sqrt(np.mean(np.square(y, dtype=np.float64)))), 1e-12)


def unit_power(y: Wave) -> Wave:
    """Scale a waveform to a root mean square of 1."""
    return y / np.float32(rms(y))


def seconds(n: int, sample_rate: int) -> Wave:
    """Give the time of every sample, in s."""
    return np.arange(n, dtype=np.float64) / sample_rate


def filter_curve(
    y: Wave, *, sample_rate: int, hz: Sequence[float] | Wave, level_db: Sequence[float] | Wave
) -> Wave:
    """Apply a gain that depends on frequency, without changing phase.

    Parameters
    ----------
    y : ndarray [shape=(n,)]
        Waveform.
    sample_rate : int
        In Hz.
    hz, level_db : sequence of float
        Corners of the curve, rising in frequency; straight lines over log-frequency between them.

    Returns
    -------
    ndarray [shape=(n,)]
    """
    from scipy import fft

    n = len(y)
    length = fft.next_fast_len(n, real=True)
    spectrum = fft.rfft(y.astype(np.float32), n=length)
    spectrum *= _gain(length, sample_rate, hz, level_db)
    filtered: Wave = fft.irfft(spectrum, n=length)[:n]
    return filtered


def _gain(
    length: int, sample_rate: int, hz: Sequence[float] | Wave, level_db: Sequence[float] | Wave
) -> Wave:
    """Give the factor of every bin of a real spectrum of `length` samples."""
    octave = np.log2(np.asarray(hz, dtype=np.float64))
    curve = np.interp(_bin_octaves(length, sample_rate), octave, np.asarray(level_db))
    gain: Wave = np.exp(curve.astype(np.float32) * np.float32(np.log(10.0) / 20.0))
    return gain


@lru_cache(maxsize=8)
def _bin_octaves(length: int, sample_rate: int) -> Wave:
    octaves: Wave = np.log2(np.maximum(np.arange(length // 2 + 1) * (sample_rate / length), 1.0))
    return octaves


def band_limit(y: Wave, *, sample_rate: int, low_hz: float, high_hz: float) -> Wave:
    """Keep what lies between two frequencies; soft edges lie inside the band."""
    top = min(high_hz, sample_rate / 2)
    inner_low, inner_high = low_hz * (1 + _EDGE), top * (1 - _EDGE)
    corners = [low_hz / 2, low_hz, inner_low, inner_high, top, 2 * top]
    return filter_curve(
        y, sample_rate=sample_rate, hz=corners, level_db=[-140.0, -60.0, 0.0, 0.0, -60.0, -140.0]
    )


def shaped_noise(
    rng: Generator, *, n: int, sample_rate: int, hz: Sequence[float], level_db: Sequence[float]
) -> Wave:
    """Draw Gaussian noise of unit power whose spectral density follows a curve.

    `hz` and `level_db` are the curve's corners, as in `filter_curve`. The noise is drawn as a
    spectrum, which saves a transform.
    """
    from scipy import fft

    length = fft.next_fast_len(n, real=True)
    parts = rng.standard_normal((length // 2 + 1, 2), dtype=np.float32)
    spectrum = parts.view(np.complex64)[:, 0] * _gain(length, sample_rate, hz, level_db)
    return unit_power(fft.irfft(spectrum, n=length)[:n])


def band_noise(rng: Generator, *, n: int, sample_rate: int, low_hz: float, high_hz: float) -> Wave:
    """Draw Gaussian noise of unit power between two frequencies."""
    return shaped_noise(
        rng,
        n=n,
        sample_rate=sample_rate,
        hz=[low_hz * (1 - _EDGE), low_hz, high_hz, high_hz * (1 + _EDGE)],
        level_db=[-60.0, 0.0, 0.0, -60.0],
    )


def wander(rng: Generator, *, n: int, sample_rate: int, rate_hz: float, depth: float) -> Wave:
    """Draw a factor that drifts slowly around 1.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    n, sample_rate : int
        Number of samples, and Hz.
    rate_hz : float
        How often the drift takes a new direction.
    depth : float
        Standard deviation of the factor.
    """
    knots = max(int(np.ceil(n / sample_rate * rate_hz)) + 2, 3)
    values = 1.0 + depth * rng.standard_normal(knots)
    drift = np.interp(np.linspace(0, knots - 1, n), np.arange(knots), values)
    return np.maximum(drift, 0.05).astype(np.float32)


def revolve(rate_hz: float | Wave, *, n: int, sample_rate: int, start: float = 0.0) -> Wave:
    """Count the revolutions of something that turns `rate_hz` times a second."""
    steps = np.broadcast_to(np.asarray(rate_hz, dtype=np.float64) / sample_rate, (n,))
    return start + np.cumsum(steps)


def cosine(revolutions: Wave) -> Wave:
    """Cosine of an angle in revolutions, reduced before it loses precision in float32."""
    return np.cos(_radians(revolutions))


def orders(
    revolutions: Wave,
    *,
    order: Sequence[int],
    amplitude: Sequence[float] | Wave,
    offset: Sequence[float] | Wave,
) -> Wave:
    """Add up tones at whole multiples of a rotation.

    Each tone is had from the one before by a complex product, far cheaper than a cosine.

    Parameters
    ----------
    revolutions : ndarray [shape=(n,)]
        Of the shaft.
    order : sequence of int
        Multiples; equal steps between them are cheapest.
    amplitude, offset : sequence of float
        Strength and starting angle (revolutions) of each tone.
    """
    total = np.zeros(len(revolutions), dtype=np.complex64)
    steps: dict[int, NDArray[np.complex64]] = {}
    tone = np.ones(len(revolutions), dtype=np.complex64)
    reached = 0
    for multiple, strength, turn in zip(order, amplitude, offset, strict=True):
        step = multiple - reached
        if step not in steps:
            steps[step] = _rotor(step * revolutions)
        tone = tone * steps[step]
        total += np.complex64(strength * np.exp(2j * np.pi * turn)) * tone
        reached = multiple
    return total.real.copy()


def _rotor(revolutions: Wave) -> NDArray[np.complex64]:
    """Give e^(2πi·revolutions)."""
    angle = _radians(revolutions)
    rotor = np.empty(len(angle), dtype=np.complex64)
    rotor.real, rotor.imag = np.cos(angle), np.sin(angle)
    return rotor


def _radians(revolutions: Wave) -> Wave:
    part = (revolutions - np.floor(revolutions)).astype(np.float32)
    return part * np.float32(2 * np.pi)


def clicks(times_s: Wave, amplitude: Wave | float, *, n: int, sample_rate: int) -> Wave:
    """Place unit impulses at times between samples; those outside the clip are left out."""
    place = np.asarray(times_s, dtype=np.float64) * sample_rate
    strength = np.broadcast_to(np.asarray(amplitude, dtype=np.float64), place.shape)
    inside = (place >= 0) & (place < n - 1)
    place, strength = place[inside], strength[inside]
    left = place.astype(np.int64)
    share = place - left
    train = np.zeros(n, dtype=np.float64)
    np.add.at(train, left, strength * (1 - share))
    np.add.at(train, left + 1, strength * share)
    return train.astype(np.float32)


def crossings(revolutions: Wave, *, sample_rate: int, per_turn: float = 1.0) -> Wave:
    """Find the times (s) at which a rotation passes each `1 / per_turn` of a turn."""
    angle = revolutions * per_turn
    marks = np.arange(np.ceil(angle[0]), np.floor(angle[-1]) + 1)
    return np.interp(marks, angle, np.arange(len(angle))) / sample_rate


def draw_modes(
    rng: Generator, *, count: int, low_hz: float, high_hz: float, decay_s: float
) -> Modes:
    """Draw the resonances of an individual part, spread evenly over log-frequency."""
    borders = np.geomspace(low_hz, high_hz, count + 1)
    hz = [float(rng.uniform(a, b)) for a, b in pairwise(borders.tolist())]
    return Modes(
        hz=tuple(hz),
        decay_s=tuple(decay_s * float(factor) for factor in rng.uniform(0.5, 1.5, count)),
        gain=tuple(float(gain) for gain in rng.uniform(0.3, 1.0, count)),
    )


def ring(struck: Wave, modes: Modes, *, sample_rate: int) -> Wave:
    """Let a part ring when it is struck: convolve with its decaying resonances."""
    from scipy import fft

    kernel = _impulse_response(modes, sample_rate)
    n = len(struck)
    length = fft.next_fast_len(n + len(kernel), real=True)
    product = fft.rfft(struck.astype(np.float32), n=length) * fft.rfft(kernel, n=length)
    sound: Wave = fft.irfft(product, n=length)[:n]
    return sound


def _impulse_response(modes: Modes, sample_rate: int) -> Wave:
    n = int(_KERNEL_DECAYS * max(modes.decay_s) * sample_rate) + 1
    time = seconds(n, sample_rate)
    response = np.zeros(n)
    for hz, decay_s, gain in zip(modes.hz, modes.decay_s, modes.gain, strict=True):
        response += gain * np.exp(-time / decay_s) * np.sin(2 * np.pi * hz * time)
    return response.astype(np.float32)


def gate(spans: Sequence[tuple[float, float]], *, n: int, sample_rate: int, ramp_s: float) -> Wave:
    """Make an envelope that is 1 within spans of time (s), 0 outside, with soft ramps inside."""
    envelope = np.zeros(n, dtype=np.float32)
    for start, end in spans:
        first = min(n, max(0, int(start * sample_rate)))
        last = min(n, max(first, int(end * sample_rate) + 1))
        time = np.arange(first, last) / sample_rate
        rise = np.clip(np.minimum(time - start, end - time) / ramp_s, 0.0, 1.0)
        shape = (0.5 - 0.5 * np.cos(np.pi * rise)).astype(np.float32)
        envelope[first:last] = np.maximum(envelope[first:last], shape)
    return envelope
