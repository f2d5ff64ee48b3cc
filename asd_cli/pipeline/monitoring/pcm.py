"""Samples that arrive as bytes: raw, or as a WAV file whose end is not known."""

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from asd_cli.audio.reading import Samples
from asd_cli.core.errors import DataError

_INT16_SCALE = 32768.0
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MAX_CHUNK = 1 << 20


class Encoding(StrEnum):
    """How a sample is written; little-endian."""

    S16 = "s16"
    S24 = "s24"
    S32 = "s32"
    F32 = "f32"

    @property
    def size(self) -> int:
        """Bytes of a sample."""
        return {Encoding.S16: 2, Encoding.S24: 3}.get(self, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class PcmFormat:
    """What bytes of sound mean.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    channels : int
        Interleaved.
    encoding : Encoding
        Of each sample.
    """

    sample_rate: int
    channels: int = 1
    encoding: Encoding = Encoding.S16

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.encoding.size


def read_exactly(stream: IO[bytes], count: int) -> bytes:
    """Read so many bytes, fewer only at the end of the stream."""
    parts, left = [], count
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def read_wav_head(stream: IO[bytes]) -> PcmFormat:
    """Read a WAV header up to its first sample; lengths in it are ignored.

    Raises
    ------
    DataError
        When it is none, or of samples that are not known.
    """
    head = read_exactly(stream, 12)
    if head[:4] not in {b"RIFF", b"RF64"} or head[8:] != b"WAVE":
        raise DataError(
            "the stream is no WAV file", hint="say what raw samples are: --rate 16000 --channels 1"
        )
    found: PcmFormat | None = None
    while len(chunk := read_exactly(stream, 8)) == 8:
        name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
        if name == b"data":
            if found is None:
                break
            return found
        if size > _MAX_CHUNK:
            break
        content = read_exactly(stream, size + size % 2)
        if name == b"fmt ":
            found = _format(content)
    raise DataError("the WAV header of the stream is damaged", hint="send it again")


def _format(content: bytes) -> PcmFormat:
    if len(content) < 16:
        raise DataError("the WAV header of the stream is damaged", hint="send it again")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", content)
    if tag == _EXTENSIBLE and len(content) >= 26:
        tag = int.from_bytes(content[24:26], "little")
    known = {(_PCM, 16): Encoding.S16, (_PCM, 24): Encoding.S24, (_PCM, 32): Encoding.S32,
             (_FLOAT, 32): Encoding.F32}  # fmt: skip
    if (tag, bits) not in known or not channels or not rate:
        raise DataError(
            f"samples of the stream are of a kind that is not known (tag {tag}, {bits} bits)",
            hint="send 16, 24 or 32 bits, or 32-bit float",
        )
    return PcmFormat(sample_rate=rate, channels=channels, encoding=known[tag, bits])


def to_samples(content: bytes, of: PcmFormat, channel: int | Literal["mean"]) -> Samples:
    """Make one channel of bytes.

    Parameters
    ----------
    content : bytes
        Complete frames.
    of : PcmFormat
        What they are.
    channel : int or "mean"
        Which one.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=int16 or float32]
        Full scale is 32768 for int16, 1 for float32.
    """
    frames = _frames(content, of)
    if frames.shape[1] == 1:
        return np.ascontiguousarray(frames[:, 0])
    if channel != "mean":
        return np.ascontiguousarray(frames[:, channel])
    mean = np.asarray(frames.mean(axis=1, dtype=np.float32), np.float32)
    return mean / np.float32(_INT16_SCALE) if frames.dtype == np.int16 else mean


def _frames(content: bytes, of: PcmFormat) -> npt.NDArray[Any]:
    if of.encoding is Encoding.S16:
        return np.frombuffer(content, "<i2").astype(np.int16, copy=False).reshape(-1, of.channels)
    if of.encoding is Encoding.F32:
        return np.frombuffer(content, "<f4").astype(np.float32).reshape(-1, of.channels)
    if of.encoding is Encoding.S24:
        wide = np.zeros((len(content) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        content = wide.tobytes()
    scaled = np.frombuffer(content, "<i4").astype(np.float32) / np.float32(2.0**31)
    return scaled.reshape(-1, of.channels)
