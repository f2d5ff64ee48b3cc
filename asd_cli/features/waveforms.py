"""Samples of the clips of a store, from files or from memory."""

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import decode, read_file
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore

Waveform = npt.NDArray[np.float32]


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
    path = store.clips[index].path
    return decode(read_file(path), path, parameters)
