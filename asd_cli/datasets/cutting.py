"""Long recordings as clips of one length."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from asd_cli.core.types import Clip

DurationReader = Callable[[Path], float]

# A rest that is shorter than this fraction of a clip tells too little and is left out.
MIN_REST = 0.5
# Recorders stop a few milliseconds early or late.
_TOLERANCE = 0.01


def cut_recording(
    recording: Clip, seconds: float, clip_seconds: float, *, cover_end: bool = False
) -> list[Clip]:
    """Cut a recording into clips, one after the other.

    A recording that is not longer than one clip stays as it is. The last piece is kept where it
    has at least half of a clip's length. A recording may be a part of a file; times are those of
    the file.

    Parameters
    ----------
    recording : Clip
        The complete file.
    seconds : float
        Its length.
    clip_seconds : float
        Length of a clip, above 0.
    cover_end : bool
        Whether a last piece of any length becomes a clip of full length that ends with the
        recording and begins inside the clip before.

    Returns
    -------
    list of Clip
        In time order.

    Examples
    --------
    >>> recording = Clip(path=Path("day.wav"), machine="pump")
    >>> [clip.name for clip in cut_recording(recording, 26.0, 10.0)]
    ['day.wav#t=0,10', 'day.wav#t=10,20', 'day.wav#t=20,26']
    >>> [clip.name for clip in cut_recording(recording, 24.0, 10.0)]
    ['day.wav#t=0,10', 'day.wav#t=10,20']
    >>> [clip.name for clip in cut_recording(recording, 24.0, 10.0, cover_end=True)]
    ['day.wav#t=0,10', 'day.wav#t=10,20', 'day.wav#t=14,24']
    """
    if clip_seconds <= 0:
        raise ValueError(f"a clip of {clip_seconds} s is not longer than 0 s")
    if seconds <= clip_seconds * (1 + _TOLERANCE):
        return [recording]
    complete = int(seconds // clip_seconds)
    rest = seconds - complete * clip_seconds
    begin = recording.start
    clips = [
        replace(recording, start=begin + number * clip_seconds, duration=clip_seconds)
        for number in range(complete)
    ]
    if cover_end and rest > _TOLERANCE * clip_seconds:
        last = round(begin + seconds - clip_seconds, 6)
        clips.append(replace(recording, start=last, duration=clip_seconds))
    elif not cover_end and rest >= MIN_REST * clip_seconds:
        clips.append(replace(recording, start=begin + complete * clip_seconds, duration=rest))
    return clips
