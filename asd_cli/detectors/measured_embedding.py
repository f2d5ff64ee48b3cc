"""Detectors whose embedding of a clip is a measure of its waveform."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Protocol, runtime_checkable

from asd_cli.core.errors import UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.grouping import Indices, evenly_chosen
from asd_cli.detectors.base import FitContext, FloatArray, History
from asd_cli.detectors.clip_statistics import (
    GraphedMeasure,
    Measure,
    MeasuredSpeeds,
    measure_clips,
)
from asd_cli.detectors.embedding import EmbeddingDetector, Options
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value


@runtime_checkable
class Measuring(Protocol):
    """What an ensemble asks a member, to read each recording once for all of them."""

    @property
    def measures(self) -> tuple[MeasuredSpeeds, ...]:
        """What is measured of every recording."""

    @property
    def perturbed_measures(self) -> tuple[MeasuredSpeeds, ...]:
        """What is measured of the recordings of `perturbed_clips`."""

    def perturbed_clips(self, train: FeatureStore) -> Indices:
        """Training clips that count at other speeds as well."""


class MeasuringDetector(EmbeddingDetector[Options], Generic[Options]):
    """Distance of a clip's measure from those of normal clips; nothing is trained.

    It reads the recordings, training clips at its `speeds` as well. An ensemble asks for `measures`
    to read each recording once for all of its members.
    """

    @property
    @abstractmethod
    def measure(self) -> Measure:
        """What is measured; hashable, and equal to others that give the same."""

    @property
    def parameters(self) -> FeatureParameters:
        """Sample rate and channel."""
        parameters: FeatureParameters = self.options.features  # type: ignore[attr-defined]
        return parameters

    @property
    def speeds(self) -> tuple[float, ...]:
        """Speeds at which training clips are measured as well."""
        return ()

    @property
    def max_perturbed(self) -> int:
        """So many training clips are measured at other speeds."""
        return 1

    @property
    def measures(self) -> tuple[MeasuredSpeeds, ...]:
        """What is measured of every recording."""
        return (MeasuredSpeeds(self.measure),)

    @property
    def perturbed_measures(self) -> tuple[MeasuredSpeeds, ...]:
        """What is measured of the recordings of `perturbed_clips`."""
        return (MeasuredSpeeds(self.measure, self.speeds),) if self.speeds else ()

    def learn(self, train: FeatureStore, context: FitContext) -> History:
        """Nothing: measures have no parameters."""
        return []

    def embed(
        self, features: FeatureStore, events: Events = SILENT, task: str = "score"
    ) -> FloatArray:
        """Measure each clip; DataError when a recording cannot be read."""
        (measured,) = self._measure(features, (1.0,), events, task)
        return measured

    def embedding_graph(self, clips: "ClipInputs") -> "Value":
        """Measure clips by nodes of a graph; UsageError where the measure has none."""
        measure: object = self.measure
        if not isinstance(measure, GraphedMeasure):
            raise UsageError(f"{measure!r} cannot be exported: it has no method graph")
        return measure.graph(clips)

    def embed_perturbed(
        self, train: FeatureStore, events: Events, task: str
    ) -> Sequence[FloatArray]:
        """Measure the training clips at other speeds; DataError as for `embed`."""
        if not self.speeds:
            return ()
        chosen = train.select(self.perturbed_clips(train).tolist())
        return self._measure(chosen, self.speeds, events, task)

    def perturbed_clips(self, train: FeatureStore) -> Indices:
        """Choose at most `max_perturbed` clips."""
        return evenly_chosen(train.clips, self.max_perturbed)

    def _measure(
        self, features: FeatureStore, speeds: tuple[float, ...], events: Events, task: str
    ) -> tuple[FloatArray, ...]:
        (found,) = measure_clips(
            features,
            [MeasuredSpeeds(self.measure, speeds)],
            parameters=self.parameters,
            events=events,
            task=task,
        )
        return found
