"""Decode recordings to one channel at one sample rate.

A file's content decides what it is, not its name. Every failure is a `DataError` that names the
file: a recording is read completely, or named as not read.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.audio.content import FileContent
from asd_cli.audio.formats import AudioFormat, AudioInfo
from asd_cli.audio.quality import Suspicion, suspicions
from asd_cli.audio.reading import (
    Samples,
    Source,
    Span,
    Waveform,
    check_recording,
    read_samples,
    seeks_slowly,
    source_info,
)
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.hashing import hash_bytes, hash_file
from asd_cli.core.places import is_ordinary, place_signature, read_place

INT16_SCALE = np.float32(1.0 / 32768.0)
# Two roundings to a sample may reach past the end by this many samples.
_SPARE_SAMPLES = 1
# So much of a recording is decoded at once where its codec cannot go to a position exactly.
_STRETCH_SECONDS = 300
# numpy adds so many numbers or more in pairs, which rounds otherwise than one after the other.
_PAIRWISE_SUM = 8


def read_file(path: Path) -> bytes:
    """Read a recording's bytes.

    Raises
    ------
    DataError
        When it is not a regular file, may not be read, or is empty.
    """
    if not is_ordinary(path):
        content = read_place(path)
    else:
        try:
            _require_regular(path)
            content = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error
    if not content:
        raise DataError(f"{path} is empty (0 bytes)", hint="copy or fetch it again")
    return content


def hash_recording(path: Path) -> str:
    """SHA-256 of a recording's bytes, wherever they are; OSError, or errors as in `read_file`."""
    return hash_file(path) if is_ordinary(path) else hash_bytes(read_file(path))


def _require_regular(path: Path) -> None:
    if "\0" in str(path):
        raise DataError(f"{path} is no name of a file", hint="it holds a NUL character")
    if not stat.S_ISREG(path.stat().st_mode):
        raise DataError(f"{path} is not a regular file", hint=f"remove it: ls -ld '{path}'")


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror}", hint=f"look at it: ls -l '{path}'")


def read_info(path: Path) -> AudioInfo:
    """Read the facts about a recording without reading its samples; errors as in `decode_part`."""
    with _opened(path) as source:
        return source_info(source)


def audio_info(content: bytes, path: Path) -> AudioInfo:
    """Read the facts about a recording from its bytes; errors as in `decode`."""
    return source_info(check_recording(content, path))


def decode(content: bytes, path: Path, audio_format: AudioFormat) -> Waveform:
    """Decode a recording to one channel at one sample rate.

    Parameters
    ----------
    content : bytes
        The whole file.
    path : Path
        Its name, for messages.
    audio_format : AudioFormat
        Which rate and channel are wanted.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=float32]
        Full scale is [-1, 1].

    Raises
    ------
    DataError
        When the file is damaged, holds NaN or infinity, or has another rate or more channels than
        the format takes.
    """
    return full_scale_1(decode_samples(content, path, audio_format))


def decode_samples(content: bytes, path: Path, audio_format: AudioFormat) -> Samples:
    """Decode as `decode` does, but leave 16-bit samples as they are.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=int16 or float32]
        Full scale is 32768 for int16, 1 for float32.
    """
    samples, info = decode_unresampled(content, path, audio_format)
    return at_rate(samples, info, audio_format)


def decode_unresampled(
    content: bytes, path: Path, audio_format: AudioFormat
) -> tuple[Samples, AudioInfo]:
    """Decode as `decode_samples` does, at the rate of the file: `quality.suspicions` wants that."""
    samples, info = read_samples(check_recording(content, path))
    return _one_channel(samples, info, path, audio_format), info


def examine(
    content: bytes, path: Path, audio_format: AudioFormat
) -> tuple[Samples, tuple[Suspicion, ...]]:
    """Decode as `decode_samples` does, and look for what is suspicious about the recording."""
    samples, info = decode_unresampled(content, path, audio_format)
    found = suspicions(samples, info.sample_rate, info)
    return at_rate(samples, info, audio_format), found


def examine_part(
    path: Path, audio_format: AudioFormat, *, start: float = 0.0, duration: float | None = None
) -> tuple[Waveform, tuple[Suspicion, ...]]:
    """Decode as `decode_part` does, and look for what is suspicious about the part."""
    samples, info = decode_part_unresampled(path, audio_format, start=start, duration=duration)
    found = suspicions(samples, info.sample_rate, info)
    return full_scale_1(at_rate(samples, info, audio_format)), found


