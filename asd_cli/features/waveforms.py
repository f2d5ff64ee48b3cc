"""Samples of clips, from files or from memory, and what identifies them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import decode, decode_part, examine, examine_part, read_file
from asd_cli.audio.quality import Suspicion
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.types import Clip
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore

Waveform = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int16] | Waveform


@dataclass(frozen=True, slots=True)
class ReadClip:
    """A clip that was read.

    Attributes
    ----------
    sha256 : str
        Of the file's bytes, of a part its samples'; hexadecimal digits.
    samples : ndarray [shape=(n_samples,), dtype=int16 or float32] or None
        None where the hash is the known one.
    suspicions : tuple of Suspicion
        What is odd about the samples; empty where there are none.
    """

    sha256: str
    samples: Samples | None = None
    suspicions: tuple[Suspicion, ...] = ()


def clip_waveform(store: FeatureStore, index: int, parameters: FeatureParameters) -> Waveform:
    """Give the samples of a clip.

    Parameters
    ----------
    store : FeatureStore
        Names the clip; holds its samples where they are in memory.
    index : int
        Which clip.
    parameters : FeatureParameters
        Sample rate and channel.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=float32]
        Full scale is 1.

    Raises
    ------
    DataError
        When the recording cannot be read.
    """
    if store.waveforms is not None:
        return store.waveforms[index]
    return read_waveform(store.clips[index], parameters)


def read_waveform(clip: Clip, parameters: FeatureParameters) -> Waveform:
    """Decode a clip to full scale 1; of a part nothing else is read. DataError as `decode`."""
    audio_format = parameters.audio_format
    if clip.is_part:
        return decode_part(clip.path, audio_format, start=clip.start, duration=clip.duration)
    return decode(read_file(clip.path), clip.path, audio_format)


def read_hashed(clip: Clip, parameters: FeatureParameters, known: str | None = None) -> ReadClip:
    """Read a clip, its SHA-256 and what is suspicious about it.

    Parameters
    ----------
    clip : Clip
        What to read.
    parameters : FeatureParameters
        Sample rate and channel.
    known : str, optional
        Where the hash is this one, a complete file is not decoded.

    Raises
    ------
    DataError
        When the recording cannot be read or decoded.
    """
    audio_format = parameters.audio_format
    if clip.is_part:
        waveform, found = examine_part(
            clip.path, audio_format, start=clip.start, duration=clip.duration
        )
        sha256 = hash_bytes(np.ascontiguousarray(waveform).data.cast("B"))
        return ReadClip(sha256) if sha256 == known else ReadClip(sha256, waveform, found)
    content = read_file(clip.path)
    sha256 = hash_bytes(content)
    if sha256 == known:
        return ReadClip(sha256)
    return ReadClip(sha256, *examine(content, clip.path, audio_format))
