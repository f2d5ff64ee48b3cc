"""How far the official score could move by chance: a bootstrap over test clips.

Clips are drawn with replacement within each machine, section, domain and label (stratified
bootstrap, Efron & Tibshirani 1993, chapter 8), the score is computed for each draw, and the
interval holds the middle 95 % (percentile method). Sections and machines stay as they are: the
interval is about these machines, not about others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.core.seeds import derive_seed
from asd_cli.evaluation.metrics import EPSILON
from asd_cli.reporting.content import LabelledScores

DRAWS = 1000
LEVEL = 0.95
_SEED = 2021

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of a figure and the share of draws it holds."""

    low: float
    high: float
    level: float = LEVEL


def official_interval(
    scores: Sequence[LabelledScores], *, max_fpr: float, draws: int = DRAWS
) -> Interval | None:
    """Bootstrap the official score.

    Parameters
    ----------
    scores : sequence of LabelledScores
        All sections and domains; those with one class alone are left out, as in the score.
    max_fpr : float
        False-positive rate where the pAUC ends.
    draws : int
        Number of draws.

    Returns
    -------
    Interval or None
        None where no figure is defined.
    """
    drawn = _official_scores(scores, max_fpr=max_fpr, draws=draws)
    return None if drawn is None else _middle(drawn)


def difference_interval(
    first: Sequence[LabelledScores],
    second: Sequence[LabelledScores],
    *,
    max_fpr: float,
    draws: int = DRAWS,
) -> Interval | None:
    """Bootstrap the second system's official score minus the first's, on the same draws.

    Parameters
    ----------
    first, second : sequence of LabelledScores
        Scores of the same clips in the same order: each draw takes the same clips of both, which
        is what makes small differences visible (paired bootstrap).
    max_fpr, draws
        As in `official_interval`.

    Returns
    -------
    Interval or None
        None where no figure is defined.
    """
    ours = _official_scores(first, max_fpr=max_fpr, draws=draws)
    theirs = _official_scores(second, max_fpr=max_fpr, draws=draws)
    return None if ours is None or theirs is None else _middle(theirs - ours)


def _official_scores(
    scores: Sequence[LabelledScores], *, max_fpr: float, draws: int
) -> FloatArray | None:
    """Official score of each draw; None where no figure is defined."""
    figures: list[FloatArray] = []
    for part in scores:
        if len(part.normal) and len(part.anomaly):
            names = (part.machine, part.section, part.domain)
            rng = np.random.default_rng(derive_seed(_SEED, *names))
            weights = draw_weights(part.truth, rng, draws)
            figures.extend(weighted_figures(part.scores, part.truth, weights, max_fpr=max_fpr))
    if not figures:
        return None
    inverse: FloatArray = np.mean([1.0 / np.maximum(part, EPSILON) for part in figures], axis=0)
    return 1.0 / inverse


def _middle(values: FloatArray) -> Interval:
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return Interval(float(low), float(high))


def draw_weights(truth: npt.NDArray[np.bool_], rng: np.random.Generator, draws: int) -> FloatArray:
    """Count how often each clip is drawn; each label keeps its number of clips.

    Returns
    -------
    ndarray [shape=(draws, n_clips), dtype=float64]
    """
    weights = np.empty((draws, len(truth)))
    for label in (False, True):
        chosen = truth == label
        count = int(chosen.sum())
        weights[:, chosen] = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    return weights


def weighted_figures(
    scores: FloatArray, truth: npt.NDArray[np.bool_], weights: FloatArray, *, max_fpr: float
) -> tuple[FloatArray, FloatArray]:
    """AUC and pAUC for many weightings of the same clips.

    Parameters
    ----------
    scores : ndarray [shape=(n_clips,)]
        Anomaly scores.
    truth : ndarray [shape=(n_clips,)]
        Whether a clip is anomalous.
    weights : ndarray [shape=(draws, n_clips)]
        How often each clip counts.
    max_fpr : float
        False-positive rate where the pAUC ends.

    Returns
    -------
    (ndarray [shape=(draws,)], ndarray [shape=(draws,)])
        As `asd_cli.evaluation.metrics` has them for repeated clips.
    """
    values, step = np.unique(-scores, return_inverse=True)
    fpr = _rates(weights * ~truth, step, len(values))
    tpr = _rates(weights * truth, step, len(values))
    area = np.asarray(np.trapezoid(tpr, fpr, axis=1))
    if max_fpr == 1.0:
        return area, area
    # The part of each trapezoid left of max_fpr, its right side interpolated.
    width = np.diff(fpr, axis=1)
    kept = np.clip(max_fpr - fpr[:, :-1], 0.0, width)
    share = np.divide(kept, width, out=np.zeros_like(kept), where=width > 0)
    rise = np.diff(tpr, axis=1) * share
    partial: FloatArray = np.sum(kept * (tpr[:, :-1] + rise / 2), axis=1)
    chance = 0.5 * max_fpr**2
    return area, 0.5 * (1.0 + (partial - chance) / (max_fpr - chance))


def _rates(weights: FloatArray, step: npt.NDArray[np.intp], steps: int) -> FloatArray:
    """Cumulate weights over falling scores, ties in one step, from 0 to 1."""
    counts = np.zeros((len(weights), steps + 1))
    order = np.argsort(step, kind="stable")
    bounds = np.searchsorted(step[order], np.arange(steps))
    counts[:, 1:] = np.add.reduceat(weights[:, order], bounds, axis=1)
    rates = np.cumsum(counts, axis=1)
    return rates / rates[:, -1:]
