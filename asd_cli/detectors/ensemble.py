"""Several detectors as one: their scores combined, each on the scale of its own kind.

A score says little beside another detector's: decibels, log-odds, angles. Each is measured by the
scores of the normal clips that were trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import ConfigError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.grouping import (
    BY_DOMAIN,
    GroupKey,
    Indices,
    blocked_folds,
    group_clips,
    sort_key,
)
from asd_cli.core.types import DOMAIN, SECTION, Clip
from asd_cli.detectors.backends.backend import FOLDS
from asd_cli.detectors.base import (
    Detector,
    DetectorState,
    FitContext,
    FloatArray,
    History,
    Scores,
)
from asd_cli.detectors.clip_statistics import MeasuredSpeeds, measure_clips
from asd_cli.detectors.combining import combine, normalise
from asd_cli.detectors.ensemble_options import EnsembleDetectorOptions
from asd_cli.detectors.measured_embedding import Measuring
from asd_cli.detectors.plans import create_detector, parse_detector, restore_detector
from asd_cli.features.store import FeatureStore

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value

_GROUPED_BY = {"machine": (), "section": (SECTION,), "domain": BY_DOMAIN}
_LOG = "log"
# Fewer scores set no scale.
_MIN_NORMAL = 4


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each member says of some clips.

    Attributes
    ----------
    members : tuple of str
        Names of the detectors.
    values : ndarray [shape=(n_clips, n_members), dtype=float64]
        Their normalised scores: 0 is usual, and of ``z`` and ``log`` the unit is the standard
        deviation of normal clips.
    """

    members: tuple[str, ...]
    values: npt.NDArray[np.float64]

    def decisive(self, clip: int) -> str:
        """Name the member that finds a clip most unusual."""
        return self.members[int(np.argmax(self.values[clip]))]


def decisive_member(detector: Detector, features: FeatureStore) -> str:
    """Name the member of an ensemble that finds the first clip most unusual; else nothing."""
    if not isinstance(detector, EnsembleDetector):
        return ""
    return detector.contributions(features).decisive(0)


