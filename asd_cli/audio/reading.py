"""Read samples as they are in a file: its own rate, all its channels, all of it or a part."""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from asd_cli.audio.containers import HEAD_BYTES, Container, container_of
from asd_cli.audio.content import Content
from asd_cli.audio.ffmpeg import to_wav
from asd_cli.audio.formats import AudioInfo
from asd_cli.audio.sizes import check_size, promises_length
from asd_cli.audio.wav import HINT, WavHeader, check_wav, cut_short
from asd_cli.core.errors import DataError

Waveform = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int16] | Waveform

_PCM = 1
# Frames read at once: a damaged header may claim more than any memory holds.
_BLOCK = 1 << 22
# libsndfile gives the largest number of all where a FLAC from a pipe has no length.
_MAX_FRAMES = 1 << 48
_NAMES = {"WAVEX": "WAV", "RF64": "WAV"}
# Samples after a seek are not those of a read from the start: in Vorbis they are at another
# position (libsndfile 1.2.2), in Opus and MP3 they depend on what came before.
_INEXACT_SEEK = {Container.OGG, Container.MP3}


class _Stream(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is read on and on: soundfile seeks after each read where it can."""

    def seekable(self) -> bool:
        return False


class _Content(io.BytesIO):
    """Bytes as a file in which a damaged header cannot cause an error inside a callback of C."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Frames of a recording, by position: from `start`, `stop` excluded; None is the end."""

    start: int = 0
    stop: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A recording that was checked.

    Attributes
    ----------
    content : bytes or FileContent
        The file.
    path : Path
        Its name, for messages.
    container : Container
        What it is.
    header : WavHeader or None
        Of a WAV file.
    descriptor : int or None
        Of the open file; None where only its content is there.
    """

    content: Content
    path: Path
    container: Container
    header: WavHeader | None = None
    descriptor: int | None = None


def check_recording(content: Content, path: Path, *, descriptor: int | None = None) -> Source:
    """Recognise a recording by its bytes, and check that all of it is there.

    A recording that libsndfile cannot read becomes a WAV file first, through ffmpeg.

    Raises
    ------
    DataError
        When it is no recording, has no samples, was cut short or cannot be converted.
    """
    container = container_of(content[:HEAD_BYTES])
    if container is None:
        start = content[:12].decode("ascii", "replace").strip()
        raise DataError(f"{path} is not a recording: it begins with {start!r}", hint=HINT)
    if container.by_ffmpeg:
        content, descriptor = to_wav(bytes(content), path, container), None
        return Source(
            content=content, path=path, container=container, header=check_wav(content, path)
        )
    header = None
    if container is Container.WAV:
        header = check_wav(content, path)
    else:
        check_size(content, container, path)
    return Source(
        content=content, path=path, container=container, header=header, descriptor=descriptor
    )


def source_info(source: Source) -> AudioInfo:
    """Give the shape of a recording from its header; errors as in `read_samples`."""
    with _opened(source) as sound:
        return _info(source, sound)


def read_samples(source: Source, span: Span = Span()) -> tuple[Samples, AudioInfo]:
    """Read samples of a recording.

    Returns
    -------
    samples : ndarray [shape=(n_samples, channels), dtype=int16 or float32]
        Full scale is 32768 for int16, which 16-bit recordings give, and 1 for float32.
    info : AudioInfo
        Of the whole recording.

    Raises
    ------
    DataError
        When the recording cannot be decoded, or gives fewer samples than its header promises.
    """
    return _plain_pcm16(source, span) or _read_by_libsndfile(source, span)


def _plain_pcm16(source: Source, span: Span) -> tuple[Samples, AudioInfo] | None:
    """View the samples of the plainest kind of WAV; None for any other, which libsndfile reads.

    Its callbacks into Python and copies take half as long as the Fourier transforms of a clip.
    """
    header = source.header
    if header is None or header.form != "RIFF" or source.container.by_ffmpeg:
        return None
    plain = (header.tag, header.bits, header.frame_bytes) == (_PCM, 16, 2 * header.channels)
    if not plain or not header.channels or not header.sample_rate:
        return None
    if header.data_position is None or header.data_bytes % header.frame_bytes:
        return None
    info = AudioInfo(
        container="WAV",
        subtype="PCM_16",
        sample_rate=header.sample_rate,
        channels=header.channels,
        n_samples=header.data_bytes // header.frame_bytes,
        size_unknown=header.size_unknown,
    )
    stop = info.n_samples if span.stop is None else min(span.stop, info.n_samples)
    begin = header.data_position + span.start * header.frame_bytes
    count = max(0, stop - span.start) * header.channels
    if isinstance(source.content, bytes):
        samples = np.frombuffer(source.content, "<i2", count, begin)
    else:
        samples = np.frombuffer(source.content[begin : begin + 2 * count], "<i2")
    return samples.reshape(-1, header.channels), info


def _read_by_libsndfile(source: Source, span: Span) -> tuple[Samples, AudioInfo]:
    with _opened(source) as sound:
        info = _info(source, sound)
        # 16-bit samples are read as they are: four times as fast as a float read.
        dtype = "int16" if sound.subtype == "PCM_16" else "float32"
        _skip(source, sound, span.start, dtype)
        n_frames = (info.n_samples if span.stop is None else span.stop) - span.start
        blocks = list(_blocks(sound, n_frames, dtype))
    samples: Samples = blocks[0]
    if len(blocks) > 1:
        samples = np.concatenate(blocks).astype(dtype, copy=False)
    if len(samples) < n_frames and promises_length(source.content, source.container):
        raise cut_short(source.path, claimed=n_frames, present=len(samples), unit="samples")
    return samples, info


def _blocks(sound: _Stream, n_frames: int, dtype: str) -> Iterator[Samples]:
    """Read at most so many frames; one block at least, which may be empty."""
    while True:
        wanted = min(n_frames, _BLOCK)
        block: Samples = sound.read(wanted, dtype=dtype, always_2d=True)
        yield block
        n_frames -= len(block)
        if n_frames <= 0 or len(block) < wanted:
            return


def _skip(source: Source, sound: _Stream, start: int, dtype: str) -> None:
    """Go to a frame: by a seek, or by reading on where the codec cannot do that exactly."""
    if not start:
        return
    # GSM 6.10 and G.721 cannot seek at all.
    if source.container not in _INEXACT_SEEK and soundfile.SoundFile.seekable(sound):
        sound.seek(start)
        return
    for _ in _blocks(sound, start, dtype):
        pass


def seeks_slowly(source: Source) -> bool:
    """Whether a part costs as much as all that comes before it."""
    return source.container in _INEXACT_SEEK or source.container.by_ffmpeg


@contextmanager
def _opened(source: Source) -> Iterator[_Stream]:
    """Open a recording with libsndfile, whose errors become `DataError`."""
    try:
        if source.descriptor is not None and not _without_length(source):
            os.lseek(source.descriptor, 0, os.SEEK_SET)
            opened = _Stream(source.descriptor, closefd=False)
        else:
            opened = _Stream(_Content(_with_length(source)))
        with opened as sound:
            yield sound
    except (soundfile.SoundFileError, ValueError, RuntimeError, OverflowError) as error:
        reason = getattr(error, "error_string", str(error))
        raise DataError(f"{source.path} cannot be decoded: {reason}", hint=HINT) from error


def _without_length(source: Source) -> bool:
    return source.header is not None and source.header.size_unknown


def _with_length(source: Source) -> bytes:
    """Write the length into a header that has none: libsndfile trusts some such headers."""
    content, header = bytes(source.content), source.header
    if header is None or not header.size_unknown or header.data_position is None:
        return content
    order = ">" if header.form == "RIFX" else "<"
    begin = header.data_position
    head = content[: begin - 4]
    if header.form == "RF64":  # without its chunk of long sizes it is an ordinary file
        head = b"RIFF" + head[4:].replace(b"ds64", b"JUNK", 1)
    length = struct.pack(f"{order}I", min(header.data_bytes, 0xFFFFFFFE))
    return head + length + content[begin : begin + header.data_bytes]


def _info(source: Source, sound: _Stream) -> AudioInfo:
    n_samples, counted = int(sound.frames), sound.frames >= _MAX_FRAMES
    if counted:
        with _opened(source) as again:
            n_samples = sum(len(block) for block in _blocks(again, n_samples, "int16"))
    if sound.samplerate <= 0 or n_samples <= 0:
        raise DataError(f"{source.path} has no samples (0 frames)", hint=HINT)
    return AudioInfo(
        container="ffmpeg"
        if source.container.by_ffmpeg
        else _NAMES.get(str(sound.format), str(sound.format)),
        subtype=sound.subtype,
        sample_rate=sound.samplerate,
        channels=sound.channels,
        n_samples=n_samples,
        size_unknown=counted or (_without_length(source) and not source.container.by_ffmpeg),
    )
