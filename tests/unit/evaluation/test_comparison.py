"""Ranks, and paired differences between systems."""

import numpy as np
import pytest

from asd_cli.evaluation.bootstrap import resample
from asd_cli.evaluation.comparison import (
    Difference,
    paired_differences,
    rank_scores,
    shared_machines,
)
from asd_cli.evaluation.labelled import LabelledScores
from asd_cli.reporting.references import published_references
from tests.unit.reporting.builders import make_system, random_parts


def differences(
    first: tuple[LabelledScores, ...], second: tuple[LabelledScores, ...]
) -> dict[str | None, Difference]:
    pairs = [(scores, resample(scores, max_fpr=0.1, draws=300)) for scores in (first, second)]
    found = paired_differences(pairs[0], pairs[1], max_fpr=0.1, confidence=0.95)
    return {difference.machine: difference for difference in found}


def test_equal_scores_share_a_rank_and_undefined_ones_come_last() -> None:
    assert rank_scores([0.5, None, 0.7, 0.5, 0.4]) == (2, 5, 1, 2, 4)


def test_a_steady_difference_is_significant_per_machine_and_overall() -> None:
    parts = {**random_parts("fan"), **random_parts("pump", seed=2)}
    better = {
        key: (normal, [s + 0.8 * (key[0] == "fan") for s in anomaly])
        for key, (normal, anomaly) in parts.items()
    }
    found = differences(make_system(parts).scores, make_system(better).scores)
    assert list(found) == ["fan", "pump", None]
    for machine in ("fan", None):
        difference = found[machine]
        assert difference.value is not None
        assert difference.interval is not None
        assert difference.p_value is not None
        assert difference.interval.low > 0
        assert difference.p_value < 0.02
    assert found["pump"].value == 0
    assert found["pump"].p_value == 1


def test_the_order_of_the_rows_does_not_matter() -> None:
    first = make_system(random_parts()).scores
    turned = tuple(
        LabelledScores(
            p.machine, p.section, p.domain, p.names[::-1], p.scores[::-1], p.truth[::-1], None
        )
        for p in first
    )
    (fan, _) = differences(first, turned).values()
    assert (fan.value, fan.p_value) == (0.0, 1.0)


def test_other_clips_are_not_compared() -> None:
    first = make_system({**random_parts("fan"), **random_parts("pump")}).scores
    second = make_system({**random_parts("fan"), **random_parts("pump", clips=31)}).scores
    assert shared_machines(first, second) == ("fan",)
    found = differences(first, second)
    assert found["fan"].value == 0
    assert found["pump"] == Difference("pump", None, None, None)
    assert found[None].value is None
    assert shared_machines(first, make_system(random_parts("fan")).scores) == ("fan",)


@pytest.mark.slow
def test_p_values_of_equal_systems_are_small_as_often_as_they_say() -> None:
    rng, small, sets = np.random.default_rng(8), 0, 200
    truth = np.arange(80) >= 40
    names = tuple(f"{i:02d}" for i in range(80))
    for number in range(sets):
        common = rng.normal(0, 1, 80) + truth
        pair = [
            (LabelledScores("fan", "00", "source", names, common + rng.normal(0, 0.5, 80), truth, None),)
            for _ in range(2)
        ]  # fmt: skip
        drawn = [resample(scores, max_fpr=0.1, draws=200, seed=number) for scores in pair]
        overall = paired_differences(
            (pair[0], drawn[0]), (pair[1], drawn[1]), max_fpr=0.1, confidence=0.95
        )[-1]
        assert overall.p_value is not None
        small += overall.p_value <= 0.05
    assert small / sets == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / sets))


def test_published_figures_by_machine_give_the_published_score() -> None:
    """All machines have as many sections, so the score is the harmonic mean of their means."""
    known = published_references("dcase2021", "dev")
    assert known is not None
    by_name = {anchor.system: anchor.score for anchor in known.anchors}
    for system in known.systems:
        assert set(system.machines) == set(known.machines)
        figures = np.array(list(system.machines.values()))
        score = 100 * figures.size / np.sum(1 / figures)
        ends = [float(end) for end in by_name[system.name].split("–")]
        assert ends[0] - 0.1 <= score <= ends[-1] + 0.1
    assert published_references("dcase2021", "moon") is None
    assert published_references("dcase1999", "dev") is None