class EnsembleDetector:
    """The normalised scores of several detectors, combined.

    Parameters
    ----------
    options : EnsembleDetectorOptions
        Its `members`, each with options of its own, and `ensemble`.

    Raises
    ------
    ConfigError
        When there are not as many weights as members, or none of them is above 0.
    """

    highest_score = float("inf")

    def __init__(self, options: EnsembleDetectorOptions) -> None:
        weights = options.ensemble.weights or (1.0,) * len(options.members)
        if len(weights) != len(options.members) or min(weights) < 0 or max(weights) == 0:
            raise ConfigError(
                f"ensemble.weights are {list(weights)} for {len(options.members)} detectors",
                hint="give one for each, 0 or more and not all 0: "
                f"--set 'ensemble.weights={[1.0] * len(options.members)}'",
            )
        self.options = options
        self._weights = np.array(weights) / sum(weights)
        self._members: list[Detector] = []
        self._normal: dict[str, FloatArray] = {}
        self._left_out: tuple[str, tuple[Clip, ...], FloatArray] | None = None

    def fit(self, train: FeatureStore, context: FitContext) -> History:
        """Fit the members that are not fitted yet, and score the training clips by each."""
        history: History = []
        self._members = []
        for name, options in self.options.members:
            member = context.bases.get(name) or create_detector(parse_detector(name), options)
            self._members.append(member)
        self._read_recordings(train, context.events, context.task, training=True)
        for number, (name, _) in enumerate(self.options.members):
            if name not in context.bases:
                own = replace(
                    context,
                    checkpoint=context.checkpoint and context.checkpoint.part(f"detector{number}"),
                    task=f"{context.task}, {name}",
                )
                history.extend(self._members[number].fit(train, own))
        scored = self._score_left_out(train, context.events)
        self._require_distances(scored)
        self._normal = {
            _group_name(key): scored[:, members].astype(np.float32)
            for key, members in self._grouped(train.clips).items()
        }
        return history

    def _require_distances(self, scored: npt.NDArray[np.floating]) -> None:
        """Refuse logarithms of what may be negative; ConfigError names the member."""
        for (name, _), own in zip(self.options.members, scored, strict=True):
            if self.options.ensemble.normalization == _LOG and own.min() < 0:
                raise ConfigError(
                    f"ensemble.normalization=log takes distances, and scores of {name} may be "
                    f"below 0",
                    hint="use another: --set ensemble.normalization=z",
                )

    def _read_recordings(
        self, features: FeatureStore, events: Events, task: str, *, training: bool
    ) -> None:
        """Decode each recording once for all members that measure it."""
        wanted: dict[tuple[int, ...], list[MeasuredSpeeds]] = {}
        for member in self._members:
            if isinstance(member, Measuring):
                wanted.setdefault((), []).extend(member.measures)
                if training and member.perturbed_measures:
                    chosen = member.perturbed_clips(features)
                    wanted.setdefault(tuple(chosen.tolist()), []).extend(member.perturbed_measures)
        for of, measures in wanted.items():
            if measures:
                measure_clips(
                    features.select(of) if of else features,
                    measures,
                    parameters=self.options.features,
                    events=events,
                    task=task,
                )

    def _score_left_out(self, train: FeatureStore, events: Events) -> FloatArray:
        """Score the training clips by each member [shape=(n_members, n_clips)], once a fit."""
        known = self._left_out
        if known is not None and known[:2] == (train.fingerprint, train.clips):
            return known[2]
        self._read_recordings(train, events, "score", training=True)
        scored: FloatArray = np.stack(
            [np.asarray(m.score_training_clips(train, events), np.float32) for m in self._members]
        )
        self._left_out = (train.fingerprint, train.clips, scored)
        return scored

    def _grouped(self, clips: Sequence[Clip]) -> Mapping[GroupKey, Indices]:
        return group_clips(clips, _GROUPED_BY[self.options.ensemble.groups])

    def _normalise(
        self, scored: npt.NDArray[np.floating], clips: Sequence[Clip]
    ) -> npt.NDArray[np.float64]:
        """Normalise scores of members [shape=(n_members, n_clips)]."""
        found = np.empty((len(scored), len(clips)))
        for key, chosen in self._grouped(clips).items():
            normal = self._normal_scores(_group_name(key))
            for number, (own, scores) in enumerate(zip(normal, scored, strict=True)):
                found[number, chosen] = self._scale(scores[chosen], own)
        return found

    def _scale(
        self, scores: npt.NDArray[np.floating], normal: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.float64]:
        return normalise(scores, normal, self.options.ensemble.normalization)

    def _normalise_left_out(
        self, scored: npt.NDArray[np.floating], clips: Sequence[Clip]
    ) -> npt.NDArray[np.float64]:
        """Normalise each training clip by the scores of clips of other blocks of recordings.

        A clip that helps to set its own scale looks more usual than a new one.
        """
        found = self._normalise(scored, clips)
        folds = blocked_folds(clips, FOLDS)
        for members in self._grouped(clips).values():
            for fold in np.unique(folds[members]):
                own, others = members[folds[members] == fold], members[folds[members] != fold]
                if len(others) >= _MIN_NORMAL:
                    for number, scores in enumerate(scored):
                        found[number, own] = self._scale(scores[own], scores[others])
        return found

    def _combine(self, normalised: npt.NDArray[np.float64]) -> FloatArray:
        kind = self.options.ensemble.combination
        return combine(normalised, self._weights, kind).astype(np.float32)

    def _normal_scores(self, group: str) -> FloatArray:
        """Training scores of a group; of all clips where it had none."""
        if group in self._normal:
            return self._normal[group]
        return np.concatenate(list(self._normal.values()), axis=1)

    def contributions(self, features: FeatureStore, events: Events = SILENT) -> Contributions:
        """Score by every member, each on its own scale.

        Raises
        ------
        UsageError, DataError
            What a member raises.
        """
        self._read_recordings(features, events, "score", training=False)
        scored: npt.NDArray[np.floating] = np.stack(
            [np.asarray(member.score(features, events).clips) for member in self._members]
        )
        names = tuple(name for name, _ in self.options.members)
        return Contributions(names, self._normalise(scored, features.clips).T)

    def score(self, features: FeatureStore, events: Events = SILENT) -> Scores:
        """Score by every member, and combine; errors as of `contributions`."""
        clips = self._combine(self.contributions(features, events).values.T)
        return Scores(clips, tuple(clips[index : index + 1] for index in range(len(clips))))

    def graph(self, clips: "ClipInputs") -> "Value":
        """Score by every member, and combine, by nodes of a graph; UsageError as theirs."""
        from asd_cli.detectors.combining_graph import combine_graph, normalise_graph
        from asd_cli.detectors.exporting import score_graph

        groups = sorted(self._normal)
        sets = [self._normal[group] for group in groups]
        if len(sets) > 1:  # for clips of a group that had no training clips
            sets.append(np.concatenate(sets, axis=1))
        kind, by = self.options.ensemble.normalization, _GROUPED_BY[self.options.ensemble.groups]

        def chosen(section: str | None, domain: str | None) -> list[float]:
            known = {SECTION: section, DOMAIN: domain}
            name = _group_name(tuple(known[key] for key in by))
            own = groups.index(name) if name in groups else len(sets) - 1
            return [float(number == own) for number in range(len(sets))]

        weights = clips.choose(chosen)
        found = []
        for number, (name, _) in enumerate(self.options.members):
            scores = score_graph(self._members[number], name, clips)
            scaled = [normalise_graph(scores, normal[number], kind) for normal in sets]
            found.append((clips.graph.stack(scaled, 1) * weights).reduce("Sum", 1))
        return combine_graph(found, self._weights, self.options.ensemble.combination)

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> FloatArray:
        """Score the training clips by every member, and combine.

        With ``ensemble.normalization=log`` the scale of a clip is set by other recordings.
        """
        scored = self._score_left_out(train, events)
        if self.options.ensemble.normalization == _LOG:
            return self._combine(self._normalise_left_out(scored, train.clips))
        return self._combine(self._normalise(scored, train.clips))

    def state(self) -> DetectorState:
        """Give the members and their scores of normal clips."""
        tensors: dict[str, npt.NDArray[Any]] = {
            f"normal.{name}": scores for name, scores in self._normal.items()
        }
        facts: list[Mapping[str, Any]] = []
        for number, member in enumerate(self._members):
            state = member.state()
            tensors.update({f"{number}.{name}": t for name, t in state.tensors.items()})
            facts.append(dict(state.facts))
        sections = sorted({section for own in facts for section in own.get("sections", ())})
        return DetectorState(tensors, {"sections": sections, "members": facts})

    @classmethod
    def from_state(
        cls, state: DetectorState, options: EnsembleDetectorOptions
    ) -> "EnsembleDetector":
        """Restore the members."""
        detector = cls(options)
        for number, (name, own) in enumerate(options.members):
            member = DetectorState(state.part(f"{number}."), state.facts["members"][number])
            detector._members.append(restore_detector(parse_detector(name), member, own))
        detector._normal = {
            name: np.asarray(scores) for name, scores in state.part("normal.").items()
        }
        return detector


def _group_name(key: GroupKey) -> str:
    return "/".join(sort_key(key))
