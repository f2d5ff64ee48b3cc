"""AUC, partial AUC, precision, recall, F1 and their means: arrays in, floats out.

Conventions
-----------
- A score is higher for a more anomalous clip; anomalous clips are the positives.
- AUC is the probability that an anomalous clip scores higher than a normal one, ties counting half
  (Hanley & McNeil 1982).
- pAUC is the area under the ROC curve up to a false-positive rate of `max_fpr`, standardised after
  McClish (1989) so that chance is 0.5 and perfection 1: scikit-learn's
  ``roc_auc_score(max_fpr=...)``, which the official evaluators of DCASE Task 2 call.
- A figure that the data cannot give (no anomalous clip, say) is None, never a number.
- The harmonic mean puts 2.22e-16 under every value, as the official evaluators do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# sys.float_info.epsilon: under divisors and under the values of harmonic means.
EPSILON = 2.220446049250313e-16

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Receiver operating characteristic.

    Attributes
    ----------
    false_positive_rate, true_positive_rate : ndarray [shape=(n,), dtype=float64]
        From (0, 0) to (1, 1), rising.
    """

    false_positive_rate: npt.NDArray[np.float64]
    true_positive_rate: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of decisions against labels."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


def roc_curve(normal: FloatArray, anomaly: FloatArray) -> RocCurve:
    """Compute the ROC curve; equal scores are one step.

    Parameters
    ----------
    normal, anomaly : ndarray [shape=(n,)]
        Scores of normal and of anomalous clips, at least one each.

    Returns
    -------
    RocCurve
    """
    thresholds = np.unique(np.concatenate([normal, anomaly]))
    above_normal = len(normal) - np.searchsorted(np.sort(normal), thresholds, "left")
    above_anomaly = len(anomaly) - np.searchsorted(np.sort(anomaly), thresholds, "left")
    return RocCurve(
        np.concatenate([[0.0], above_normal[::-1] / len(normal)]),
        np.concatenate([[0.0], above_anomaly[::-1] / len(anomaly)]),
    )


def auc(normal: FloatArray, anomaly: FloatArray) -> float | None:
    """Area under the ROC curve: P(anomaly > normal) + P(anomaly = normal) / 2.

    Parameters
    ----------
    normal, anomaly : ndarray [shape=(n,)]
        Scores of normal and of anomalous clips.

    Returns
    -------
    float or None
        In [0, 1]; None when either is empty.
    """
    if not len(normal) or not len(anomaly):
        return None
    ordered = np.sort(normal)
    below = np.searchsorted(ordered, anomaly, "left").sum(dtype=np.int64)
    not_above = np.searchsorted(ordered, anomaly, "right").sum(dtype=np.int64)
    return float((below + not_above) / (2 * len(normal) * len(anomaly)))


def partial_auc(normal: FloatArray, anomaly: FloatArray, *, max_fpr: float) -> float | None:
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
    """
    if not len(normal) or not len(anomaly):
        return None
    if max_fpr == 1.0:
        return auc(normal, anomaly)
    curve = roc_curve(normal, anomaly)
    fpr, tpr = curve.false_positive_rate, curve.true_positive_rate
    stop = np.searchsorted(fpr, max_fpr, "right")
    end = np.interp(max_fpr, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1])
    area = np.trapezoid(np.append(tpr[:stop], end), np.append(fpr[:stop], max_fpr))
    chance = 0.5 * max_fpr**2
    return float(0.5 * (1.0 + (area - chance) / (max_fpr - chance)))


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
    """Precision, recall and F1; each is 0 where its divisor is."""
    hits = counts.true_positives
    precision = hits / max(hits + counts.false_positives, EPSILON)
    recall = hits / max(hits + counts.false_negatives, EPSILON)
    return precision, recall, 2.0 * precision * recall / max(precision + recall, EPSILON)


def arithmetic_mean(values: Sequence[float | None]) -> float | None:
    """Arithmetic mean of the values that are defined; None when none is."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def harmonic_mean(values: Sequence[float | None]) -> float | None:
    """Harmonic mean ``n / sum(1 / max(x, 2.22e-16))`` of the values that are defined."""
    defined = np.array([value for value in values if value is not None])
    return (
        float(len(defined) / np.sum(1.0 / np.maximum(defined, EPSILON))) if len(defined) else None
    )
