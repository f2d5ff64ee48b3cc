"""Detectors whose scores look the wrong way round: an AUC far below 0.5 that is not chance.

Every AUC has an interval here without resampling. Its standard deviation is that of Hanley & McNeil
(1982, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
Radiology 143), or that of scores that tell nothing (Mann & Whitney 1947) where this is larger: near
an AUC of 0 the former is 0, however few clips there are.
"""

from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np

from asd_cli.evaluation.evaluation import Evaluation, SectionResult
from asd_cli.evaluation.notes import Note, NoteKind
from asd_cli.evaluation.rules import SHARED_ANOMALIES

LEVEL = 0.95
_CHANCE = 0.5
# A mean AUC of less is far from chance, and its interval must exclude 0.5 as well.
_FAR_BELOW = 0.4


def auc_deviation(auc: float, normal: int, anomaly: int) -> float:
    """Give the standard deviation of an AUC.

    Parameters
    ----------
    auc : float
        In [0, 1].
    normal, anomaly : int
        Numbers of clips, at least 1.

    Returns
    -------
    float

    Examples
    --------
    >>> round(auc_deviation(0.3, 100, 100), 4), round(auc_deviation(0.0, 3, 3), 4)
    (0.0409, 0.2546)
    """
    by_anomaly, by_normal = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc)
    spread += (anomaly - 1) * (by_anomaly - auc**2) + (normal - 1) * (by_normal - auc**2)
    chance = (normal + anomaly + 1) / 12
    return float(np.sqrt(max(spread, chance) / (normal * anomaly)))


def inverted_machines(evaluation: Evaluation, *, own: bool) -> Iterator[Note]:
    """Say whose mean AUC lies far below 0.5 with an interval that excludes it.

    Parameters
    ----------
    evaluation : Evaluation
        Rows with AUC and numbers of clips.
    own : bool
        Whether the scores are of a detector of asd, which gives higher scores to what is unlike
        its training clips.
    """
    for machine in evaluation.machines:
        rows = [
            row
            for row in evaluation.rows
            if row.machine == machine and row.metrics.auc is not None and row.domain is not None
        ]
        found = _interval(rows, shared=evaluation.rule is SHARED_ANOMALIES) if rows else None
        if found is None or found[0] >= _FAR_BELOW or found[2] >= _CHANCE:
            continue
        mean, low, high = found
        yield Note(
            NoteKind.INVERTED,
            machine,
            f"{machine}: the mean AUC {mean:.4f} lies far below chance ({100 * LEVEL:g} %: "
            f"{low:.3f} to {high:.3f}); {_reason(mean, own=own)}",
        )


def _interval(rows: Sequence[SectionResult], *, shared: bool) -> tuple[float, float, float]:
    """Give the mean AUC and its interval; AUCs that share clips may all err the same way."""
    areas = np.array([row.metrics.auc for row in rows], np.float64)
    deviations = np.array(
        [auc_deviation(a, row.normal, row.anomaly) for a, row in zip(areas, rows, strict=True)]
    )
    total = deviations.sum() if shared else np.sqrt((deviations**2).sum())
    mean = float(areas.mean())
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * float(total) / len(rows)
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def _reason(mean: float, *, own: bool) -> str:
    if own:
        return (
            "its anomalous test clips are more like the training clips than its normal ones are; "
            "look at labels, and at what else differs between training and test"
        )
    return f"are the scores inverted? A higher score means more anomalous ({1 - mean:.4f} if so)"
