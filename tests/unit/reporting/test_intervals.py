"""Bootstrap intervals of the official score."""

import numpy as np
import pytest

from asd_cli.evaluation.metrics import auc, partial_auc
from asd_cli.reporting.comparison import align
from asd_cli.reporting.intervals import (
    difference_interval,
    draw_weights,
    official_interval,
    weighted_figures,
)
from tests.unit.reporting.builders import make_system, random_parts


@pytest.mark.parametrize("max_fpr", [0.1, 0.33, 1.0])
def test_weights_are_repeated_clips(max_fpr: float) -> None:
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 12, 60).astype(float)  # many ties
    truth = rng.uniform(size=60) < 0.4
    weights = draw_weights(truth, rng, 20)
    areas, partials = weighted_figures(scores, truth, weights, max_fpr=max_fpr)
    for draw, area, partial in zip(weights.astype(int), areas, partials, strict=True):
        normal = np.repeat(scores[~truth], draw[~truth])
        anomaly = np.repeat(scores[truth], draw[truth])
        assert area == pytest.approx(auc(normal, anomaly))
        assert partial == pytest.approx(partial_auc(normal, anomaly, max_fpr=max_fpr))


def test_draws_keep_the_number_of_clips_of_each_label() -> None:
    truth = np.array([True] * 3 + [False] * 5)
    weights = draw_weights(truth, np.random.default_rng(0), 50)
    assert set(weights[:, truth].sum(axis=1)) == {3.0}
    assert set(weights[:, ~truth].sum(axis=1)) == {5.0}


def test_the_interval_holds_the_score_and_is_the_same_again() -> None:
    system = make_system(random_parts(clips=60))
    interval = official_interval(system.scores, max_fpr=0.1)
    assert interval is not None
    assert system.evaluation.official_score is not None
    assert interval.low < system.evaluation.official_score < interval.high
    assert interval == official_interval(system.scores, max_fpr=0.1)


def test_more_clips_give_a_narrower_interval() -> None:
    widths = []
    for clips in (20, 200):
        interval = official_interval(make_system(random_parts(clips=clips)).scores, max_fpr=0.1)
        assert interval is not None
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 2


def test_no_interval_without_both_labels() -> None:
    system = make_system({("fan", "00", "source"): ([0.0, 1.0], [])})
    assert official_interval(system.scores, max_fpr=0.1) is None


def test_a_system_does_not_differ_from_itself() -> None:
    scores = make_system(random_parts()).scores
    interval = difference_interval(scores, scores, max_fpr=0.1)
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 0.0)


def test_pairing_sees_a_small_but_steady_difference() -> None:
    parts = random_parts(shift=1.0)
    better = {key: (normal, [s + 0.4 for s in anomaly]) for key, (normal, anomaly) in parts.items()}
    pair = align(make_system(parts).scores, make_system(better).scores)
    assert pair is not None
    interval = difference_interval(*pair, max_fpr=0.1)
    assert interval is not None
    assert interval.low > 0
