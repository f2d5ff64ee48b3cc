"""Recordings as segments of one length, read from disk when they are needed.

A recording in the page cache is as good as a memory map of its samples: decoding 16-bit samples
takes a fifth of a millisecond, against ten or more that the network takes for the clip.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import at_speed, decode, read_file
from asd_cli.core.types import Clip
from asd_cli.features.recipe import FeatureParameters

Waveforms = npt.NDArray[np.float32]


class Recordings:
    """Waveforms of clips.

    Parameters
    ----------
    clips : sequence of Clip
        Their paths are read.
    recipe : FeatureParameters
        Sample rate and channel.
    """

    def __init__(self, clips: Sequence[Clip], recipe: FeatureParameters) -> None:
        self._clips, self._recipe = clips, recipe

    def __getitem__(self, index: int) -> Waveforms:
        """Waveform of one clip [shape=(n_samples,), dtype=float32]; DataError if it is damaged."""
        path = self._clips[index].path
        return decode(read_file(path), path, self._recipe.audio_format)

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
    return [
        "/".join((clip.machine, clip.section, str(clip.domain), clip.attributes)) for clip in clips
    ]
