"""How an edition scores: what a row of figures is of, what its official score is, how it ranks.

- ``machine`` (2020): a row is the clips of a machine id.
- ``by-domain`` (2021): a row is the clips of a section and domain.
- ``shared-anomalies`` (2022 and later): of a section, the normal clips of one domain against the
  anomalous clips of *both* domains (AUC only), and all clips (pAUC only). Precision, recall and F1
  count the clips of one domain, normal and anomalous: an anomalous clip counts in the AUC of both
  domains and in the decisions of its own domain only, as in the official evaluators.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from asd_cli.datasets.dcase.editions import Rows
from asd_cli.evaluation.labelled import LabelledScores, RowKey
from asd_cli.evaluation.means import FloatArray, as_float
from asd_cli.evaluation.metrics import auc, partial_auc
from asd_cli.evaluation.official import (
    official_score_2020,
    official_score_2021,
    official_score_2022,
)

Official = Callable[[Sequence[RowKey], FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class ScoringRule:
    """How an edition scores systems.

    Attributes
    ----------
    rows : str
        What a row of figures is of: ``machine``, ``by-domain`` or ``shared-anomalies``.
    official : callable
        Gives the official score of rows (machine, section, domain) with their AUC and pAUC, arrays
        of shape (n_rows, ...) with NaN where a row has none; shape (...), NaN where there is none.
    ranks_by_average : bool
        Whether systems rank by their average rank over machines and figures, not by the score.
    explanation : str
        The official score in words.
    """

    rows: Rows
    official: Official
    ranks_by_average: bool
    explanation: str

    @property
    def harmonic(self) -> bool:
        """Whether one figure of 0 makes the official score 0."""
        return not self.ranks_by_average

    def score(self, parts: Sequence[LabelledScores], *, max_fpr: float) -> float | None:
        """Compute the official score of rows of scores; None where no figure is defined."""
        areas = [
            [
                auc(part.normal, part.anomaly) if part.gives_auc else None,
                partial_auc(part.normal, part.anomaly, max_fpr=max_fpr)
                if part.gives_pauc
                else None,
            ]
            for part in parts
        ]
        figures = np.array(areas, np.float64).reshape(-1, 2)
        return as_float(self.official([p.key for p in parts], figures[:, 0], figures[:, 1]))


def _by_machine(rows: Sequence[RowKey], auc: FloatArray, pauc: FloatArray) -> FloatArray:
    return official_score_2020([machine for machine, _, _ in rows], auc, pauc)


def _by_domain(rows: Sequence[RowKey], auc: FloatArray, pauc: FloatArray) -> FloatArray:
    del rows
    return official_score_2021(auc, pauc)


def _shared(rows: Sequence[RowKey], auc: FloatArray, pauc: FloatArray) -> FloatArray:
    domains = np.array([domain or "" for _, _, domain in rows])
    return official_score_2022(auc[domains == "source"], auc[domains == "target"], pauc)


MACHINE = ScoringRule(
    "machine",
    _by_machine,
    ranks_by_average=True,
    explanation="the arithmetic mean, over machines, of their average AUC and pAUC",
)
BY_DOMAIN = ScoringRule(
    "by-domain",
    _by_domain,
    ranks_by_average=False,
    explanation="the harmonic mean of AUC and pAUC of every machine, section and domain",
)
SHARED_ANOMALIES = ScoringRule(
    "shared-anomalies",
    _shared,
    ranks_by_average=False,
    explanation="the harmonic mean of both domains' AUC, each with the normal clips of the domain "
    "and all anomalous clips of the section, and of the pAUC of all clips",
)

_RULES = {rule.rows: rule for rule in (MACHINE, BY_DOMAIN, SHARED_ANOMALIES)}


def rule_of(rows: Rows) -> ScoringRule:
    """Look up how an edition with these rows scores.

    Examples
    --------
    >>> from asd_cli.datasets.dcase.editions import load_edition
    >>> rule_of(load_edition("dcase2020").rows).ranks_by_average
    True
    """
    return _RULES[rows]
