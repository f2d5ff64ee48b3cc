"""Clips of files and of samples, each with what is wrong with it as a recording."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import at_rate, full_scale_1, read_info
from asd_cli.audio.formats import AudioFormat, AudioInfo
from asd_cli.audio.quality import Suspicion, SuspicionKind, suspicions
from asd_cli.audio.reading import Samples
from asd_cli.core.errors import DataError
from asd_cli.core.text import counted
from asd_cli.core.types import Clip
from asd_cli.datasets.cutting import cut_recording
from asd_cli.pipeline.monitoring.scorer import ClipScorer
from asd_cli.pipeline.own.scoring import read_clip

Waveform = npt.NDArray[np.float32]

# Signs that the sensor or what carries its sound is at fault; others are remarks.
SENSOR_FAULTS = {
    SuspicionKind.SILENT, SuspicionKind.CONSTANT, SuspicionKind.DROPOUT, SuspicionKind.FROZEN,
    SuspicionKind.CLIPPED, SuspicionKind.BEYOND_FULL_SCALE,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundClip:
    """One clip.

    Attributes
    ----------
    start, seconds : float
        Where it begins in its file or stream, and its length.
    samples : ndarray [shape=(n_samples,), dtype=float32] or None
        At the rate of the scorer, full scale 1; None where it cannot be scored.
    fault : str
        What is wrong with the sensor; empty for nothing.
    remarks : tuple of str
        What else is suspicious.
    """

    start: float
    seconds: float
    samples: Waveform | None = None
    fault: str = ""
    remarks: tuple[str, ...] = ()


def wanted_format(scorer: ClipScorer) -> AudioFormat:
    """Give the format that a scorer takes."""
    return AudioFormat(sample_rate=scorer.sample_rate, channel=scorer.channel, resample=True)


def unusable(info: AudioInfo, scorer: ClipScorer) -> str:
    """Say why sound cannot be scored; empty where it can."""
    if info.sample_rate < scorer.sample_rate:
        return f"{info.sample_rate} Hz; the model needs {scorer.sample_rate} Hz or more"
    if isinstance(scorer.channel, int) and scorer.channel >= info.channels:
        return f"{counted(info.channels, 'channel')}; the model uses channel {scorer.channel}"
    if info.duration < scorer.min_seconds:
        return f"{info.duration:.2f} s; the model needs {scorer.min_seconds:.2g} s or more"
    return ""


def clips_of_file(path: Path, scorer: ClipScorer) -> Iterator[SoundClip]:
    """Give the clips of a file, cut as `asd score` does; one with a fault if it is unreadable."""
    try:
        info = read_info(path)
        if reason := unusable(info, scorer):
            yield SoundClip(start=0.0, seconds=info.duration, fault=reason)
            return
        whole = Clip(path=path, machine=scorer.machine)
        for clip in cut_recording(whole, info.duration, scorer.clip_seconds, cover_end=True):
            samples, odd = read_clip(clip, wanted_format(scorer))
            seconds = info.duration if clip.duration is None else clip.duration
            yield _judged(clip.start, seconds, samples, odd)
    except DataError as error:
        yield SoundClip(start=0.0, seconds=0.0, fault=error.message.replace(f"{path} ", ""))


def clip_of_samples(
    samples: Samples, start: float, sample_rate: int, scorer: ClipScorer
) -> SoundClip:
    """Make a clip of samples of a stream [shape=(n_samples,)] at the stream's rate."""
    info = AudioInfo(
        container="stream", subtype="PCM_16" if samples.dtype == np.int16 else "FLOAT",
        sample_rate=sample_rate, channels=1, n_samples=len(samples),
    )  # fmt: skip
    seconds = len(samples) / sample_rate
    if not np.isfinite(samples).all():
        return SoundClip(start=start, seconds=seconds, fault="samples that are no numbers")
    odd = suspicions(samples, sample_rate, info)
    waveform = full_scale_1(at_rate(samples, info, replace(wanted_format(scorer), channel=None)))
    return _judged(start, seconds, waveform, odd)


def _judged(start: float, seconds: float, samples: Waveform, odd: Sequence[Suspicion]) -> SoundClip:
    faults = [suspicion.text for suspicion in odd if suspicion.kind in SENSOR_FAULTS]
    return SoundClip(
        start=start, seconds=seconds, samples=samples, fault="; ".join(faults),
        remarks=tuple(s.text for s in odd if s.kind not in SENSOR_FAULTS),
    )  # fmt: skip
