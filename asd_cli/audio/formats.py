"""What a recording is, and what it is wanted as."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """What recordings are decoded to.

    Attributes
    ----------
    sample_rate : int or None
        In Hz; None keeps the rate of each file.
    channel : int, "mean" or None
        Which channel to take of several, counted from 0; "mean" averages them; None refuses
        several.
    resample : bool
        Whether recordings of another rate are resampled (soxr, high quality) or refused.
    """

    sample_rate: int | None = None
    channel: int | Literal["mean"] | None = None
    resample: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """Facts about a recording, from its header.

    Attributes
    ----------
    container : str
        libsndfile's name of the container, as ``WAV``, ``FLAC`` or ``OGG``; ``ffmpeg`` for what
        ffmpeg decoded.
    subtype : str
        libsndfile's name of the sample format: ``PCM_16``.
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.
    n_samples : int
        Samples in each channel.
    size_unknown : bool
        Whether the header gives no length, as when a program wrote the file into a pipe: then
        nothing shows whether the recording is complete.
    """

    container: str
    subtype: str
    sample_rate: int
    channels: int
    n_samples: int
    size_unknown: bool = False

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate
