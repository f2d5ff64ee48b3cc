"""Whether one system is better than another, or only luckier: ranks and paired differences.

Two systems are compared on the same draws of the same clips (paired bootstrap; Koehn 2004,
Statistical Significance Tests for Machine Translation Evaluation), which takes away what makes a
set easy or hard for both. The p-value is two-sided: with d the difference and d* that of each of n
draws, ``p = (1 + #{|d* - mean(d*)| >= |d|}) / (1 + n)``: how often chance alone would give such a
difference if there were none (Riezler & Maxwell 2005, who shift the draws so).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asd_cli.evaluation.bootstrap import Resampled
from asd_cli.evaluation.intervals import Interval, draw_interval
from asd_cli.evaluation.labelled import LabelledScores, clips_by_row


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better a system is than a baseline.

    Attributes
    ----------
    machine : str or None
        On which machine type; None means on all.
    value : float or None
        Official score, of one machine or of all, minus the baseline's; None where it is undefined
        or the clips are not the same.
    interval : Interval or None
        Of `value`.
    p_value : float or None
        Two-sided, in (0, 1].
    """

    machine: str | None
    value: float | None
    interval: Interval | None
    p_value: float | None


def rank_scores(scores: Sequence[float | None]) -> tuple[int, ...]:
    """Rank from 1, the highest score; equal scores share a rank, undefined ones come last."""
    known = [-np.inf if score is None else score for score in scores]
    return tuple(1 + sum(other > score for other in known) for score in known)


def shared_machines(
    first: Sequence[LabelledScores], second: Sequence[LabelledScores]
) -> tuple[str, ...]:
    """List the machine types of which both systems scored the same clips, in the first's order."""
    ours, theirs = clips_by_row(first), clips_by_row(second)
    differing = {key[0] for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
    return tuple(m for m in dict.fromkeys(key[0] for key in ours) if m not in differing)


def paired_differences(
    baseline: tuple[Sequence[LabelledScores], Resampled],
    system: tuple[Sequence[LabelledScores], Resampled],
    *,
    max_fpr: float,
    confidence: float,
) -> tuple[Difference, ...]:
    """Compare a system with a baseline, per machine type and overall.

    Parameters
    ----------
    baseline, system : (sequence of LabelledScores, Resampled)
        Scores, and figures of draws of them that were seeded alike.
    max_fpr : float
        Where the pAUC ends.
    confidence : float
        Of the intervals, in (0, 1).

    Returns
    -------
    tuple of Difference
        One for each machine of either system, then one over all machines, which is defined only
        where all clips are the same.
    """
    shared = shared_machines(baseline[0], system[0])
    parts = (*baseline[0], *system[0])
    machines = sorted({part.machine for part in parts})
    found: list[Difference] = []
    for machine in (*machines, None):
        comparable = set(shared) == set(machines) if machine is None else machine in shared
        if not comparable:
            found.append(Difference(machine, None, None, None))
            continue
        scores = [
            resampled.rule.score(
                [part for part in side if machine in {None, part.machine}], max_fpr=max_fpr
            )
            for side, resampled in (baseline, system)
        ]
        if scores[0] is None or scores[1] is None:
            found.append(Difference(machine, None, None, None))
            continue
        value = scores[1] - scores[0]
        draws = system[1].official(machine) - baseline[1].official(machine)
        # A hair's breadth for rounding: a system does not differ from itself.
        extreme = np.count_nonzero(np.abs(draws - draws.mean()) >= abs(value) - 1e-12)
        found.append(
            Difference(
                machine,
                value,
                draw_interval(value, draws, confidence),
                (1 + int(extreme)) / (1 + len(draws)),
            )
        )
    return tuple(found)
