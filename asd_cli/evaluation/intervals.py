"""How far figures could move by chance: confidence intervals of everything in an evaluation.

Percentile intervals of the bootstrap (`asd_cli.evaluation.bootstrap`; Efron & Tibshirani 1993,
chapter 13): an interval of confidence c reaches from the ``(1 - c) / 2`` to the ``(1 + c) / 2``
quantile of a figure's draws. Tests hold its coverage to what it promises on simulated sets.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asd_cli.evaluation.bootstrap import RESAMPLES, SEED, Resampled, resample
from asd_cli.evaluation.evaluation import METRIC_NAMES, Evaluation, Metrics
from asd_cli.evaluation.labelled import FloatArray, LabelledScores, RowKey
from asd_cli.evaluation.means import MeanKind
from asd_cli.evaluation.rules import BY_DOMAIN, ScoringRule

LEVEL = 0.95

MeanKey = tuple[str | None, str | None, MeanKind]


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of a figure and the confidence that it holds the true one."""

    low: float
    high: float
    level: float = LEVEL


FigureIntervals = Mapping[str, Interval | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Intervals of all figures of an evaluation.

    Attributes
    ----------
    confidence : float
        In (0, 1).
    resamples, seed : int
        How they were made.
    rows : mapping of (machine, section, domain) to mapping of str to Interval or None
        By name of the figure; None where it is undefined.
    means : mapping of (machine, domain, kind) to mapping of str to Interval or None
        As `rows`.
    official_score : Interval or None
        None where there is no official score.
    """

    confidence: float
    resamples: int
    seed: int
    rows: Mapping[RowKey, FigureIntervals]
    means: Mapping[MeanKey, FigureIntervals]
    official_score: Interval | None


def evaluation_intervals(
    evaluation: Evaluation, resampled: Resampled, *, confidence: float, seed: int
) -> Intervals:
    """Give every figure of an evaluation its interval.

    Parameters
    ----------
    evaluation : Evaluation
        The figures.
    resampled : Resampled
        The same system's figures on drawn clips.
    confidence : float
        In (0, 1).
    seed : int
        What `resampled` was seeded with.

    Returns
    -------
    Intervals
    """
    return Intervals(
        confidence=confidence,
        resamples=resampled.draws,
        seed=seed,
        rows={
            (row.machine, row.section, row.domain): dict(
                _by_name(
                    row.metrics,
                    resampled.figures[row.machine, row.section, row.domain],
                    confidence,
                )
            )
            for row in evaluation.rows
        },
        means={
            (mean.machine, mean.domain, mean.kind): dict(
                _by_name(
                    mean.metrics,
                    resampled.mean(mean.machine, mean.domain, mean.kind),
                    confidence,
                )
            )
            for mean in evaluation.means
        },
        official_score=draw_interval(evaluation.official_score, resampled.official(), confidence),
    )


def _by_name(
    metrics: Metrics, draws: FloatArray, confidence: float
) -> Iterator[tuple[str, Interval | None]]:
    for name, value, drawn in zip(METRIC_NAMES, metrics.values(), draws, strict=True):
        yield name, draw_interval(value, drawn, confidence)


def draw_interval(value: float | None, draws: FloatArray, level: float = LEVEL) -> Interval | None:
    """Give the percentile interval of a figure.

    Parameters
    ----------
    value : float or None
        The figure itself.
    draws : ndarray [shape=(draws,)]
        The figure of each draw.
    level : float
        Confidence, in (0, 1).

    Returns
    -------
    Interval or None
        None where the figure is undefined.
    """
    if value is None or np.isnan(draws[0]):
        return None
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def official_interval(
    scores: Sequence[LabelledScores],
    *,
    max_fpr: float,
    draws: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
    rule: ScoringRule = BY_DOMAIN,
) -> Interval | None:
    """Give the interval of the official score.

    Parameters
    ----------
    scores : sequence of LabelledScores
        All sections and domains; those with one class alone are left out, as in the score.
    max_fpr : float
        False-positive rate where the pAUC ends.
    draws, seed : int
        Number of draws and what they are seeded with.
    level : float
        Confidence, in (0, 1).
    rule : ScoringRule
        Which official score.

    Returns
    -------
    Interval or None
        None where no figure is defined.
    """
    if not scores:
        return None
    drawn = resample(scores, max_fpr=max_fpr, draws=draws, seed=seed, rule=rule).official()
    return draw_interval(rule.score(scores, max_fpr=max_fpr), drawn, level)


def difference_interval(
    first: Sequence[LabelledScores],
    second: Sequence[LabelledScores],
    *,
    max_fpr: float,
    draws: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
    rule: ScoringRule = BY_DOMAIN,
) -> Interval | None:
    """Give the interval of the second system's official score minus the first's.

    Parameters
    ----------
    first, second : sequence of LabelledScores
        Scores of the same clips: each draw takes the same clips of both, which is what makes small
        differences visible (paired bootstrap).
    max_fpr, draws, seed, level, rule
        As in `official_interval`.

    Returns
    -------
    Interval or None
        None where no figure is defined.
    """
    ours, theirs = (rule.score(scores, max_fpr=max_fpr) for scores in (first, second))
    if ours is None or theirs is None:
        return None
    drawn = [
        resample(scores, max_fpr=max_fpr, draws=draws, seed=seed, rule=rule).official()
        for scores in (first, second)
    ]
    return draw_interval(theirs - ours, drawn[1] - drawn[0], level)
