"""What every detector offers, and what it is given."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.discriminative.options import DiscriminativeOptions
from asd_cli.features.recipe import FeatureRecipe
from asd_cli.features.store import FeatureStore
from asd_cli.training.checkpoint import Checkpoint

FloatArray = npt.NDArray[np.float32]
History = list[dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorOptions:
    """Settings that detectors read; `asd_cli.settings.model` says what each means."""

    n_mels: int = 128
    n_frames: int = 64
    n_hop_frames: int = 8
    score_hop_frames: int = 1
    lr: float = 0.00001
    epochs: int = 20
    batch_size: int = 32
    shuffle: bool = True
    validation_split: float = 0.1
    validation: str = "tail"
    batch_norm: str = "reference"
    score: str = "reference"
    pooling: str = "mean_max"
    pooling_decay: float = 0.99
    backend: BackendOptions = field(default_factory=BackendOptions)
    discriminative: DiscriminativeOptions = field(default_factory=DiscriminativeOptions)
    recipe: FeatureRecipe = field(default_factory=FeatureRecipe)
    seed: int = 13711
    device: str = "auto"


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
    base : Detector or None
        The fitted detector that this one builds on, where the registry names one; without it a
        detector fits its own.
    others : mapping of str to FeatureStore
        Training clips of the other machines, by name, for detectors that learn from them as well.
    """

    checkpoint: Checkpoint | None = None
    events: Events = SILENT
    task: str = "train"
    base: "Detector | None" = None
    others: Mapping[str, FeatureStore] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scores:
    """Anomaly scores of some clips; higher is more anomalous.

    Attributes
    ----------
    clips : ndarray [shape=(n_clips,), dtype=float32]
        One score a clip.
    windows : tuple of ndarray [shape=(n_windows,), dtype=float32]
        For each clip the scores of its windows in the order of time; a single one where a detector
        looks at whole clips.
    """

    clips: FloatArray
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

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> FloatArray:
        """Score the clips that were learnt from, as the decision threshold needs them.

        Returns
        -------
        ndarray [shape=(n_clips,), dtype=float32]
        """

    def state(self) -> DetectorState:
        """Everything that `from_state` needs to score as this detector does."""

    @classmethod
    def from_state(cls, state: DetectorState, options: DetectorOptions) -> "Detector":
        """Make a fitted detector again."""


def require_known_sections(features: FeatureStore, known: Collection[str]) -> None:
    """Refuse clips of sections that a model never saw.

    Raises
    ------
    UsageError
        Names the sections.
    """
    unknown = sorted({clip.section for clip in features.clips} - set(known))
    if unknown:
        raise UsageError(
            f"the model of {features.clips[0].machine} knows the sections "
            f"{', '.join(sorted(set(known)))} and not {', '.join(unknown)}",
            hint="train on the recordings of the same mode: asd train --mode eval (or dev)",
        )
