"""Several detectors as one: a weighted mean of their scores, each on the scale of its own kind.

A score says little beside another detector's: decibels, log-odds, angles. Each is measured by the
scores of the normal clips that were trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import ConfigError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.grouping import BY_DOMAIN, GroupKey, Indices, group_clips, sort_key
from asd_cli.core.types import SECTION, Clip
from asd_cli.detectors.base import (
    Detector,
    DetectorState,
    FitContext,
    FloatArray,
    History,
    Scores,
)
from asd_cli.detectors.ensemble_options import EnsembleDetectorOptions
from asd_cli.detectors.plans import create_detector, parse_detector, restore_detector
from asd_cli.features.store import FeatureStore

_MIN_SCALE = 1e-9
_GROUPED_BY = {"machine": (), "section": (SECTION,), "domain": BY_DOMAIN}


def normalise(
    scores: npt.NDArray[np.floating], normal: npt.NDArray[np.floating], kind: str
) -> npt.NDArray[np.float64]:
    """Put scores on a scale that normal clips define; the order stays.

    Parameters
    ----------
    scores : ndarray [shape=(n,)]
        To be put on the scale.
    normal : ndarray [shape=(m,)]
        Scores of normal clips.
    kind : str
        ``z``: distance from their mean in standard deviations. ``rank``: fraction of them that is
        lower, interpolated; beyond the ends it continues with the mean slope between the median and
        that end, so that what is far beyond all of them keeps its order.

    Returns
    -------
    ndarray [shape=(n,), dtype=float64]
    """
    values, known = np.asarray(scores, np.float64), np.sort(np.asarray(normal, np.float64))
    if kind == "z":
        return np.asarray((values - known.mean()) / max(float(known.std()), _MIN_SCALE))
    ranks = (np.arange(len(known)) + 0.5) / len(known)
    median = float(np.median(known))
    below, above = (
        0.5 / max(width, _MIN_SCALE) for width in (median - known[0], known[-1] - median)
    )
    inside = np.interp(values, known, ranks)
    over, under = np.maximum(values - known[-1], 0), np.maximum(known[0] - values, 0)
    shifted: npt.NDArray[np.float64] = inside + above * over - below * under
    return shifted


class EnsembleDetector:
    """Weighted mean of the normalised scores of several detectors.

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

    def fit(self, train: FeatureStore, context: FitContext) -> History:
        """Fit the members that are not fitted yet, and score the training clips by each."""
        history: History = []
        self._members = []
        for number, (name, options) in enumerate(self.options.members):
            member = context.bases.get(name)
            if member is None:
                member = create_detector(parse_detector(name), options)
                own = replace(
                    context,
                    checkpoint=context.checkpoint and context.checkpoint.part(f"detector{number}"),
                    task=f"{context.task}, {name}",
                )
                history.extend(member.fit(train, own))
            self._members.append(member)
        scored = np.stack([m.score_training_clips(train, context.events) for m in self._members])
        self._normal = {
            _group_name(key): scored[:, members].astype(np.float32)
            for key, members in self._grouped(train.clips).items()
        }
        return history

    def _grouped(self, clips: Sequence[Clip]) -> Mapping[GroupKey, Indices]:
        return group_clips(clips, _GROUPED_BY[self.options.ensemble.groups])

    def _combine(
        self, scored: Sequence[npt.NDArray[np.floating]], clips: Sequence[Clip]
    ) -> FloatArray:
        combined = np.zeros(len(clips))
        for key, chosen in self._grouped(clips).items():
            normal = self._normal_scores(_group_name(key))
            for weight, own, scores in zip(self._weights, normal, scored, strict=True):
                scaled = normalise(scores[chosen], own, self.options.ensemble.normalization)
                combined[chosen] += weight * scaled
        return combined.astype(np.float32)

    def _normal_scores(self, group: str) -> FloatArray:
        """Training scores of a group; of all clips where it had none."""
        if group in self._normal:
            return self._normal[group]
        return np.concatenate(list(self._normal.values()), axis=1)

    def score(self, features: FeatureStore, events: Events = SILENT) -> Scores:
        """Score by every member, and combine.

        Raises
        ------
        UsageError, DataError
            What a member raises.
        """
        scored = [member.score(features, events).clips for member in self._members]
        clips = self._combine(scored, features.clips)
        return Scores(clips, tuple(clips[index : index + 1] for index in range(len(clips))))

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> FloatArray:
        """Score the training clips by every member, and combine."""
        scored = [member.score_training_clips(train, events) for member in self._members]
        return self._combine(scored, train.clips)

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
