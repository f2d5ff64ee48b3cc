"""Scores of sound as it arrives, with the numbers that a file of it would get."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import at_rate
from asd_cli.audio.formats import AudioInfo
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.types import Clip
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.changes import require_own
from asd_cli.pipeline.scored_clips import ScoredClips

Waveform = npt.NDArray[np.float32]

_STREAM = Path("stream")


class Stream:
    """Cuts samples into clips as files are cut, and scores each clip when it is complete.

    Parameters
    ----------
    model : Model
        Of a machine of one's own.
    sr : int
        Sample rate of what is pushed, in Hz: at least the model's.

    Raises
    ------
    UsageError
        When the model is of a challenge set, or the rate is too low.
    """

    def __init__(self, model: Model, sr: int) -> None:
        self._clip_seconds = require_own(model).clip_seconds
        if sr < model.features.sample_rate:
            raise UsageError(
                f"a stream of {sr} Hz lacks what the model of {model.machine} needs",
                hint=f"record with {model.features.sample_rate} Hz or more",
            )
        self._model, self._sr = model, sr
        self._samples = np.zeros(0, np.float32)
        self._done = 0
        self._begin = 0

    def push(self, samples: npt.NDArray[np.floating]) -> ScoredClips:
        """Take the next samples; gives the clips that are complete now.

        Parameters
        ----------
        samples : ndarray [shape=(n,) or (n, channels)]
            Full scale 1. Of several channels the model's is used.

        Raises
        ------
        DataError
            When the model's channel is missing, or samples are not finite.
        """
        self._samples = np.concatenate([self._samples, self._one_channel(samples)])
        clips: list[Clip] = []
        waveforms: list[Waveform] = []
        count = round(self._clip_seconds * self._sr)
        while True:
            first = round(self._done * self._clip_seconds * self._sr) - self._begin
            if first + count > len(self._samples):
                break
            waveforms.append(self._at_model_rate(self._samples[first : first + count]))
            clips.append(self._clip())
            self._done += 1
        kept = round(self._done * self._clip_seconds * self._sr) - self._begin
        self._samples, self._begin = self._samples[kept:], self._begin + kept
        return self._scored(clips, waveforms)

    def _clip(self) -> Clip:
        return Clip(
            path=_STREAM,
            machine=self._model.machine,
            start=self._done * self._clip_seconds,
            duration=self._clip_seconds,
        )

    def _scored(self, clips: list[Clip], waveforms: list[Waveform]) -> ScoredClips:
        if not clips:
            return ScoredClips()
        scored = self._model.score(waveforms)
        return ScoredClips(
            tuple(replace(row, clip=clip) for row, clip in zip(scored, clips, strict=True))
        )

    def _one_channel(self, samples: npt.NDArray[np.floating]) -> Waveform:
        values = np.asarray(samples, np.float32)
        channel = self._model.features.channel
        if values.ndim == 2 and channel == "mean":
            values = values.mean(axis=1, dtype=np.float32)
        elif values.ndim == 2:
            wanted = channel if isinstance(channel, int) else 0
            if wanted >= values.shape[1]:
                raise DataError(f"the stream has {values.shape[1]} channels, not channel {wanted}")
            values = values[:, wanted]
        if values.ndim != 1 or not np.isfinite(values).all():
            raise DataError("samples must be finite, of the shape (n,) or (n, channels)")
        return values

    def _at_model_rate(self, samples: Waveform) -> Waveform:
        info = AudioInfo(
            container="stream", subtype="FLOAT", sample_rate=self._sr, channels=1,
            n_samples=len(samples),
        )  # fmt: skip
        wanted = replace(self._model.features.audio_format, resample=True)
        return np.asarray(at_rate(np.ascontiguousarray(samples), info, wanted), np.float32)
