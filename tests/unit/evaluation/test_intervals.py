"""Bootstrap intervals: of every figure, of means, of the official score, of differences."""

import numpy as np
import numpy.typing as npt
import pytest

from asd_cli.evaluation.bootstrap import resample
from asd_cli.evaluation.evaluation import METRIC_NAMES
from asd_cli.evaluation.intervals import (
    difference_interval,
    draw_interval,
    evaluation_intervals,
    official_interval,
)
from asd_cli.evaluation.labelled import LabelledScores
from asd_cli.evaluation.means import harmonic_mean
from asd_cli.evaluation.metrics import areas, auc, partial_auc
from asd_cli.reporting.comparison import align
from tests.unit.reporting.builders import make_system, random_parts


@pytest.mark.parametrize("max_fpr", [0.1, 0.33, 1.0])
def test_draws_have_the_figures_of_their_clips(max_fpr: float) -> None:
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 12, 60).astype(float)  # many ties
    normal, anomaly = rng.integers(0, 35, (20, 35)), rng.integers(35, 60, (20, 25))
    full, partials = areas(scores, normal, anomaly, max_fpr=max_fpr)
    for draw in range(20):
        clips = scores[normal[draw]], scores[anomaly[draw]]
        assert full[draw] == pytest.approx(auc(*clips))
        assert partials[draw] == pytest.approx(partial_auc(*clips, max_fpr=max_fpr))


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


def test_every_figure_and_mean_has_an_interval_that_holds_it() -> None:
    system = make_system({**random_parts(), **random_parts("pump", seed=4)}, limit=0.5)
    drawn = resample(system.scores, max_fpr=0.1, draws=200, seed=3)
    found = evaluation_intervals(system.evaluation, drawn, confidence=0.9, seed=3)
    assert len(found.rows) == 8
    assert found.means.keys() == {(m.machine, m.domain, m.kind) for m in system.evaluation.means}
    named = [(row.metrics, found.rows[row.machine, row.section, row.domain])
             for row in system.evaluation.rows]  # fmt: skip
    named += [
        (m.metrics, found.means[m.machine, m.domain, m.kind]) for m in system.evaluation.means
    ]
    for metrics, intervals in named:
        for name in METRIC_NAMES:
            interval = intervals[name]
            assert interval is not None
            assert interval.level == 0.9
            assert interval.low <= getattr(metrics, name) <= interval.high
    assert found.official_score is not None


def test_undefined_figures_have_no_interval_and_are_left_out_of_the_means() -> None:
    system = make_system({
        ("fan", "00", "source"): ([0.0, 1.0, 2.0], []),
        ("fan", "01", "source"): ([0.0, 1.0, 2.0], [1.5, 2.5, 3.0]),
    })  # fmt: skip
    drawn = resample(system.scores, max_fpr=0.1, draws=50)
    found = evaluation_intervals(system.evaluation, drawn, confidence=0.95, seed=0)
    assert set(found.rows["fan", "00", "source"].values()) == {None}
    assert found.means["fan", None, "harmonic"]["auc"] is not None
    assert found.means["fan", None, "harmonic"]["recall"] is None  # there are no decisions
    assert found.means["fan", "target", "harmonic"]["auc"] is None


def test_a_larger_set_is_drawn_in_blocks() -> None:
    system = make_system(random_parts(clips=300))
    drawn = resample(system.scores[:1], max_fpr=0.1, draws=1001)
    (figures,) = drawn.figures.values()
    assert figures.shape == (5, 1001)
    assert len(np.unique(figures[0])) > 500


def test_the_ends_are_percentiles_of_the_draws() -> None:
    interval = draw_interval(500.0, np.arange(0.0, 1001.0), 0.9)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((50.0, 950.0))
    assert draw_interval(None, np.full(5, np.nan)) is None


def gaussian(
    rng: np.random.Generator, shifts: npt.NDArray[np.float64], clips: int
) -> list[LabelledScores]:
    """Sections whose true AUC is known: Φ(shift / √2)."""
    truth = np.arange(2 * clips) >= clips
    names = tuple(f"{i:04d}" for i in range(2 * clips))
    return [
        LabelledScores("fan", f"{i:02d}", "source", names,
                       rng.normal(0, 1, 2 * clips) + shift * truth, truth, None)
        for i, shift in enumerate(shifts)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("sections", "clips"), [(1, 100), (12, 50)])
def test_intervals_hold_the_true_figures_as_often_as_promised(sections: int, clips: int) -> None:
    """200 sets drawn of known distributions; 95 of 100 promised, and 3.5 standard errors allowed."""
    shifts = np.linspace(0.2, 1.2, sections) if sections > 1 else np.array([0.7])
    true = [(s.normal, s.anomaly) for s in gaussian(np.random.default_rng(0), shifts, 20_000)]
    official = harmonic_mean(
        [f for pair in true for f in (auc(*pair), partial_auc(*pair, max_fpr=0.1))]
    )
    assert official is not None
    area = auc(*true[0])
    assert area is not None
    rng, sets = np.random.default_rng(20), 200
    held = held_auc = 0
    for number in range(sets):
        scores = gaussian(rng, shifts, clips)
        interval = official_interval(scores, max_fpr=0.1, draws=400, seed=number)
        assert interval is not None
        held += interval.low <= official <= interval.high
        drawn = resample(scores[:1], max_fpr=0.1, draws=400, seed=number)
        first = draw_interval(
            auc(scores[0].normal, scores[0].anomaly), drawn.figures[scores[0].key][0]
        )
        assert first is not None
        held_auc += first.low <= area <= first.high
    assert held / sets == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / sets))
    assert held_auc / sets == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / sets))
