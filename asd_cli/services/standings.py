"""Systems side by side: a leaderboard, differences to a baseline, published results."""

from collections.abc import Sequence
from dataclasses import dataclass

from asd_cli.core.errors import UsageError
from asd_cli.core.events import Events
from asd_cli.evaluation.comparison import Difference, paired_differences, rank_scores
from asd_cli.evaluation.labelled import clips_by_row
from asd_cli.reporting.references import References, published_references
from asd_cli.services.systems import System


@dataclass(frozen=True, slots=True)
class Standing:
    """A system's place among several.

    Attributes
    ----------
    rank : int
        From 1, the highest official score; equal scores share a rank.
    system : System
        The system.
    """

    rank: int
    system: System


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


def rank_systems(systems: Sequence[System], events: Events) -> tuple[Standing, ...]:
    """Order systems by official score, the best first; warn where their clips differ."""
    first = systems[0]
    clips = clips_by_row(first.scores)
    for other in systems[1:]:
        if clips_by_row(other.scores) != clips:
            events.warning(
                f"{other.name} was not scored on the same clips as {first.name}: their official "
                "scores are not of the same thing"
            )
    ranks = rank_scores([system.evaluation.official_score for system in systems])
    standings = [Standing(rank, system) for rank, system in zip(ranks, systems, strict=True)]
    return tuple(sorted(standings, key=lambda standing: standing.rank))


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
