"""Every figure on clips drawn anew: the stratified bootstrap.

The clips of each machine, section and domain are drawn with replacement, normal and anomalous ones
apart, so that every draw has as many of each as the set (Efron & Tibshirani 1993, An Introduction
to the Bootstrap, chapter 8). Rows that share clips are measured on the same draws of them. Means
are computed of each draw. Sections and machines stay as they are: what varies is which clips of
these machines were recorded, not which machines were chosen.

The seed of a section's draws comes from its name alone, and clips are drawn in the order of their
names, so that two systems scored on the same clips are measured on the same draws (paired).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from asd_cli.core.seeds import derive_seed
from asd_cli.datasets.dcase.editions import Scoring
from asd_cli.evaluation.evaluation import METRIC_NAMES, MeanKind
from asd_cli.evaluation.labelled import FloatArray, LabelledScores, RowKey
from asd_cli.evaluation.metrics import EPSILON
from asd_cli.evaluation.official import official_score

RESAMPLES = 1000
SEED = 13711
_AUC, _PAUC = METRIC_NAMES.index("auc"), METRIC_NAMES.index("pauc")
# Draws are made in blocks of about so many clips, which bounds the memory for large sets.
_BLOCK = 250_000


@dataclass(frozen=True, slots=True)
class Resampled:
    """The figures of every draw.

    Attributes
    ----------
    figures : mapping of (machine, section, domain) to ndarray [shape=(5, draws), dtype=float64]
        In the order of `METRIC_NAMES`; NaN where a figure is undefined.
    draws : int
        How many.
    scoring : str
        Which official score.
    """

    figures: Mapping[RowKey, FloatArray]
    draws: int
    scoring: Scoring = "by-domain"

    def mean(self, machine: str | None, domain: str | None, kind: MeanKind) -> FloatArray:
        """Mean of every figure over rows.

        Returns
        -------
        ndarray [shape=(5, draws), dtype=float64]
            NaN where no row has the figure.
        """
        chosen = [
            figures
            for key, figures in self.figures.items()
            if machine in {None, key[0]} and domain in {None, key[2]}
        ]
        return np.stack([
            _mean([figures[index] for figures in chosen], kind, self.draws)
            for index in range(len(METRIC_NAMES))
        ])  # fmt: skip

    def official(self, machine: str | None = None) -> FloatArray:
        """Compute the official score, of one machine or of all.

        Returns
        -------
        ndarray [shape=(draws,), dtype=float64]
            NaN where there is none.
        """
        chosen = {k: v for k, v in self.figures.items() if machine in {None, k[0]}}
        if not chosen:
            return np.full(self.draws, np.nan)
        every = np.stack(list(chosen.values()))
        rows = [(key[0], key[2]) for key in chosen]
        return official_score(self.scoring, rows, every[:, _AUC], every[:, _PAUC])


def _mean(values: Sequence[FloatArray], kind: MeanKind, draws: int) -> FloatArray:
    """Mean over rows for each draw; a row's figure is defined in all draws or in none."""
    defined = [value for value in values if not np.isnan(value[0])]
    if not defined:
        return np.full(draws, np.nan)
    if kind == "arithmetic":
        return np.asarray(np.mean(defined, axis=0), np.float64)
    inverse: FloatArray = np.sum([1.0 / np.maximum(value, EPSILON) for value in defined], axis=0)
    return len(defined) / inverse


