"""Systems side by side: a leaderboard, differences to a baseline, published results."""

from collections.abc import Sequence
from dataclasses import dataclass

from asd_cli.core.errors import UsageError
from asd_cli.core.events import Events
from asd_cli.evaluation.comparison import Difference, paired_differences, rank_scores
from asd_cli.evaluation.labelled import clips_by_row
from asd_cli.evaluation.official import average_ranks
from asd_cli.pipeline.systems import System
from asd_cli.reporting.references import References, published_references


@dataclass(frozen=True, slots=True)
class RankedSystem:
    """A system's place among several.

    Attributes
    ----------
    rank : int
        From 1, the highest official score; equal scores share a rank.
    system : System
        The system.
    average_rank : float or None
        Mean of its ranks over machines and figures where the edition ranks by that; else None.
    """

    rank: int
    system: System
    average_rank: float | None = None


@dataclass(frozen=True, slots=True)
class SystemComparison:
    """A system's differences to the baseline.

    Attributes
    ----------
    system : System
        What is compared.
    differences : tuple of Difference
        One for each machine type, then over all.
    """

    system: System
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All systems but one against that one."""

    baseline: System
    systems: tuple[SystemComparison, ...]


def rank_systems(systems: Sequence[System], events: Events) -> tuple[RankedSystem, ...]:
    """Order systems as their edition does, the best first; warn where their clips differ.

    DCASE 2020 ranked by the average rank over the average AUC and pAUC of each machine type; later
    editions rank by official score.
    """
    first = systems[0]
    clips = clips_by_row(first.scores)
    for other in systems[1:]:
        if clips_by_row(other.scores) != clips:
            events.warning(
                f"{other.name} was not scored on the same clips as {first.name}: their official "
                "scores are not of the same thing"
            )
    averages: Sequence[float | None] = [None] * len(systems)
    if first.evaluation.rule.ranks_by_average:
        averages = average_ranks([_machine_averages(system, systems) for system in systems])
        ranks = rank_scores([None if rank is None else -rank for rank in averages])
    else:
        ranks = rank_scores([system.evaluation.official_score for system in systems])
    ranking = [
        RankedSystem(rank, system, average)
        for rank, system, average in zip(ranks, systems, averages, strict=True)
    ]
    return tuple(sorted(ranking, key=lambda ranked: ranked.rank))


def _machine_averages(system: System, systems: Sequence[System]) -> list[float | None]:
    """Give the average AUC and pAUC of each machine that any of the systems has."""
    own = system.evaluation
    found: list[float | None] = []
    for machine in dict.fromkeys(m for other in systems for m in other.evaluation.machines):
        if machine in own.machines:
            mean = own.mean(machine, None, "arithmetic").metrics
            found += [mean.auc, mean.pauc]
        else:
            found += [None, None]
    return found


def compare_systems(
    systems: Sequence[System],
    baseline: System,
    *,
    max_fpr: float,
    confidence: float,
    events: Events,
) -> Comparison:
    """Compare every system with the baseline, on the same draws of the same clips.

    Raises
    ------
    UsageError
        When there is nothing to compare the baseline with, or systems were not resampled.
    """
    if baseline.resampled is None:
        raise UsageError("a comparison needs resampled figures")
    found = []
    for system in systems:
        if system is baseline or system.resampled is None:
            continue
        differences = paired_differences(
            (baseline.scores, baseline.resampled),
            (system.scores, system.resampled),
            max_fpr=max_fpr,
            confidence=confidence,
        )
        left_out = [d.machine for d in differences if d.machine and d.value is None]
        if left_out:
            events.warning(
                f"{system.name} and {baseline.name} cannot be compared on {', '.join(left_out)}: "
                "not the same clips, or undefined"
            )
        found.append(SystemComparison(system, differences))
    if not found:
        raise UsageError(
            f"there is nothing to compare {baseline.name} with",
            hint="name the other systems' folders: asd evaluate B C --baseline A",
        )
    return Comparison(baseline, tuple(found))


def require_references(edition: str, mode: str) -> References:
    """Look up published results; UsageError where none are known."""
    found = published_references(edition, mode)
    if found is None:
        raise UsageError(
            f"no published results are known of {edition}, mode {mode}",
            hint="leave --published out, or choose another --edition",
        )
    return found
