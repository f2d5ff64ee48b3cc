"""AUC, partial AUC, precision, recall and F1, of one set of clips or of many draws of them.

Conventions
-----------
- A score is higher for a more anomalous clip; anomalous clips are the positives.
- AUC is the probability that an anomalous clip scores higher than a normal one, ties counting half
  (Hanley & McNeil 1982).
- pAUC is the area under the ROC curve up to a false-positive rate of `max_fpr`, standardised after
  McClish (1989) so that chance is 0.5 and perfection 1: scikit-learn's
  ``roc_auc_score(max_fpr=...)``, which the official evaluators of DCASE Task 2 call.
- A figure that the data cannot give (no anomalous clip, say) is None, never a number.

`areas` and `decision_metrics` compute with a leading axis of draws; the functions of two arrays
are the same with one draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.evaluation.means import EPSILON

FloatArray = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Receiver operating characteristic.

    Attributes
    ----------
    false_positive_rate, true_positive_rate : ndarray [shape=(n,), dtype=float64]
        From (0, 0) to (1, 1), rising.
    """

    false_positive_rate: FloatArray
    true_positive_rate: FloatArray


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of decisions against labels."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


def roc_curve(normal: Numbers, anomaly: Numbers) -> RocCurve:
    """Compute the ROC curve; equal scores are one step.

    Parameters
    ----------
    normal, anomaly : ndarray [shape=(n,)]
        Scores of normal and of anomalous clips, at least one each.

    Returns
    -------
    RocCurve

    Examples
    --------
    >>> curve = roc_curve(np.array([0.1, 0.4]), np.array([0.4, 0.9]))
    >>> curve.false_positive_rate.tolist(), curve.true_positive_rate.tolist()
    ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    false, true = _steps(*_one_draw(normal, anomaly))
    return RocCurve(false[0] / len(normal), true[0] / len(anomaly))


def auc(normal: Numbers, anomaly: Numbers) -> float | None:
    """Area under the ROC curve: P(anomaly > normal) + P(anomaly = normal) / 2.

    Parameters
    ----------
    normal, anomaly : ndarray [shape=(n,)]
        Scores of normal and of anomalous clips.

    Returns
    -------
    float or None
        In [0, 1]; None when either is empty.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4]), np.array([0.4, 0.9]))
    0.875
    >>> auc(np.array([0.1, 0.4]), np.array([])) is None
    True
    """
    if not len(normal) or not len(anomaly):
        return None
    return float(areas(*_one_draw(normal, anomaly), max_fpr=1.0)[0][0])


def partial_auc(normal: Numbers, anomaly: Numbers, *, max_fpr: float) -> float | None:
    """Standardised area under the ROC curve up to a false-positive rate.

    ``(1 + (A - A_chance) / (A_perfect - A_chance)) / 2`` with the area A under the curve from 0 to
    `max_fpr`, linearly interpolated there, ``A_chance = max_fpr**2 / 2`` and
    ``A_perfect = max_fpr`` (McClish 1989).

    Parameters
    ----------
    normal, anomaly : ndarray [shape=(n,)]
        Scores of normal and of anomalous clips.
    max_fpr : float
        In (0, 1]; at 1 the figure is the AUC.

    Returns
    -------
    float or None
        At most 1; None when either is empty.

    Examples
    --------
    >>> partial_auc(np.arange(10.0), np.array([9.5, 10.5]), max_fpr=0.1)
    1.0
    """
    if not len(normal) or not len(anomaly):
        return None
    return float(areas(*_one_draw(normal, anomaly), max_fpr=max_fpr)[1][0])


def areas(
    scores: Numbers, normal: Indices, anomaly: Indices, *, max_fpr: float
) -> tuple[FloatArray, FloatArray]:
    """AUC and pAUC of each draw of the same clips.

    Both are areas under the polygon through the points of the ROC curve, one for each distinct
    score; for the pAUC each trapezoid is cut at `max_fpr`, where its upper side is interpolated.

    Parameters
    ----------
    scores : ndarray [shape=(n_clips,)]
        Anomaly scores.
    normal, anomaly : ndarray [shape=(draws, n)]
        Indices of the normal and of the anomalous clips of each draw, at least one each.
    max_fpr : float
        Where the pAUC ends, in (0, 1]; at 1 it is the AUC.

    Returns
    -------
    (ndarray [shape=(draws,)], ndarray [shape=(draws,)])
    """
    # Counts are whole numbers below 2**53, so sums of their products are exact in float64.
    false, true = _steps(scores, normal, anomaly)
    negatives, positives = normal.shape[1], anomaly.shape[1]
    width, sides = np.diff(false, axis=1), true[:, :-1] + true[:, 1:]
    pairs = 2 * negatives * positives
    area = np.einsum("dk,dk->d", width, sides) / pairs
    if max_fpr == 1.0:
        return area, area
    fpr, tpr = false / negatives, true / positives
    width = np.diff(fpr, axis=1)
    kept = np.clip(max_fpr - fpr[:, :-1], 0.0, width)
    fraction = np.divide(kept, width, out=np.zeros_like(kept), where=width > 0)
    height = tpr[:, :-1] + np.diff(tpr, axis=1) * fraction / 2
    partial = np.einsum("dk,dk->d", kept, height)
    chance = 0.5 * max_fpr**2
    return area, 0.5 * (1.0 + (partial - chance) / (max_fpr - chance))


def _one_draw(normal: Numbers, anomaly: Numbers) -> tuple[Numbers, Indices, Indices]:
    """Give two sets of scores as the first three arguments of `areas`."""
    scores = np.concatenate([normal, anomaly])
    positions = np.arange(len(scores))[None]
    return scores, positions[:, : len(normal)], positions[:, len(normal) :]


def _steps(scores: Numbers, normal: Indices, anomaly: Indices) -> tuple[FloatArray, FloatArray]:
    """Count the normal and anomalous clips at or above each distinct score, from 0 to all."""
    values, step = np.unique(-scores, return_inverse=True)
    false, true = (_counts(step[drawn], len(values)) for drawn in (normal, anomaly))
    return false, true


def _counts(steps: Indices, count: int) -> FloatArray:
    draws = len(steps)
    position = steps + np.arange(draws)[:, None] * (count + 1) + 1
    counts = np.bincount(position.ravel(), minlength=draws * (count + 1))
    return np.cumsum(counts.reshape(draws, count + 1), axis=1).astype(np.float64)


def confusion(labels: Sequence[int], decisions: Sequence[int]) -> Confusion:
    """Count decisions against labels, both 0 (normal) or 1 (anomaly)."""
    truth, decided = np.asarray(labels, bool), np.asarray(decisions, bool)
    return Confusion(
        int(np.sum(truth & decided)),
        int(np.sum(~truth & decided)),
        int(np.sum(truth & ~decided)),
        int(np.sum(~truth & ~decided)),
    )


def precision_recall_f1(counts: Confusion) -> tuple[float, float, float]:
    """Precision, recall and F1; each is 0 where its divisor is.

    Examples
    --------
    >>> precision_recall_f1(confusion(labels=[1, 1, 0, 0], decisions=[1, 0, 0, 0]))
    (1.0, 0.5, 0.6666666666666666)
    """
    hits = np.array(counts.true_positives, np.float64)
    anomalies = counts.true_positives + counts.false_negatives
    found = decision_metrics(hits, np.array(counts.false_positives, np.float64), anomalies)
    precision, recall, f1 = (float(value) for value in found)
    return precision, recall, f1


def decision_metrics(
    hits: FloatArray, false_alarms: FloatArray, anomalies: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Precision, recall and F1 of each draw; each is 0 where its divisor is.

    Parameters
    ----------
    hits, false_alarms : ndarray [shape=(...)]
        Anomalous and normal clips that were decided to be anomalous.
    anomalies : int
        Anomalous clips; equal in all draws.

    Returns
    -------
    (ndarray [shape=(...)], ndarray [shape=(...)], ndarray [shape=(...)])
    """
    precision = hits / np.maximum(hits + false_alarms, EPSILON)
    recall = hits / max(anomalies, EPSILON)
    return precision, recall, 2.0 * precision * recall / np.maximum(precision + recall, EPSILON)
