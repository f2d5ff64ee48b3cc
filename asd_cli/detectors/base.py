"""What every detector offers, and what it is given."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.features.store import FeatureStore
from asd_cli.training.checkpoint import Checkpoint

FloatArray = npt.NDArray[np.float32]
ClipScores = npt.NDArray[np.float32] | npt.NDArray[np.float64]
History = list[dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitContext:
    """What surrounds a fit.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        Where to keep the state of training that takes long.
    events : Events
        Who is told of progress.
    task : str
        Name of the task in events.
    bases : mapping of str to Detector
        The fitted detectors that this one builds on, by name; without them it fits its own.
    others : mapping of str to FeatureStore
        Training clips of the other machines, by name, for detectors that learn from them as well.
    """

    checkpoint: Checkpoint | None = None
    events: Events = SILENT
    task: str = "train"
    bases: Mapping[str, "Detector"] = field(default_factory=dict)
    others: Mapping[str, FeatureStore] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scores:
    """Anomaly scores of some clips; higher is more anomalous.

    Attributes
    ----------
    clips : ndarray [shape=(n_clips,), dtype=float32 or float64]
        One score a clip, in the precision that files of scores have.
    windows : tuple of ndarray [shape=(n_windows,), dtype=float32]
        For each clip the scores of its windows in the order of time; a single one where a detector
        looks at whole clips.
    """

    clips: ClipScores
    windows: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True)
class DetectorState:
    """A fitted detector as plain arrays and JSON values.

    Attributes
    ----------
    tensors : mapping of str to ndarray
        Weights, embeddings.
    facts : mapping of str to JSON value
        Everything else that scoring needs.
    """

    tensors: Mapping[str, npt.NDArray[Any]]
    facts: Mapping[str, Any]

    def part(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Give the tensors whose names begin with a prefix, without it."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


class Detector(Protocol):
    """One model of what normal sounds like, for one machine type.

    Attributes
    ----------
    highest_score : float
        No clip can score higher; infinite where there is no limit.
    """

    @property
    def highest_score(self) -> float:
        """Upper limit of scores."""

    def fit(self, train: FeatureStore, context: FitContext) -> History:
        """Learn from normal clips; gives one row an epoch, none where nothing is trained."""

    def score(self, features: FeatureStore, events: Events = SILENT) -> Scores:
        """Score test clips."""

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> ClipScores:
        """Score the clips that were learnt from, as the decision threshold needs them.

        Returns
        -------
        ndarray [shape=(n_clips,), dtype=float32 or float64]
        """

    def state(self) -> DetectorState:
        """Everything that `from_state` needs to score as this detector does."""

    @classmethod
    def from_state(cls, state: DetectorState, options: Any) -> "Detector":
        """Restore a fitted detector."""


def known_sections(train: FeatureStore) -> tuple[str, ...]:
    """Sections of training clips, sorted; none where clips have none."""
    return tuple(sorted({clip.section for clip in train.clips if clip.section is not None}))


def require_known_sections(features: FeatureStore, known: Collection[str]) -> None:
    """Refuse clips of sections that a model never saw.

    Raises
    ------
    UsageError
        Names the sections.
    """
    found = {clip.section for clip in features.clips}
    # A model of recordings without sections takes such recordings, and no others.
    expected: set[str | None] = {*known} if known else {None}
    unknown = sorted(section or "(none)" for section in found - expected)
    if unknown:
        raise UsageError(
            f"the model of {features.clips[0].machine} knows the sections "
            f"{', '.join(sorted(set(known)))} and not {', '.join(unknown)}",
            hint="train on the recordings of the same mode: asd train --mode eval (or dev)",
        )
