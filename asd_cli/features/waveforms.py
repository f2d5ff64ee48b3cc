"""Samples of clips, from files or from memory, and what identifies them."""

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import decode, decode_part, decode_samples, read_file
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.types import Clip
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore

Waveform = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int16] | Waveform


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


def read_hashed(
    clip: Clip, parameters: FeatureParameters, known: str | None = None
) -> tuple[str, Samples | None]:
    """Read a clip and its SHA-256: of the file's bytes, of a part its samples'.

    Parameters
    ----------
    clip : Clip
        What to read.
    parameters : FeatureParameters
        Sample rate and channel.
    known : str, optional
        Where the hash is this one, a complete file is not decoded.

    Returns
    -------
    sha256 : str
        Hexadecimal digits.
    samples : ndarray [shape=(n_samples,), dtype=int16 or float32] or None
        None where the hash is the known one.

    Raises
    ------
    DataError
        When the recording cannot be read or decoded.
    """
    if clip.is_part:
        waveform = read_waveform(clip, parameters)
        sha256 = hash_bytes(np.ascontiguousarray(waveform).data.cast("B"))
        return sha256, None if sha256 == known else waveform
    content = read_file(clip.path)
    sha256 = hash_bytes(content)
    if sha256 == known:
        return sha256, None
    return sha256, decode_samples(content, clip.path, parameters.audio_format)
