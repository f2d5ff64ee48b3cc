"""Which of several tried candidates to use: the default, unless another is better beyond chance.

Proxy outliers are often far stranger than faults. Then every candidate distinguishes them, and the
order of candidates says nothing (Zhou and Wang, arXiv:2606.19269, found it of back ends).
"""

from collections.abc import Sequence
from enum import StrEnum
from math import inf, sqrt
from statistics import fmean, stdev

from scipy.special import stdtrit

# Harmonic mean of AUC and pAUC from which on a task distinguishes nothing.
CEILING = 0.99
# One-sided; about ten candidates compete, and one in ten selections is misled by chance.
_CHANCE = 0.01
_MIN_TASKS = 3


class Outcome(StrEnum):
    """Why a candidate was chosen."""

    NO_TASKS = "no tasks"
    SATURATED = "saturated"
    DEFAULT = "default kept"
    LEAD = "lead beyond chance"


def leads(scores: Sequence[float], others: Sequence[float]) -> bool:
    """Say whether a candidate is ahead of another beyond chance.

    A paired t test over tasks, one-sided, at 1 %; fewer than three tasks cannot tell.

    Parameters
    ----------
    scores, others : sequence of float
        Of the same tasks, in their order.

    Examples
    --------
    >>> leads([0.9, 0.8, 0.9, 0.85], [0.7, 0.62, 0.69, 0.66])
    True
    >>> leads([0.9, 0.8, 0.9, 0.85], [0.8, 0.9, 0.8, 0.7])
    False
    """
    gains = [own - other for own, other in zip(scores, others, strict=True)]
    if len(gains) < _MIN_TASKS or fmean(gains) <= 0:
        return False
    spread = stdev(gains) / sqrt(len(gains))
    critical = float(stdtrit(len(gains) - 1, 1.0 - _CHANCE))
    return (fmean(gains) / spread if spread else inf) > critical


def choose(
    names: Sequence[str], task_scores: Sequence[Sequence[float]], default: str
) -> tuple[int, Outcome]:
    """Choose a candidate.

    Parameters
    ----------
    names : sequence of str
        Of the candidates that could be tried.
    task_scores : sequence of sequence of float
        Of each the scores of all tasks, in [0, 1]; empty where there are no tasks.
    default : str
        The one that needs no proof; the first of `names` where it is not among them.

    Returns
    -------
    index : int
        In `names`.
    outcome : Outcome
        Why.

    Examples
    --------
    >>> choose(["a", "robust"], [[1.0, 1.0, 1.0], [0.99, 1.0, 1.0]], "robust")
    (1, <Outcome.SATURATED: 'saturated'>)
    """
    kept = names.index(default) if default in names else 0
    if not task_scores[kept]:
        return kept, Outcome.NO_TASKS
    means = [fmean(own) for own in task_scores]
    if 2 * sum(mean >= CEILING for mean in means) >= len(means):
        return kept, Outcome.SATURATED
    better = [i for i, own in enumerate(task_scores) if leads(own, task_scores[kept])]
    if not better:
        return kept, Outcome.DEFAULT
    return max(better, key=lambda i: means[i]), Outcome.LEAD
