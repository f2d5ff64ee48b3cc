"""One vector a clip, from its recording as it would sound at several speeds.

Playing a recording faster moves all frequencies and times together, as a faster machine does: speed
perturbation (Ko et al. 2015, "Audio augmentation for speech recognition", Interspeech).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from asd_cli.core.errors import UsageError
from asd_cli.core.events import Events, progress
from asd_cli.core.types import Clip
from asd_cli.detectors.base import FloatArray
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.features.waveforms import Waveform

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value

# Turns a waveform or a spectrogram into a vector; of equal ones the results are remembered.
Measure = Callable[[Waveform], FloatArray]
Summary = Callable[[FloatArray], FloatArray]


@runtime_checkable
class GraphedMeasure(Protocol):
    """A measure that a graph can compute."""

    def graph(self, clips: "ClipInputs") -> "Value":
        """Measure clips [shape=(clips, d), dtype=float32]."""


@runtime_checkable
class GraphedSummary(Protocol):
    """A summary of spectrograms that a graph can compute."""

    def graph(self, levels: "Value") -> "Value":
        """Summarise spectrograms [shape=(clips, n_frames, n_mels)] as vectors."""


@dataclass(frozen=True, slots=True)
class SpectrogramSummary:
    """A measure of a clip: a summary of its spectrogram.

    Attributes
    ----------
    summary : callable
        Vector [shape=(d,)] of a spectrogram [shape=(n_frames, n_mels), dtype=float32, dB];
        hashable, and equal to others that give the same.
    recipe : FeatureParameters
        How to compute spectrograms.
    """

    summary: Summary
    recipe: FeatureParameters

    def __call__(self, waveform: Waveform) -> FloatArray:
        """Summarise a recording."""
        # scipy loads when it is needed.
        from asd_cli.features.logmel import log_mel, mel_basis

        return self.summary(log_mel(waveform, self.recipe, mel_basis(self.recipe)))

    def graph(self, clips: "ClipInputs") -> "Value":
        """Summarise clips by nodes of a graph; UsageError where the summary has none."""
        from asd_cli.features.graphs import log_mel_graph

        summary: object = self.summary
        if not isinstance(summary, GraphedSummary):
            raise UsageError(f"{summary!r} cannot be exported: it has no method graph")
        return summary.graph(log_mel_graph(clips, self.recipe))


@dataclass(frozen=True, slots=True)
class MeasuredSpeeds:
    """A measure, and the speeds at which clips are measured.

    Attributes
    ----------
    measure : callable
        Vector [shape=(d,)] of a waveform; hashable.
    speeds : tuple of float
        Factors; 1 is the recording as it is.
    """

    measure: Measure
    speeds: tuple[float, ...] = (1.0,)


def measure_clips(
    features: FeatureStore,
    wanted: Sequence[MeasuredSpeeds],
    *,
    parameters: FeatureParameters,
    events: Events,
    task: str,
) -> tuple[tuple[FloatArray, ...], ...]:
    """Measure each clip at each speed; a recording is decoded once for all measures.

    Parameters
    ----------
    features : FeatureStore
        Tells which clips; their recordings are read.
    wanted : sequence of MeasuredSpeeds
        What to measure.
    parameters : FeatureParameters
        Sample rate and channel.
    events : Events
        Told of every clip.
    task : str
        Its name in events.

    Returns
    -------
    tuple of tuple of ndarray [shape=(n_clips, d), dtype=float32]
        For each of `wanted`, one a speed.

    Raises
    ------
    DataError
        When a recording cannot be read.
    """
    rows: list[list[FloatArray]] = [[] for _ in wanted]
    with progress(events, task, total=len(features), unit="clips") as advance:
        for index, clip in enumerate(features.clips):
            found = _measured(features, index, clip, wanted, parameters)
            for own, vectors in zip(rows, found, strict=True):
                own.append(vectors)
            advance(1)
    return tuple(tuple(np.stack(own, axis=1)) for own in rows)


def _measured(
    features: FeatureStore,
    index: int,
    clip: Clip,
    wanted: Sequence[MeasuredSpeeds],
    parameters: FeatureParameters,
) -> list[FloatArray]:
    """Measure a clip, as far as that is not remembered [shape=(n_speeds, d)] each."""
    format_ = (parameters.audio_format, features.fingerprint, clip)
    found = {each: _remembered.get((*format_, each)) for each in wanted}
    missing = [each for each, vectors in found.items() if vectors is None]
    if missing:
        # scipy and soxr load when they are needed.
        from asd_cli.audio.decoding import at_speed
        from asd_cli.features.waveforms import clip_waveform

        waveform = clip_waveform(features, index, parameters)
        played: dict[float, Waveform] = {}
        for each in missing:
            for speed in each.speeds:
                if speed not in played:
                    played[speed] = at_speed(waveform, speed)
                    # Measures that take the same transform share it where nobody can write.
                    played[speed].flags.writeable = False
            measured = np.stack([each.measure(played[speed]) for speed in each.speeds])
            found[each] = measured
            _remembered.put((*format_, each), measured)
    return [vectors for each in wanted if (vectors := found[each]) is not None]


def summarise_at_speeds(
    features: FeatureStore,
    summary: Summary,
    *,
    recipe: FeatureParameters,
    speeds: Sequence[float],
    events: Events,
    task: str,
) -> tuple[FloatArray, ...]:
    """Summarise the spectrogram of each clip at each speed.

    Parameters
    ----------
    features, events, task
        As for `measure_clips`.
    summary, recipe
        As of a `SpectrogramSummary`.
    speeds : sequence of float
        Factors; 1 is the recording as it is.

    Returns
    -------
    tuple of ndarray [shape=(n_clips, d), dtype=float32]
        One a speed.

    Raises
    ------
    DataError
        When a recording cannot be read.
    """
    wanted = MeasuredSpeeds(SpectrogramSummary(summary, recipe), tuple(speeds))
    (found,) = measure_clips(features, [wanted], parameters=recipe, events=events, task=task)
    return found


class _Memory:
    """Results by key; the oldest ones go where they take too many bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._results: dict[Any, FloatArray] = {}

    def get(self, key: Any) -> FloatArray | None:
        return self._results.get(key)

    def put(self, key: Any, value: FloatArray) -> None:
        self._bytes += value.nbytes
        while self._results and self._bytes > self._max_bytes:
            self._bytes -= self._results.pop(next(iter(self._results))).nbytes
        self._results[key] = value


# Fitting, calibrating, every task of a selection and every member of an ensemble need the same
# clips. The fingerprint of the data distinguishes recordings of one name.
_remembered = _Memory(256 * 2**20)
