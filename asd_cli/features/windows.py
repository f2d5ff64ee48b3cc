"""Windows of neighbouring frames, gathered when needed and never stored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """Where the windows of some clips begin.

    Attributes
    ----------
    starts : ndarray [shape=(n_windows,), dtype=int64]
        First frame of each window, counted in the concatenated features.
    clips : ndarray [shape=(n_windows,), dtype=int64]
        Index of the clip each window lies in.
    n_frames : int
        Frames in a window.
    """

    starts: Indices
    clips: Indices
    n_frames: int

    def __len__(self) -> int:
        return len(self.starts)

    def rows(self, chosen: Indices, *, reverse: bool = False) -> Indices:
        """Frame indices of some windows.

        Parameters
        ----------
        chosen : ndarray [shape=(n,), dtype=int64]
            Which windows.
        reverse : bool
            Give the frames of each window last to first.

        Returns
        -------
        ndarray [shape=(n, n_frames), dtype=int64]
        """
        steps = np.arange(self.n_frames, dtype=np.int64)
        return self.starts[chosen, None] + (steps[::-1] if reverse else steps)


def frame_windows(
    offsets: Sequence[int] | Indices,
    frames: Sequence[int] | Indices,
    *,
    n_frames: int,
    hop: int,
    names: Sequence[str],
) -> Windows:
    """Cut clips into windows of `n_frames` frames, one every `hop` frames, none across clips.

    Parameters
    ----------
    offsets, frames : sequence of int
        First frame and number of frames of each clip.
    n_frames, hop : int
        Window length and distance, in frames.
    names : sequence of str
        Names of the clips, for messages.

    Returns
    -------
    Windows
        In the order of the clips.

    Raises
    ------
    DataError
        When a clip is shorter than one window.
    """
    short = [i for i, length in enumerate(frames) if length < n_frames]
    if short:
        first = short[0]
        raise DataError(
            f"{names[first]} has {frames[first]} frames and a window needs {n_frames}"
            + (f"; {len(short) - 1} more clips are as short" if len(short) > 1 else ""),
            hint=f"use shorter windows: --set feature.n_frames={int(frames[first])}; or leave "
            "the clip out",
        )
    per_clip = [
        offset + np.arange(0, length - n_frames + 1, hop, dtype=np.int64)
        for offset, length in zip(offsets, frames, strict=True)
    ]
    counts = [len(starts) for starts in per_clip]
    return Windows(
        starts=np.concatenate(per_clip) if per_clip else np.empty(0, np.int64),
        clips=np.repeat(np.arange(len(per_clip), dtype=np.int64), counts),
        n_frames=n_frames,
    )