def decode_part(
    path: Path, audio_format: AudioFormat, *, start: float = 0.0, duration: float | None = None
) -> Waveform:
    """Decode a part of a recording by going to its place in the file.

    Only the part is read, but for codecs that cannot seek exactly (MP3, Vorbis, Opus, GSM 6.10,
    G.721): their recordings are decoded from the start, a block at a time. In either case the
    samples are those that the whole recording has there.

    The part begins at sample ``round(start * rate)`` and has ``round(duration * rate)`` samples,
    `rate` being the recording's own; it is resampled after that. Parts of one duration have one
    length. A part may reach past the end by one sample, which rounding can cause; it is that much
    shorter then.

    Parameters
    ----------
    path : Path
        The recording.
    audio_format : AudioFormat
        Which rate and channel are wanted.
    start, duration : float
        In seconds; without a duration the part reaches to the end.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=float32]
        Full scale is [-1, 1].

    Raises
    ------
    UsageError
        When `start` is negative or `duration` is not positive.
    DataError
        As in `read_file` and `decode`, and when the recording ends before the part does.
    """
    samples, info = decode_part_unresampled(path, audio_format, start=start, duration=duration)
    return full_scale_1(at_rate(samples, info, audio_format))


def decode_part_unresampled(
    path: Path, audio_format: AudioFormat, *, start: float = 0.0, duration: float | None = None
) -> tuple[Samples, AudioInfo]:
    """Decode a part as `decode_part` does, but leave its samples as they are.

    Returns
    -------
    samples : ndarray [shape=(n_samples,), dtype=int16 or float32]
        At the rate of the file.
    info : AudioInfo
        Of the file.
    """
    if not (0 <= start < float("inf") and (duration is None or 0 < duration < float("inf"))):
        raise UsageError(f"{path}: a part from {start:g} s of {duration} s is no part")
    samples, info = _stretches.part(path, start, duration)
    return _one_channel(samples, info, path, audio_format), info


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Consecutive samples of a recording that cannot be read from any position exactly."""

    key: tuple[object, ...]
    span: Span
    samples: Samples
    info: AudioInfo


@dataclass(slots=True)
class _Stretches:
    """The stretch that was decoded last.

    Clips of one recording follow each other. Without it each of them would decode an MP3 file from
    its start, and the time would grow with the square of the length.
    """

    last: _Stretch | None = None

    def part(self, path: Path, start: float, duration: float | None) -> tuple[Samples, AudioInfo]:
        """Give the samples of a part, all channels."""
        key = _identity(path)
        if self.last is not None and self.last.key == key:
            span = _span(self.last.info, path, start, duration)
            found = _inside(self.last, span)
            if found is not None:
                return found, self.last.info
        with _opened(path) as source:
            info = source_info(source)
            span = _span(info, path, start, duration)
            if duration is None or not seeks_slowly(source):
                return read_samples(source, span)
            longer = min(info.n_samples, (span.start or 0) + _STRETCH_SECONDS * info.sample_rate)
            known = Span(start=span.start, stop=max(longer, span.stop or 0))
            samples, info = read_samples(source, known)
        self.last = _Stretch(key, known, samples, info)
        found = _inside(self.last, span)
        if found is None:
            raise RuntimeError("a stretch holds the part that it was decoded for")
        return found, info


_stretches = _Stretches()


def _inside(stretch: _Stretch, span: Span) -> Samples | None:
    begin, end = span.start - stretch.span.start, (span.stop or 0) - stretch.span.start
    if begin < 0 or end > len(stretch.samples):
        return None
    return stretch.samples[begin:end]


def _identity(path: Path) -> tuple[object, ...]:
    """Give what changes when a file does."""
    if not is_ordinary(path):
        return path, *place_signature(path)
    try:
        _require_regular(path)
        known = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return path, known.st_size, known.st_mtime_ns, known.st_ino


def _span(info: AudioInfo, path: Path, start: float, duration: float | None) -> Span:
    first = round(start * info.sample_rate)
    stop = info.n_samples if duration is None else first + round(duration * info.sample_rate)
    last = min(stop, info.n_samples)
    if first >= last or stop - last > _SPARE_SAMPLES:
        end = "its end" if duration is None else f"{start + duration:g} s"
        raise DataError(
            f"{path} has {info.duration:g} s, and the part from {start:g} s to {end} is asked for",
            hint="choose a part inside the recording",
        )
    return Span(start=first, stop=last)


@contextmanager
def _opened(path: Path) -> Iterator[Source]:
    """Open a recording, so that only what is looked at is read, and check it."""
    if not is_ordinary(path):
        yield check_recording(read_file(path), path)
        return
    try:
        _require_regular(path)
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise DataError(f"{path} is empty (0 bytes)", hint="copy or fetch it again")
            content = FileContent(file.fileno(), path)
            yield check_recording(content, path, descriptor=file.fileno())
    except OSError as error:
        raise _unreadable(path, error) from error


def _one_channel(
    samples: Samples, info: AudioInfo, path: Path, audio_format: AudioFormat
) -> Samples:
    _check_shape(info, path, audio_format)
    channel: Samples
    if audio_format.channel == "mean" and info.channels > 1:
        # Sums of some 16-bit samples are exact in single precision.
        scale = INT16_SCALE if samples.dtype == np.int16 else np.float32(1.0)
        channel = _mean_of_channels(samples) * scale
    else:
        number = audio_format.channel if isinstance(audio_format.channel, int) else 0
        channel = samples[:, number]
    if channel.dtype != np.int16 and not np.isfinite(channel).all():
        raise DataError(f"{path} holds NaN or infinite samples", hint="export it again")
    return channel


def _mean_of_channels(samples: Samples) -> npt.NDArray[np.float32]:
    """Mean over channels [shape=(n_samples,)]: a tenth of the time of `mean`, and its bits."""
    channels = samples.shape[1]
    if channels >= _PAIRWISE_SUM:
        return np.asarray(samples.mean(axis=1, dtype=np.float32))
    total = samples[:, 0].astype(np.float32)
    for number in range(1, channels):
        total += samples[:, number]
    total /= np.float32(channels)
    return total


def _check_shape(info: AudioInfo, path: Path, audio_format: AudioFormat) -> None:
    """Refuse another rate and too many channels, both at once."""
    rate, channel = audio_format.sample_rate, audio_format.channel
    problems, hints = [], []
    if rate not in {None, info.sample_rate} and not audio_format.resample:
        problems.append(f"{info.sample_rate} Hz and {rate} Hz is expected")
        hints.append(
            "resample while reading: --resample (or train and score at that rate: "
            f"--set feature.sample_rate={info.sample_rate})"
        )
    if info.channels > 1 and channel is None:
        problems.append(f"{info.channels} channels and one is expected")
        hints.append(f"choose one of 0 to {info.channels - 1}: --channel 0")
    if isinstance(channel, int) and channel >= info.channels:
        problems.append(
            f"{info.channels} channel{'s' if info.channels > 1 else ''} and channel {channel} is "
            "asked for (channels count from 0)"
        )
        hints.append("choose another: --channel 0")
    if problems:
        raise DataError(f"{path} has {', '.join(problems)}", hint="; ".join(hints))


def at_rate(samples: Samples, info: AudioInfo, audio_format: AudioFormat) -> Samples:
    """Resample to the rate of a format, unless the file has it; 16-bit samples may stay so."""
    if audio_format.sample_rate in {None, info.sample_rate}:
        return samples
    import soxr

    resampled: Waveform = soxr.resample(
        full_scale_1(samples), info.sample_rate, audio_format.sample_rate, quality="HQ"
    )
    return resampled


def at_speed(waveform: Waveform, speed: float) -> Waveform:
    """Play a waveform faster (above 1) or slower, all its frequencies with it, by soxr.

    Returns
    -------
    ndarray [shape=(about n_samples / speed,), dtype=float32]
    """
    import soxr

    played: Waveform = soxr.resample(waveform, speed, 1.0, quality="HQ")
    return played


def full_scale_1(samples: Samples) -> Waveform:
    """Bring samples to full scale 1, as float32."""
    waveform = samples.astype(np.float32, copy=False)
    return waveform * INT16_SCALE if samples.dtype == np.int16 else waveform
