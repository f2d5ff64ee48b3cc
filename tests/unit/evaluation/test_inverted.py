"""Scores that look the wrong way round, by intervals that need no resampling."""

import numpy as np
import pytest

from asd_cli.evaluation.evaluation import evaluate_scores
from asd_cli.evaluation.inverted import auc_deviation, inverted_machines
from asd_cli.evaluation.labelled import LabelledScores
from asd_cli.evaluation.metrics import auc
from asd_cli.evaluation.rules import BY_DOMAIN, SHARED_ANOMALIES, ScoringRule


@pytest.mark.parametrize("shift", [0.0, -0.5, -1.0, -2.0])
def test_the_deviation_is_that_of_drawn_sets(shift: float) -> None:
    rng = np.random.default_rng(1)
    drawn = [auc(rng.normal(0, 1, 40), rng.normal(shift, 1, 30)) for _ in range(1000)]
    areas = np.array(drawn, np.float64)
    expected = float(np.std(areas))
    found = auc_deviation(float(np.mean(areas)), 40, 30)
    assert expected * 0.9 < found < max(expected, auc_deviation(0.5, 40, 30)) * 1.1


def part(shift: float, *, clips: int, domain: str, seed: int) -> LabelledScores:
    rng = np.random.default_rng(seed)
    truth = np.arange(2 * clips) >= clips
    names = tuple(f"{domain}_{number}" for number in range(2 * clips))
    return LabelledScores(
        "fan", "00", domain, names, rng.normal(0, 1, 2 * clips) + shift * truth, truth, None
    )


def notes(
    shift: float, clips: int, rule: ScoringRule = BY_DOMAIN, *, own: bool = False
) -> list[str]:
    parts = [part(shift, clips=clips, domain=d, seed=i) for i, d in enumerate(("source", "target"))]
    evaluation = evaluate_scores(parts, max_fpr=0.1, rule=rule)
    return [note.text for note in inverted_machines(evaluation, own=own)]


def test_only_what_is_far_below_and_no_chance_is_said() -> None:
    assert len(notes(-2.0, 20)) == 1
    assert notes(-2.0, 1) == [], "one clip of each label may fall so by chance"
    assert notes(-0.3, 500) == [], "0.42 is below chance and not far"
    assert notes(0.0, 100) == []
    assert notes(2.0, 100) == []


def test_rows_that_share_clips_count_as_one_another() -> None:
    assert len(notes(-0.5, 20)) == 1
    assert notes(-0.5, 20, SHARED_ANOMALIES) == []


def test_the_reason_is_that_of_the_scores() -> None:
    assert "are the scores inverted?" in notes(-2.0, 20)[0]
    assert "more like the training clips" in notes(-2.0, 20, own=True)[0]
