"""Read WAV files, and refuse those that libraries would read wrongly without a word.

Decoding is libsndfile's (soundfile). It accepts a file that was cut short and returns what is
left, so the sizes that the RIFF header claims are compared with the file first.
"""

import io
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from asd_cli.core.errors import DataError

_SIZE_UNKNOWN = 0xFFFFFFFF
# Tag, channels, sample rate, bytes a second, bytes a frame, bits a sample.
_PCM_FORMAT = "<HHIIHH"
INT16_SCALE = np.float32(1.0 / 32768.0)

Waveform = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int16] | Waveform


class Target(Protocol):
    """What a recording is decoded to; `asd_cli.features.recipe.FeatureParameters` is one."""

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def channel(self) -> int | None:
        """Which channel of several, from 0; None refuses several."""

    @property
    def resample(self) -> bool:
        """Whether recordings of another rate are resampled or refused."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """Shape of a recording.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.
    n_samples : int
        Samples in each channel.
    subtype : str
        libsndfile's name of the sample format: ``PCM_16``.
    """

    sample_rate: int
    channels: int
    n_samples: int
    subtype: str


def read_file(path: Path) -> bytes:
    """Read a recording's bytes.

    Raises
    ------
    DataError
        When it is not a regular file, may not be read, or is empty.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is not a regular file", hint=f"remove it: ls -ld '{path}'")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}", hint=f"look at it: ls -l '{path}'"
        ) from error
    if not content:
        raise DataError(f"{path} is empty (0 bytes)", hint="copy or fetch it again")
    return content


def check_wav(content: bytes, path: Path) -> None:
    """Compare the sizes in a RIFF, RIFX or RF64 header with the bytes that are there.

    Raises
    ------
    DataError
        When the file is not a WAV, has no samples, or was cut short.
    """
    if content[:4] not in {b"RIFF", b"RF64", b"RIFX"} or content[8:12] != b"WAVE":
        start = content[:12].decode("ascii", "replace").strip()
        raise DataError(
            f"{path} is not a WAV file: it begins with {start!r}", hint="copy or fetch it again"
        )
    try:
        claimed, present = _data_chunk(content)
    except struct.error as error:
        raise DataError(
            f"{path} has a damaged header: a chunk is shorter than it must be",
            hint="copy or fetch it again",
        ) from error
    if claimed is None:
        raise DataError(
            f"{path} has no samples: its data chunk is missing", hint="copy or fetch it again"
        )
    if claimed == 0:
        raise DataError(f"{path} has no samples (0 frames)", hint="copy or fetch it again")
    if claimed > present:
        raise DataError(
            f"{path} is cut short: its header promises {claimed:,} bytes of samples and "
            f"{present:,} are there",
            hint="copy or fetch it again",
        )


def _data_chunk(content: bytes) -> tuple[int | None, int]:
    """Give the bytes of samples that the header claims, None without a claim, and those there."""
    order = ">" if content[:4] == b"RIFX" else "<"
    long_size: int | None = None
    position = 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from(f"{order}4sI", content, position)
        if name == b"ds64":
            (long_size,) = struct.unpack_from("<Q", content, position + 16)
        if name == b"data":
            claimed = long_size if size == _SIZE_UNKNOWN and long_size is not None else size
            return claimed, len(content) - position - 8
        position += 8 + size + size % 2
    return None, 0


def audio_info(content: bytes, path: Path) -> AudioInfo:
    """Read a recording's shape from its header; errors as in `check_wav`."""
    check_wav(content, path)
    try:
        info = soundfile.info(io.BytesIO(content))
    except soundfile.LibsndfileError as error:
        raise DataError(
            f"{path} cannot be decoded: {error.error_string}", hint="copy or fetch it again"
        ) from error
    return AudioInfo(info.samplerate, info.channels, info.frames, info.subtype)


