"""Signs that a recording is not what the microphone picked up: silence, clipping, offset and so on.

A suspicious recording can be decoded and scored; whoever asks decides what to do about it.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from asd_cli.audio.formats import AudioInfo
from asd_cli.audio.reading import Samples

# Noise of a microphone keeps even 16-bit samples from repeating for so long.
_FROZEN_SECONDS = 0.5
# Of so many samples spread over such a stretch all but one interval lie inside it, wherever it is.
_PROBES = 8
# Sums of so many 16-bit samples fit into 32 bits, which is twice as fast as 64.
_BLOCK = 1 << 15
_CLIPPED_RUN = 3
# A recording that clips this rarely has met a single loud event.
_MIN_CLIPPED = 3
_OFFSET = 0.01
_OFFSET_IN_DEVIATIONS = 0.25
_INT16_FULL_SCALE = 32768.0
# Largest positive sample, full scale being 1.
_CEILINGS = {"PCM_16": 1 - 2.0**-15, "PCM_U8": 1 - 2.0**-7, "PCM_S8": 1 - 2.0**-7}
_CEILING = 1 - 2.0**-15
_EIGHT_BITS = {"PCM_U8", "PCM_S8"}
_COMPANDED = ("ULAW", "ALAW", "ADPCM", "GSM610", "G721", "G723", "DPCM", "VOX")
_FLOAT = {"FLOAT", "DOUBLE"}
_PCM = ("PCM_", "FLOAT", "DOUBLE", "ALAC")

Levels = npt.NDArray[np.float64]


class SuspicionKind(StrEnum):
    """What is suspicious about a recording."""

    SILENT = "silent"
    CONSTANT = "constant"
    DROPOUT = "dropout"
    FROZEN = "frozen"
    CLIPPED = "clipped"
    BEYOND_FULL_SCALE = "beyond-full-scale"
    DC_OFFSET = "dc-offset"
    COARSE_CODING = "coarse-coding"
    NO_LENGTH = "no-length"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One sign, with a text for users that names no file."""

    kind: SuspicionKind
    text: str


def suspicions(samples: Samples, sample_rate: int, info: AudioInfo) -> tuple[Suspicion, ...]:
    """Look for signs that a recording is not what its microphone picked up.

    Parameters
    ----------
    samples : ndarray [shape=(n_samples,), dtype=int16 or float32]
        One channel at the file's own rate, as `decoding.decode_unresampled` gives it; not empty.
    sample_rate : int
        Of the samples, in Hz.
    info : AudioInfo
        Of the file.

    Returns
    -------
    tuple of Suspicion
        Empty for an ordinary recording.
    """
    low, high = float(samples.min()), float(samples.max())
    if low == high:
        found = [_constant(low / _full_scale(samples))]
    else:
        found = _frozen(samples, sample_rate) if _may_be_frozen(samples, sample_rate) else []
        peak = max(high, -low) / _full_scale(samples)
        found += _loud(samples, peak, info) + _offset(samples)
    return tuple(found + _source(info))


def _full_scale(samples: Samples) -> float:
    return _INT16_FULL_SCALE if samples.dtype == np.int16 else 1.0


def _constant(value: float) -> Suspicion:
    if value:
        text = f"all samples have the value {value:.4g} of full scale"
        return Suspicion(SuspicionKind.CONSTANT, text)
    return Suspicion(SuspicionKind.SILENT, "all samples are zero")


def _may_be_frozen(samples: Samples, sample_rate: int) -> bool:
    """Whether a stretch of equal samples is possible, from a few samples; never wrong with no.

    Looking at every sample takes longer than the spectrogram of the recording.
    """
    step = int(_FROZEN_SECONDS * sample_rate) // _PROBES
    if step == 0:
        return True
    probes = samples[::step]
    equal = (probes[1:] == probes[:-1]).astype(np.int8)
    return bool((np.convolve(equal, np.ones(_PROBES - 1, np.int8)) >= _PROBES - 1).any())


def _frozen(samples: Samples, sample_rate: int) -> list[Suspicion]:
    """Find stretches in which every sample is the same."""
    edges = np.flatnonzero(samples[1:] != samples[:-1]) + 1
    begins = np.concatenate([[0], edges])
    lengths = np.diff(np.concatenate([begins, [len(samples)]]))
    long = lengths >= _FROZEN_SECONDS * sample_rate
    zero = samples[begins] == 0
    found = []
    for kind, chosen, words in (
        (SuspicionKind.DROPOUT, long & zero, "digital silence"),
        (SuspicionKind.FROZEN, long & ~zero, "one repeated sample"),
    ):
        if chosen.any():
            seconds = lengths[chosen].sum() / sample_rate
            first = begins[chosen][0] / sample_rate
            text = f"{words} for {seconds:.2f} s in all, first at {first:.2f} s"
            found.append(Suspicion(kind, text))
    return found


def _loud(samples: Samples, peak: float, info: AudioInfo) -> list[Suspicion]:
    full_scale = _full_scale(samples)
    if info.subtype in _FLOAT and peak > 1.0:
        text = f"float samples reach {peak:.3g} times full scale"
        return [Suspicion(SuspicionKind.BEYOND_FULL_SCALE, text)]
    ceiling = _CEILINGS.get(info.subtype, _CEILING)
    # A lossy codec does not keep the flat tops of a clipped wave, so peaks of one prove nothing.
    if peak < ceiling or not info.subtype.startswith(_PCM):
        return []
    limit = ceiling * full_scale
    runs = _run_lengths(samples >= limit) + _run_lengths(samples <= -limit)
    clipped = [length for length in runs if length >= _CLIPPED_RUN]
    if len(clipped) < _MIN_CLIPPED:
        return []
    share = sum(clipped) / len(samples)
    text = f"{len(clipped)} runs of samples at full scale ({share:.2%} of all samples): clipped"
    return [Suspicion(SuspicionKind.CLIPPED, text)]


def _run_lengths(flags: npt.NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of true values."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    lengths: list[int] = (edges[1::2] - edges[::2]).tolist()
    return lengths


def _offset(samples: Samples) -> list[Suspicion]:
    full_scale = _full_scale(samples)
    mean = _mean(samples) / full_scale
    if abs(mean) < _OFFSET:
        return []
    deviation = float(samples.std(dtype=np.float64)) / full_scale
    if abs(mean) < _OFFSET_IN_DEVIATIONS * deviation:
        return []
    text = f"the mean is {mean:.3f} of full scale, not 0 (standard deviation {deviation:.3f})"
    return [Suspicion(SuspicionKind.DC_OFFSET, text)]


def _mean(samples: Samples) -> float:
    if samples.dtype != np.int16:
        return float(samples.mean(dtype=np.float64))
    starts = range(0, len(samples), _BLOCK)
    return sum(int(samples[i : i + _BLOCK].sum(dtype=np.int32)) for i in starts) / len(samples)


def _source(info: AudioInfo) -> list[Suspicion]:
    found = []
    if info.subtype in _EIGHT_BITS:
        text = "8-bit samples: noise of rounding hides what is 48 dB below full scale"
        found.append(Suspicion(SuspicionKind.COARSE_CODING, text))
    elif any(name in info.subtype for name in _COMPANDED):
        text = f"samples are coded coarsely ({info.subtype}), with noise that follows the sound"
        found.append(Suspicion(SuspicionKind.COARSE_CODING, text))
    if info.size_unknown:
        text = (
            "the header gives no length, as of a file that was written into a pipe: all bytes were "
            "read, and nothing shows whether some are missing"
        )
        found.append(Suspicion(SuspicionKind.NO_LENGTH, text))
    return found