def resample(
    scores: Sequence[LabelledScores],
    *,
    max_fpr: float,
    draws: int = RESAMPLES,
    seed: int = SEED,
    scoring: Scoring = "by-domain",
) -> Resampled:
    """Draw the clips of a system anew and compute its figures.

    Parameters
    ----------
    scores : sequence of LabelledScores
        All machines, sections and domains.
    max_fpr : float
        Where the pAUC ends, in (0, 1].
    draws : int
        Number of draws.
    seed : int
        The run's seed.
    scoring : str
        Which official score.

    Returns
    -------
    Resampled
    """
    figures: dict[RowKey, FloatArray] = {part.key: np.empty(0) for part in scores}
    for rows in _rows_with_shared_clips(scores):
        # The last row of those that share clips is the one of all of them.
        every = rows[-1]
        names = [name for name in every.key if name is not None]
        rng = np.random.default_rng(derive_seed(seed, "bootstrap", *names))
        block = max(1, _BLOCK // len(every.names))
        sizes = [min(block, draws - start) for start in range(0, draws, block)]
        blocks = defaultdict(list)
        for size in sizes:
            drawn = _draw(every, rng, size)
            for part in rows:
                blocks[part.key].append(_figures(part, every, drawn, max_fpr))
        figures.update((key, np.concatenate(found, axis=1)) for key, found in blocks.items())
    return Resampled(figures, draws, scoring)


def _rows_with_shared_clips(
    scores: Sequence[LabelledScores],
) -> Iterator[Sequence[LabelledScores]]:
    """Group the rows of a section where they share clips; other rows stand alone."""
    groups: dict[tuple[str | None, ...], list[LabelledScores]] = {}
    for part in scores:
        key = part.key if part.domains is None else part.key[:2]
        groups.setdefault(key, []).append(part)
    for rows in groups.values():
        yield sorted(rows, key=lambda part: len(part.names))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Indices of drawn clips [shape=(draws, n)], by domain; the empty domain where none counts."""

    draws: int
    normal: dict[str, npt.NDArray[np.intp]] = field(default_factory=dict)
    anomaly: dict[str, npt.NDArray[np.intp]] = field(default_factory=dict)


def _draw(every: LabelledScores, rng: np.random.Generator, draws: int) -> _Drawn:
    by_name = np.argsort(np.array(every.names))
    domains = np.full(len(by_name), "") if every.domains is None else every.domains
    drawn = _Drawn(draws)
    for domain in np.unique(domains).tolist():
        for label, kept in ((False, drawn.normal), (True, drawn.anomaly)):
            clips = by_name[(every.truth[by_name] == label) & (domains[by_name] == domain)]
            if len(clips):
                kept[domain] = clips[rng.integers(0, len(clips), (draws, len(clips)))]
    return drawn


def _figures(
    part: LabelledScores, every: LabelledScores, drawn: _Drawn, max_fpr: float
) -> FloatArray:
    """Compute a row's figures of drawn clips; NaN for those it does not have."""
    figures = np.full((len(METRIC_NAMES), drawn.draws), np.nan)
    own = "" if part.domains is None else part.domain
    normal = [clips for d, clips in drawn.normal.items() if part.domain is None or d == own]
    anomaly = list(drawn.anomaly.values())
    if normal and anomaly:
        areas = drawn_areas(every.scores, np.hstack(normal), np.hstack(anomaly), max_fpr=max_fpr)
        for index, given in ((_AUC, part.gives_auc), (_PAUC, part.gives_pauc)):
            if given:
                figures[index] = areas[index]
    if every.decisions is not None and own is not None:
        false, true = (
            every.decisions[clips[own]].sum(axis=1) if own in clips else np.zeros(drawn.draws)
            for clips in (drawn.normal, drawn.anomaly)
        )
        anomalies = drawn.anomaly[own].shape[1] if own in drawn.anomaly else 0
        precision = true / np.maximum(true + false, EPSILON)
        recall = true / max(anomalies, EPSILON)
        f1 = 2.0 * precision * recall / np.maximum(precision + recall, EPSILON)
        figures[2:] = precision, recall, f1
    return figures


def drawn_areas(
    scores: FloatArray,
    normal: npt.NDArray[np.intp],
    anomaly: npt.NDArray[np.intp],
    *,
    max_fpr: float,
) -> tuple[FloatArray, FloatArray]:
    """AUC and pAUC of many draws of the same clips, as `asd_cli.evaluation.metrics` has them.

    Both are areas under the polygon through the points of the ROC curve, one for each distinct
    score, ties being one step: ``sum((fpr_k - fpr_(k-1)) * (tpr_k + tpr_(k-1)) / 2)``; for the
    pAUC each trapezoid is cut at `max_fpr`, where its upper side is interpolated.

    Parameters
    ----------
    scores : ndarray [shape=(n_clips,)]
        Anomaly scores.
    normal, anomaly : ndarray [shape=(draws, n)]
        Indices of the normal and of the anomalous clips of each draw.
    max_fpr : float
        Where the pAUC ends, in (0, 1].

    Returns
    -------
    (ndarray [shape=(draws,)], ndarray [shape=(draws,)])
    """
    values, step = np.unique(-scores, return_inverse=True)
    fpr, tpr = (_rates(step[drawn], len(values)) for drawn in (normal, anomaly))
    width = np.diff(fpr, axis=1)
    area = np.einsum("dk,dk->d", width, tpr[:, :-1] + tpr[:, 1:]) / 2
    if max_fpr == 1.0:
        return area, area
    kept = np.clip(max_fpr - fpr[:, :-1], 0.0, width)
    share = np.divide(kept, width, out=np.zeros_like(kept), where=width > 0)
    height = tpr[:, :-1] + np.diff(tpr, axis=1) * share / 2
    chance = 0.5 * max_fpr**2
    partial = np.einsum("dk,dk->d", kept, height)
    return area, 0.5 * (1.0 + (partial - chance) / (max_fpr - chance))


def _rates(steps: npt.NDArray[np.intp], count: int) -> FloatArray:
    """Share of a draw's clips at or above each distinct score, from 0 to 1."""
    draws, clips = steps.shape
    place = steps + np.arange(draws)[:, None] * (count + 1) + 1
    counts = np.bincount(place.ravel(), minlength=draws * (count + 1))
    above: FloatArray = np.cumsum(counts.reshape(draws, count + 1), axis=1) / clips
    return above
