"""Recordings as segments of one length, read from disk when they are needed.

A recording in the page cache is as good as a memory map of its samples: decoding 16-bit samples
takes a fifth of a millisecond, against ten or more that the network takes for the clip.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import at_speed
from asd_cli.core.grouping import group_key, sort_key
from asd_cli.core.types import CONDITION, DOMAIN, SECTION, Clip
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.features.waveforms import clip_waveform

Waveforms = npt.NDArray[np.float32]


class Recordings:
    """Waveforms of clips.

    Parameters
    ----------
    stores : sequence of FeatureStore
        Their clips, one store after the other.
    parameters : FeatureParameters
        Sample rate and channel.
    """

    def __init__(self, stores: Sequence[FeatureStore], parameters: FeatureParameters) -> None:
        self._places = [(store, index) for store in stores for index in range(len(store))]
        self._parameters = parameters

    def __getitem__(self, index: int) -> Waveforms:
        """Waveform of one clip [shape=(n_samples,), dtype=float32]; DataError if it is damaged."""
        store, own = self._places[index]
        return clip_waveform(store, own, self._parameters)

    def excerpt(self, index: int, n_samples: int, place: float, speed: float = 1.0) -> Waveforms:
        """Part of a clip at some speed; `place` in [0, 1) says what is left out before it."""
        waveform = self[index]
        if speed != 1.0:
            waveform = at_speed(waveform, speed)
        start = int(place * (max(len(waveform) - n_samples, 0) + 1))
        return repeat_to(waveform[start : start + n_samples], n_samples)

    def segments(self, index: int, n_samples: int) -> Waveforms:
        """All of a clip [shape=(n_segments, n_samples)]: the last segment ends where it ends."""
        waveform = self[index]
        if len(waveform) <= n_samples:
            return repeat_to(waveform, n_samples)[None]
        starts = [*range(0, len(waveform) - n_samples, n_samples), len(waveform) - n_samples]
        return np.stack([waveform[start : start + n_samples] for start in starts])


def repeat_to(waveform: Waveforms, n_samples: int) -> Waveforms:
    """Repeat a waveform until it has `n_samples` samples; longer ones are cut."""
    return np.resize(waveform, n_samples)


def usual_frames(frames: Sequence[int]) -> int:
    """Most frequent number of frames; the greatest of several."""
    counts = Counter(int(value) for value in frames)
    return max(counts, key=lambda value: (counts[value], value))


def class_names(clips: Sequence[Clip]) -> list[str]:
    """Class of each clip: machine, section, domain and attributes together."""
    by = (SECTION, DOMAIN, CONDITION)
    return ["/".join((clip.machine, *sort_key(group_key(clip, by)))) for clip in clips]