def decode(content: bytes, path: Path, recipe: Target) -> Waveform:
    """Decode a recording to one channel at the recipe's sample rate.

    Parameters
    ----------
    content : bytes
        The whole WAV file.
    path : Path
        Its name, for messages.
    recipe : Target
        Which rate and channel are wanted.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=float32]
        Full scale is [-1, 1].

    Raises
    ------
    DataError
        When the file is damaged, holds NaN or infinity, or has another rate or more channels than
        the recipe takes.
    """
    return _full_scale_1(decode_samples(content, path, recipe))


def decode_samples(content: bytes, path: Path, recipe: Target) -> Samples:
    """Decode as `decode` does, but leave 16-bit samples as they are.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=int16 or float32]
        Full scale is 32768 for int16, 1 for float32.
    """
    check_wav(content, path)
    try:
        sample_rate, samples = _plain_pcm16(content) or _read_by_libsndfile(content)
    except soundfile.LibsndfileError as error:
        raise DataError(
            f"{path} cannot be decoded: {error.error_string}", hint="copy or fetch it again"
        ) from error
    _check_shape(sample_rate, samples.shape[1], path, recipe)
    channel: Samples = samples[:, recipe.channel or 0]
    if channel.dtype != np.int16 and not np.isfinite(channel).all():
        raise DataError(f"{path} holds NaN or infinite samples", hint="export it again")
    if sample_rate != recipe.sample_rate:
        return _resample(channel, sample_rate, recipe)
    return channel


def _resample(samples: Samples, sample_rate: int, recipe: Target) -> Waveform:
    import soxr

    waveform = _full_scale_1(samples)
    resampled: Waveform = soxr.resample(waveform, sample_rate, recipe.sample_rate, quality="HQ")
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


def _full_scale_1(samples: Samples) -> Waveform:
    waveform = samples.astype(np.float32, copy=False)
    return waveform * INT16_SCALE if samples.dtype == np.int16 else waveform


def _plain_pcm16(content: bytes) -> tuple[int, Samples] | None:
    """View the samples of the plainest kind of WAV; None for any other, which libsndfile reads.

    Its callbacks into Python and copies take half as long as the Fourier transforms of a clip.
    """
    position, form = 12, None
    while content[:4] == b"RIFF" and position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        if name == b"fmt " and size == struct.calcsize(_PCM_FORMAT):
            form = struct.unpack_from(_PCM_FORMAT, content, position + 8)
        if name == b"data" and form is not None:
            tag, channels, sample_rate, _, frame_bytes, bits = form
            plain = (tag, bits, frame_bytes) == (1, 16, 2 * channels)
            if not plain or not channels or not sample_rate or size % frame_bytes:
                return None
            samples = np.frombuffer(content, "<i2", size // 2, position + 8)
            return sample_rate, samples.reshape(-1, channels)
        position += 8 + size + size % 2
    return None


def _read_by_libsndfile(content: bytes) -> tuple[int, Samples]:
    with soundfile.SoundFile(io.BytesIO(content)) as sound:
        # 16-bit samples are read as they are: four times as fast as a float read.
        dtype = "int16" if sound.subtype == "PCM_16" else "float32"
        return sound.samplerate, sound.read(dtype=dtype, always_2d=True)


def _check_shape(sample_rate: int, channels: int, path: Path, recipe: Target) -> None:
    if sample_rate != recipe.sample_rate and not recipe.resample:
        raise DataError(
            f"{path} has {sample_rate} Hz and {recipe.sample_rate} Hz is expected",
            hint="resample while reading: --resample (or --set feature.resample=true); or train "
            f"and score at that rate: --set feature.sample_rate={sample_rate}",
        )
    if channels > 1 and recipe.channel is None:
        raise DataError(
            f"{path} has {channels} channels and one is expected",
            hint=f"choose one of 0 to {channels - 1}: --channel 0 (or --set feature.channel=0)",
        )
    if recipe.channel is not None and recipe.channel >= channels:
        raise DataError(
            f"{path} has {channels} channel{'s' if channels > 1 else ''} and channel "
            f"{recipe.channel} is asked for (channels count from 0)",
            hint="choose another: --channel 0",
        )
