"""What every detector offers, and what it is given."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.discriminative.options import DiscriminativeOptions
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.training.checkpoint import Checkpoint

FloatArray = npt.NDArray[np.float32]
History = list[dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleOptions:
    """How the scores of several detectors become one.

    Attributes
    ----------
    weights : tuple of float
        One a member, of any sum; empty for equal ones.
    normalization : str
        ``z`` (mean 0 and deviation 1 over training clips) or ``rank`` (share of training clips
        that score lower, going on linearly beyond the highest).
    groups : str
        Training clips that are normalised together: those of a ``machine``, a ``section``, or a
        ``domain`` of a section.
    """

    weights: tuple[float, ...] = ()
    normalization: str = "z"
    groups: str = "section"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorOptions:
    """Settings that detectors read; `asd_cli.settings.model` says what each means.

    `members` are the detectors of an ensemble, each with options of its own.
    """

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
    precision: str = "fp32"
    score: str = "reference"
    pooling: str = "mean_gwrp"
    pooling_decay: float = 0.9
    pooling_speeds: tuple[float, ...] = ()
    backend: BackendOptions = field(default_factory=BackendOptions)
    encoder: str = ""
    discriminative: DiscriminativeOptions = field(default_factory=DiscriminativeOptions)
    recipe: FeatureParameters = field(default_factory=FeatureParameters)
    members: tuple[tuple[str, "DetectorOptions"], ...] = ()
    ensemble: EnsembleOptions = field(default_factory=EnsembleOptions)
    seed: int = 13711
    device: str = "auto"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` takes them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DetectorOptions":
        """Make options of what `as_dict` gave; what later versions added has its default."""
        nested = _tuples(values)
        for key, kind in (
            ("backend", BackendOptions),
            ("discriminative", DiscriminativeOptions),
            ("recipe", FeatureParameters),
            ("ensemble", EnsembleOptions),
        ):
            nested[key] = kind(**_tuples(values.get(key, {})))
        nested["members"] = tuple(
            (name, cls.from_dict(own)) for name, own in values.get("members", ())
        )
        return cls(**nested)


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


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
