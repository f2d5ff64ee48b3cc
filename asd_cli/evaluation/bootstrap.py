"""Every figure on clips drawn again: the stratified bootstrap.

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
from asd_cli.evaluation.evaluation import METRIC_NAMES
from asd_cli.evaluation.labelled import FloatArray, LabelledScores, RowKey
from asd_cli.evaluation.means import MEANS, MeanKind
from asd_cli.evaluation.metrics import areas, decision_metrics
from asd_cli.evaluation.rules import BY_DOMAIN, ScoringRule

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
    rule : ScoringRule
        Which official score.
    """

    figures: Mapping[RowKey, FloatArray]
    draws: int
    rule: ScoringRule = BY_DOMAIN

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
        every = np.array(chosen).reshape(-1, len(METRIC_NAMES), self.draws)
        return np.stack([MEANS[kind](every[:, i]) for i in range(len(METRIC_NAMES))])

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
        return self.rule.official(list(chosen), every[:, _AUC], every[:, _PAUC])


def resample(
    scores: Sequence[LabelledScores],
    *,
    max_fpr: float,
    draws: int = RESAMPLES,
    seed: int = SEED,
    rule: ScoringRule = BY_DOMAIN,
) -> Resampled:
    """Draw the clips of a system again and compute its figures.

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
    rule : ScoringRule
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
    return Resampled(figures, draws, rule)


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
        found = areas(every.scores, np.hstack(normal), np.hstack(anomaly), max_fpr=max_fpr)
        for index, given in ((_AUC, part.gives_auc), (_PAUC, part.gives_pauc)):
            if given:
                figures[index] = found[index]
    if every.decisions is not None and own is not None:
        false, true = (
            every.decisions[clips[own]].sum(axis=1) if own in clips else np.zeros(drawn.draws)
            for clips in (drawn.normal, drawn.anomaly)
        )
        anomalies = drawn.anomaly[own].shape[1] if own in drawn.anomaly else 0
        figures[2:] = decision_metrics(true, false, anomalies)
    return figures
