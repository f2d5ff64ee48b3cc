"""How rare scores are among the normal clips that their threshold is of."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.model_file import Calibration
from asd_cli.artifacts.threshold import INTERVAL, threshold_groups
from asd_cli.detectors.thresholds import normal_scores

Group = tuple[str | None, str | None]
FloatArray = npt.NDArray[np.floating]


def p_values(
    scores: FloatArray,
    groups: Sequence[Group],
    *,
    training_scores: FloatArray,
    calibration: Calibration,
) -> npt.NDArray[np.float64]:
    """Give p-values of scores, each among the normal clips of its own group.

    A group is what has a threshold of its own, so that a score is above its threshold where its
    p-value is at most the rate that was asked for. Of an ``interval`` they are those of
    `NormalScores`; else ``(1 + #{calibration >= score}) / (n + 1)`` (conformal; Vovk et al. 2005,
    "Algorithmic Learning in a Random World").

    Parameters
    ----------
    scores : ndarray [shape=(n_clips,)]
        Of a model.
    groups : sequence of (section, domain)
        Of each clip; None where not known.
    training_scores : ndarray [shape=(n_normal,)]
        Of the model's training clips.
    calibration : Calibration
        Their groups and recordings, and the threshold.

    Returns
    -------
    ndarray [shape=(n_clips,), dtype=float64]
        In (0, 1].
    """
    names = [own_group(group, calibration) for group in groups]
    found = np.empty(len(scores))
    for name in dict.fromkeys(names):
        asked = np.array([other == name for other in names])
        normal = members(name, calibration, len(training_scores))
        found[asked] = _of_group(scores[asked], training_scores, normal, calibration)
    return found


def own_group(group: Group, calibration: Calibration) -> str:
    """Name the group whose threshold a clip has; empty where it is that of all clips."""
    own = calibration.threshold.groups
    return next((name for name in threshold_groups(*group, "domain") if name in own), "")


def members(name: str, calibration: Calibration, count: int) -> npt.NDArray[np.bool_]:
    """Say which of the training clips are of a group [shape=(count,)]."""
    if not name:
        return np.ones(count, np.bool_)
    return np.array([name in threshold_groups(*g, "domain") for g in calibration.groups], np.bool_)


def _of_group(
    scores: FloatArray,
    training_scores: FloatArray,
    normal: npt.NDArray[np.bool_],
    calibration: Calibration,
) -> npt.NDArray[np.float64]:
    chosen = training_scores[normal]
    if calibration.threshold.kind == INTERVAL:
        units = calibration.units or range(len(training_scores))
        own = [unit for unit, member in zip(units, normal, strict=True) if member]
        return normal_scores(chosen, own).p_values(scores)
    ordered = np.sort(chosen)
    as_high = len(ordered) - np.searchsorted(ordered, scores, "left")
    return np.asarray((1.0 + as_high) / (len(ordered) + 1.0))
