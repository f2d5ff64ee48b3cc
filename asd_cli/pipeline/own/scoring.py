"""Scores of new recordings of a machine of one's own: a decision for each file, and a reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.model_file import OwnMachine
from asd_cli.artifacts.threshold import INTERVAL
from asd_cli.audio.decoding import at_rate, decode_part_unresampled, full_scale_1, read_info
from asd_cli.audio.formats import AudioFormat, AudioInfo
from asd_cli.audio.quality import Suspicion, suspicions
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.places import is_folder
from asd_cli.core.text import counted
from asd_cli.core.types import Clip
from asd_cli.datasets.cutting import cut_recording
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.pipeline.model import MEL_FILTERS, Model

if TYPE_CHECKING:  # it loads scipy.ndimage, which most files do without
    from asd_cli.reporting.explanation import Explanation, Region

Waveform = npt.NDArray[np.float32]

# A clip this much shorter than any that was trained on is not comparable.
_MIN_OF_SHORTEST = 0.5
# Parts that are in memory at once: five minutes of clips of 10 s.
_PARTS_AT_ONCE = 30
_ROUNDING = 0.011
_DIGITS = 3


class Status(StrEnum):
    """What came of a file."""

    NORMAL = "normal"
    ANOMALOUS = "anomalous"
    NOT_SCORED = "not scored"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPart:
    """One clip of a file.

    Attributes
    ----------
    start, end : float
        In seconds from the beginning of the file.
    score : float
        Higher is more anomalous.
    p_value : float
        Smallest false-alarm rate at which the clip by itself is anomalous.
    anomalous : bool
        Whether that, corrected for the number of parts of the file, is at most the rate that was
        asked for.
    reason : str
        Where it differs from normal; empty unless it is anomalous.
    """

    start: float
    end: float
    score: float
    p_value: float
    anomalous: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredFile:
    """One file.

    Attributes
    ----------
    path : Path
        As it was named.
    status : Status
        The decision, or that there is none.
    seconds : float
        Length; 0 where it cannot be read.
    score : float or None
        That of the worst part.
    p_value : float or None
        Of the worst part, corrected for the number of parts (`NormalScores.of_parts`): so it is a
        false-alarm rate of files, however long they are.
    parts : tuple of ScoredPart
        In the order of time.
    reason : str
        Why it is anomalous, or was not scored.
    remarks : tuple of str
        What is suspicious about the recording.
    """

    path: Path
    status: Status
    seconds: float = 0.0
    score: float | None = None
    p_value: float | None = None
    parts: tuple[ScoredPart, ...] = ()
    reason: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def worst(self) -> ScoredPart | None:
        """The part with the lowest p-value, the first of several."""
        return min(self.parts, key=lambda part: part.p_value, default=None)


@dataclass(frozen=True)
class FileScorer:
    """Scores files with a model.

    Attributes
    ----------
    model : Model
        Of a machine of one's own.
    rate : float
        False-alarm rate that is asked for.
    explain : bool
        Whether reasons are given.

    Raises
    ------
    UsageError
        When the model is of a challenge set, whose clips have sections.
    """

    model: Model
    rate: float
    explain: bool = True

    def __post_init__(self) -> None:
        """Refuse models that files alone cannot be scored with."""
        if self.model.facts.own is None or self.model.threshold.kind != INTERVAL:
            raise UsageError(
                f"the model of {self.model.machine} is of {self.model.facts.edition}, not of a "
                "machine of your own",
                hint="score the challenge's clips: asd score --mode dev; or train a model of your "
                "recordings: asd train --data RECORDINGS --machine NAME",
            )

    @property
    def own(self) -> OwnMachine:
        """What the model was trained on."""
        if self.model.facts.own is None:
            raise RuntimeError("checked when the scorer was made")
        return self.model.facts.own

    def score(self, path: Path) -> ScoredFile:
        """Score one file; what cannot be scored is said in the result."""
        try:
            info = read_info(path)
            refusal = self._refusal(info)
            if refusal:
                return ScoredFile(
                    path=path, status=Status.NOT_SCORED, seconds=info.duration, reason=refusal
                )
            return self._scored(path, info)
        except DataError as error:
            return ScoredFile(path=path, status=Status.NOT_SCORED, reason=error.message)

    def _refusal(self, info: AudioInfo) -> str:
        features = self.model.features
        if info.sample_rate < features.sample_rate:
            return (
                f"{info.sample_rate} Hz; the model needs {features.sample_rate} Hz or more: what "
                f"lies above {info.sample_rate // 2} Hz is missing"
            )
        if isinstance(features.channel, int) and features.channel >= info.channels:
            return f"{counted(info.channels, 'channel')}; the model uses channel {features.channel}"
        shortest = _MIN_OF_SHORTEST * self.own.min_seconds
        if info.duration < shortest:
            return (
                f"{info.duration:.2f} s; the model was trained on clips of "
                f"{self._trained_lengths}, and needs {shortest:.2g} s or more"
            )
        return ""

    @property
    def _trained_lengths(self) -> str:
        low, high = self.own.min_seconds, self.own.max_seconds
        return f"{low:g} s" if high - low < _ROUNDING * high else f"{low:g} to {high:g} s"

    def _scored(self, path: Path, info: AudioInfo) -> ScoredFile:
        clips = cut_recording(
            Clip(path=path, machine=self.model.machine), info.duration, self.own.clip_seconds,
            cover_end=True,
        )  # fmt: skip
        parts: list[ScoredPart] = []
        found: dict[str, str] = {}
        for begin in range(0, len(clips), _PARTS_AT_ONCE):
            chunk = clips[begin : begin + _PARTS_AT_ONCE]
            scored, odd = self._score_parts(chunk, info, len(clips))
            parts.extend(scored)
            for start, suspicion in odd:
                where = f"from {start:g} s: " if len(clips) > 1 else ""
                found.setdefault(suspicion.kind, f"{where}{suspicion.text}")
        return self._decided(path, info, parts, (*self._differences(info), *found.values()))

    def _differences(self, info: AudioInfo) -> Iterator[str]:
        """Say what a file has otherwise than what the model was trained on."""
        rate = self.model.features.sample_rate
        if info.sample_rate != rate:
            yield f"{info.sample_rate} Hz, used at {rate} Hz"
        if info.duration < self.own.min_seconds * (1 - _ROUNDING):
            yield (
                f"{info.duration:.3g} s, shorter than the clips of {self._trained_lengths} that "
                "the model was trained on"
            )

    def _score_parts(
        self, clips: Sequence[Clip], info: AudioInfo, parts_of_file: int
    ) -> tuple[list[ScoredPart], list[tuple[float, Suspicion]]]:
        odd: list[tuple[float, Suspicion]] = []
        recordings = []
        for clip in clips:
            waveform, own = read_clip(clip, self.model.features.audio_format)
            odd.extend((clip.start, suspicion) for suspicion in own)
            recordings.append(Recording(clip, waveform))
        store = features_in_memory(
            recordings, self.model.features, filters=self.model.tensors.get(MEL_FILTERS)
        )
        scores = self.model.score_features(store)
        p_values = self.model.p_values(scores)
        parts = []
        for number, (clip, score, p) in enumerate(zip(clips, scores, p_values, strict=True)):
            end = info.duration if clip.duration is None else clip.start + clip.duration
            corrected = self.model.normal_scores.of_parts(float(p), parts_of_file)
            anomalous = corrected <= self.rate
            reason = ""
            if anomalous and self.explain:
                explanation = self.model.explain_clip(store, number)
                reason = in_words(explanation, self.own.references, clip.start)
            parts.append(
                ScoredPart(
                    start=round(clip.start, _DIGITS), end=round(end, _DIGITS), score=float(score),
                    p_value=float(p), anomalous=anomalous, reason=reason,
                )
            )  # fmt: skip
        return parts, odd

    def _decided(
        self, path: Path, info: AudioInfo, parts: Sequence[ScoredPart], remarks: tuple[str, ...]
    ) -> ScoredFile:
        worst = min(parts, key=lambda part: part.p_value)
        p_value = self.model.normal_scores.of_parts(worst.p_value, len(parts))
        anomalous = p_value <= self.rate
        return ScoredFile(
            path=path,
            status=Status.ANOMALOUS if anomalous else Status.NORMAL,
            seconds=round(info.duration, _DIGITS),
            score=worst.score,
            p_value=p_value,
            parts=tuple(parts),
            reason=worst.reason if anomalous else "",
            remarks=remarks,
        )


def in_words(explanation: "Explanation", references: Sequence[str], offset: float = 0.0) -> str:
    """Say in words where a clip differs from normal ones.

    Parameters
    ----------
    explanation : Explanation
        Of the clip.
    references : sequence of str
        Names of the normal clips that the model holds.
    offset : float
        Where the clip begins, in seconds; named times are counted from there.
    """
    said = [_region(region, offset) for region in explanation.named]
    if explanation.level_db:
        word = "louder" if explanation.level_db > 0 else "quieter"
        said.insert(0, f"{word} everywhere by {abs(explanation.level_db):.0f} dB")
    found_by = f" (found by {explanation.member})" if explanation.member else ""
    if not said:
        return f"no region stands out: normal clips differ as much among themselves{found_by}"
    text = "; ".join(said)
    if explanation.nearest < len(references):
        text += f" than {references[explanation.nearest]}"
    return text + found_by


def read_clip(clip: Clip, wanted: AudioFormat) -> tuple[Waveform, Sequence[Suspicion]]:
    """Decode a clip, and look for signs that it is not what a microphone picked up.

    Parameters
    ----------
    clip : Clip
        A file, or a part of one.
    wanted : AudioFormat
        Rate and channel of the model.

    Returns
    -------
    waveform : ndarray [shape=(n_samples,), dtype=float32]
        At the wanted rate, full scale 1.
    suspicions : sequence of Suspicion

    Raises
    ------
    DataError
        When the clip cannot be decoded.
    """
    samples, info = decode_part_unresampled(
        clip.path, replace(wanted, sample_rate=None), start=clip.start, duration=clip.duration
    )
    odd = suspicions(samples, info.sample_rate, info)
    return full_scale_1(at_rate(samples, info, replace(wanted, resample=True))), odd


def _region(region: "Region", offset: float) -> str:
    side = "louder" if region.level_db >= 0 else "quieter"
    return (
        f"{offset + region.start_s:.1f}–{offset + region.end_s:.1f} s, {region.band}: up to "
        f"{abs(region.level_db):.0f} dB {side}"
    )


def find_files(named: Sequence[Path]) -> Iterator[Path]:
    """List the recordings that are meant by files and folders.

    Raises
    ------
    DataError
        When there is no such folder, or no recording in it.
    """
    from asd_cli.datasets.recordings import find_recordings
    from asd_cli.datasets.trees import shards_of

    for path in named:
        if is_folder(path) or any(shards_of(path)):
            yield from find_recordings(path)
        else:  # a file that is not there is named in its own line
            yield path
