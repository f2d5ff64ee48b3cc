"""Detectors that turn each clip into one embedding and leave the rest to a back end."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.grouping import Indices
from asd_cli.core.types import BASELINE, NEW_BASELINE, Clip
from asd_cli.detectors.backends.backend import Backend
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.base import (
    DetectorState,
    FitContext,
    FloatArray,
    History,
    Scores,
    known_sections,
    require_known_sections,
)
from asd_cli.features.store import FeatureStore

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value

_NETWORK, _BACKEND = "network.", "backend."


class BackendedOptions(Protocol):
    """Options of a detector with a back end; any options type with these two fields."""

    @property
    def backend(self) -> BackendOptions:
        """Of the comparison."""

    @property
    def seed(self) -> int:
        """Of all random numbers."""


Options = TypeVar("Options", bound=BackendedOptions)


class EmbeddingDetector(ABC, Generic[Options]):
    """A way to embed clips, and a back end that compares them with the normal ones.

    Parameters
    ----------
    options : dataclass
        Of the detector; has a `backend` and a `seed`.
    """

    highest_score = float("inf")

    def __init__(self, options: Options) -> None:
        self.options = options
        self._backend = Backend(options.backend, options.seed)
        self._known_sections: tuple[str, ...] = ()

    @abstractmethod
    def learn(self, train: FeatureStore, context: FitContext) -> History:
        """Learn to embed; gives one row an epoch, none where nothing is trained."""

    @abstractmethod
    def embed(
        self, features: FeatureStore, events: Events = SILENT, task: str = "score"
    ) -> FloatArray:
        """Embed clips [shape=(n_clips, d)], each by itself; `task` is its name in events."""

    def embed_perturbed(
        self, train: FeatureStore, events: Events, task: str
    ) -> Sequence[FloatArray]:
        """Embed training clips as they might have sounded; nothing unless one asks for it.

        Which clips is what `perturbed_clips` says.
        """
        return ()

    def perturbed_clips(self, train: FeatureStore) -> Indices | None:
        """Say which clips `embed_perturbed` embeds, ascending; None for all."""
        return None

    def network_state(self) -> DetectorState:
        """Everything that `restore_network` needs; nothing where nothing is learnt."""
        return DetectorState({}, {})

    def restore_network(self, state: DetectorState) -> None:
        """Restore what `network_state` gave."""

    def fit(self, train: FeatureStore, context: FitContext) -> History:
        """Learn to embed, and keep the embeddings of the training clips.

        Raises
        ------
        DataError
            When there are too few clips for the embedding or the back end.
        """
        history = self.learn(train, context)
        embeddings, perturbed = self._training_embeddings(train, context.events, context.task)
        self._backend.fit(embeddings, train.clips, perturbed, self.perturbed_clips(train))
        self._known_sections = known_sections(train)
        return history

    def score(self, features: FeatureStore, events: Events = SILENT) -> Scores:
        """Score by the back end.

        Raises
        ------
        UsageError
            When a clip's section was not trained and sections are distinguished.
        """
        if self.options.backend.references == "section":
            require_known_sections(features, self._known_sections)
        scores = self._backend.score(self.embed(features, events), features.clips)
        return Scores(scores, tuple(scores[index : index + 1] for index in range(len(scores))))

    def embedding_graph(self, clips: "ClipInputs") -> "Value":
        """Embed clips by nodes of a graph [shape=(clips, d)], where the embedding has one.

        Raises
        ------
        UsageError
            When it has none.
        """
        raise UsageError(f"{type(self).__name__} cannot be exported: its embedding has no graph")

    def graph(self, clips: "ClipInputs") -> "Value":
        """Score clips by nodes of a graph; UsageError when the embedding has none."""
        return self._backend.graph(clips, self.embedding_graph(clips))

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> FloatArray:
        """Score each training clip by the others: a back end that knows a clip finds it normal."""
        embeddings, perturbed = self._training_embeddings(train, events, "score")
        of = self.perturbed_clips(train)
        return self._backend.cross_scores(embeddings, train.clips, perturbed, of)

    def _training_embeddings(
        self, train: FeatureStore, events: Events, task: str
    ) -> tuple[FloatArray, list[FloatArray]]:
        """Embed the training clips, those from before a maintenance moved to where new ones lie."""
        embeddings = self.embed(train, events, task)
        move = _move_to_new_baseline(embeddings, train.clips)
        of = self.perturbed_clips(train)
        moved = move if of is None else move[of]
        perturbed = self.embed_perturbed(train, events, task)
        return embeddings + move, [np.asarray(each + moved, np.float32) for each in perturbed]

    def state(self) -> DetectorState:
        """Give network and references."""
        network = self.network_state()
        references, groups = self._backend.state()
        tensors: dict[str, npt.NDArray[Any]] = {
            **_prefixed(_NETWORK, network.tensors),
            **_prefixed(_BACKEND, references),
        }
        return DetectorState(
            tensors,
            {
                "sections": list(self._known_sections),
                "groups": groups,
                "network": dict(network.facts),
            },
        )

    @classmethod
    def from_state(cls, state: DetectorState, options: Any) -> Self:
        """Restore network and references."""
        detector = cls(options)
        detector._known_sections = tuple(state.facts["sections"])
        detector._backend.restore(state.part(_BACKEND), state.facts["groups"])
        network = DetectorState(state.part(_NETWORK), state.facts["network"])
        detector.restore_network(network)
        return detector


def _move_to_new_baseline(embeddings: FloatArray, clips: Sequence[Clip]) -> FloatArray:
    """Give what is added to each embedding: older clips keep their spread and get a new centre.

    A handful of clips shows where a machine is after maintenance, and not how it varies; that is
    taken from before. Medians keep a single odd clip from moving everything.
    """
    new = np.array([clip.attributes.get(BASELINE) == NEW_BASELINE for clip in clips], bool)
    move = np.zeros_like(embeddings)
    if new.any() and not new.all():
        move[~new] = np.median(embeddings[new], axis=0) - np.median(embeddings[~new], axis=0)
    return move


def _prefixed(prefix: str, tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {f"{prefix}{name}": np.asarray(tensor) for name, tensor in tensors.items()}
