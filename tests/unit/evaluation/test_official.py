"""Official scores worked out by hand, and rows that share their anomalous clips."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from asd_cli.artifacts.score_files import ScoreFileKey, ScoreTable
from asd_cli.core.types import Mode
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.evaluation.bootstrap import resample
from asd_cli.evaluation.comparison import paired_differences
from asd_cli.evaluation.evaluation import Evaluation, evaluate_scores
from asd_cli.evaluation.intervals import (
    evaluation_intervals,
    official_interval,
)
from asd_cli.evaluation.labelled import LabelledScores, label_rows
from asd_cli.evaluation.labels import truth_from_names
from asd_cli.evaluation.official import (
    average_ranks,
    official_score_2020,
    official_score_2021,
    official_score_2022,
)
from asd_cli.evaluation.result_csv import render_result_csv
from asd_cli.evaluation.rules import SHARED_ANOMALIES

NAN = float("nan")


def test_2020_averages_ids_then_machines() -> None:
    # fan has two ids: (0.8 + 0.6) / 2 and (0.6 + 0.5) / 2; pump one: 0.9 and 0.7.
    score = official_score_2020(
        ["fan", "fan", "pump"], np.array([0.8, 0.6, 0.9]), np.array([0.6, 0.5, 0.7])
    )
    assert score == pytest.approx((0.7 + 0.55 + 0.9 + 0.7) / 4)


def test_2021_and_2022_are_harmonic_means_of_what_is_defined() -> None:
    assert official_score_2021(np.array([0.5, 1.0]), np.array([0.5, NAN])) == pytest.approx(3 / 5)
    assert official_score_2022(np.array([1.0]), np.array([0.5]), np.array([0.75])) == pytest.approx(
        3 / (1 + 2 + 4 / 3)
    )
    assert np.isnan(official_score_2021(np.array([NAN]), np.array([NAN])))
    assert official_score_2021(np.array([0.0]), np.array([0.5])) < 1e-15


def test_each_draw_of_a_bootstrap_has_a_score_of_its_own() -> None:
    auc, pauc = np.array([[0.5, 1.0], [NAN, NAN]]), np.array([[0.5, 1.0], [0.5, 0.25]])
    assert official_score_2021(auc, pauc) == pytest.approx([0.5, 0.5])


def test_average_ranks() -> None:
    # First figure: ranks 1, 2, 2; second: 3, 1, 2; an undefined figure comes last.
    ranks = average_ranks([[0.9, 0.1], [0.8, 0.7], [0.8, None]])
    assert ranks == (1.5, 1.5, 2.5)


def table(scores: dict[str, float], decisions: dict[str, int] | None = None) -> ScoreTable:
    return ScoreTable(ScoreFileKey("fan", "00", None), Path("x.csv"), scores, decisions)


def name(domain: str, label: str, number: int) -> str:
    return f"section_00_{domain}_test_{label}_{number:04d}.wav"


BY_HAND = {
    name("source", "normal", 0): 1.0, name("source", "normal", 1): 3.0,
    name("target", "normal", 0): 2.0, name("target", "normal", 1): 6.0,
    name("source", "anomaly", 0): 4.0, name("target", "anomaly", 0): 5.0,
}  # fmt: skip


def rows_of(
    scores: dict[str, float], decisions: dict[str, int] | None = None
) -> tuple[LabelledScores, ...]:
    truth = truth_from_names(table(scores, decisions), load_edition("dcase2022"))
    return label_rows(table(scores, decisions), truth.labels, truth.domains)


def evaluated(rows: tuple[LabelledScores, ...], max_fpr: float = 0.1) -> Evaluation:
    return evaluate_scores(rows, max_fpr=max_fpr, rule=SHARED_ANOMALIES)


def test_a_section_of_2022_by_hand() -> None:
    decisions = {clip: int(score > 3.5) for clip, score in BY_HAND.items()}
    result = evaluated(rows_of(BY_HAND, decisions), max_fpr=1.0)
    source, target, every = result.rows
    # Source normals 1 and 3 against both anomalies 4 and 5: all four pairs right.
    assert (source.domain, source.metrics.auc, source.metrics.pauc) == ("source", 1.0, None)
    # Target normals 2 and 6: two of four pairs right.
    assert (target.domain, target.metrics.auc, target.metrics.pauc) == ("target", 0.5, None)
    # All four normals: six of eight pairs right; at max_fpr 1 the pAUC is the AUC.
    assert (every.domain, every.metrics.auc, every.metrics.pauc) == (None, None, 0.75)
    assert every.beside.auc == 0.75
    assert result.official_score == pytest.approx(3 / (1 / 1.0 + 1 / 0.5 + 1 / 0.75))
    # Decisions count on a domain's own clips: 6 is a false alarm of the target domain.
    assert (source.metrics.precision, target.metrics.precision) == (1.0, 0.5)
    assert every.metrics.precision is None
    assert (source.normal, source.anomaly, every.normal, every.anomaly) == (2, 2, 4, 2)
    assert result.mean("fan", None, "arithmetic").metrics.auc == 0.75
    assert result.mean(None, None, "harmonic").metrics.pauc == 0.75


def test_a_section_without_one_domain_is_said() -> None:
    only = {clip: score for clip, score in BY_HAND.items() if "source" in clip}
    result = evaluated(rows_of(only))
    assert [row.domain for row in result.rows] == ["source", None]
    assert any("no scores of the target domain" in str(note) for note in result.notes)


def random_scores(seed: int, shift: float = 1.0) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    return {
        name(domain, label, number): float(rng.normal(shift * (label == "anomaly")))
        for domain, count in (("source", 12), ("target", 7))
        for label in ("normal", "anomaly")
        for number in range(count)
    }


def test_rows_equal_scikit_learns_figures() -> None:
    scores = random_scores(1)
    source, target, every = evaluated(rows_of(scores)).rows

    def area(of: str, max_fpr: float | None = None) -> float:
        kept = {c: s for c, s in scores.items() if "anomaly" in c or of in c}
        return float(
            roc_auc_score(["anomaly" in c for c in kept], list(kept.values()), max_fpr=max_fpr)
        )

    assert source.metrics.auc == pytest.approx(area("source"))
    assert target.metrics.auc == pytest.approx(area("target"))
    assert every.metrics.pauc == pytest.approx(area("", 0.1))
    own = {c: s for c, s in scores.items() if "source" in c}
    assert source.beside.pauc == pytest.approx(
        float(roc_auc_score(["anomaly" in c for c in own], list(own.values()), max_fpr=0.1))
    )


def test_shared_clips_are_drawn_once_for_all_rows_of_a_section() -> None:
    # Scores are 0 or 1: the pAUC of all clips at max_fpr 1 is then the mean of both domains' AUC,
    # weighted by their normal clips, in every draw, if and only if all three saw the same clips.
    scores = {clip: float(round(score)) for clip, score in random_scores(2).items()}
    rows = rows_of(scores)
    found = resample(rows, max_fpr=1.0, draws=50, rule=SHARED_ANOMALIES).figures
    source, target, every = (found["fan", "00", domain] for domain in ("source", "target", None))
    assert every[1] == pytest.approx((12 * source[0] + 7 * target[0]) / 19)
    assert np.isnan(source[1]).all()
    assert np.isnan(every[0]).all()
    assert len(np.unique(source[0])) > 5


def test_draws_do_not_depend_on_the_order_of_rows_or_clips() -> None:
    scores = random_scores(3)
    decisions = {clip: int(score > 0.5) for clip, score in scores.items()}
    turned = dict(reversed(list(scores.items())))
    first, second = (
        resample(rows[::step], max_fpr=0.1, draws=30, rule=SHARED_ANOMALIES)
        for rows, step in ((rows_of(scores, decisions), 1), (rows_of(turned, decisions), -1))
    )
    assert first.figures.keys() == second.figures.keys()
    for key, figures in first.figures.items():
        np.testing.assert_array_equal(figures, second.figures[key])


def test_intervals_hold_the_figures_and_those_not_measured_have_none() -> None:
    scores = random_scores(4)
    rows = rows_of(scores, {clip: int(score > 0.5) for clip, score in scores.items()})
    evaluation = evaluated(rows)
    drawn = resample(rows, max_fpr=0.1, draws=200, rule=SHARED_ANOMALIES)
    found = evaluation_intervals(evaluation, drawn, confidence=0.95, seed=1)
    assert found.official_score is not None
    assert evaluation.official_score is not None
    assert found.official_score.low < evaluation.official_score < found.official_score.high
    assert found.rows["fan", "00", None]["auc"] is None
    assert found.rows["fan", "00", "target"]["precision"] is not None
    assert evaluation.official_score == pytest.approx(SHARED_ANOMALIES.score(rows, max_fpr=0.1))


def test_a_system_does_not_differ_from_itself_and_differs_from_a_better_one() -> None:
    ours, better = rows_of(random_scores(5)), rows_of(random_scores(5, shift=5.0))
    drawn = [resample(r, max_fpr=0.1, draws=200, rule=SHARED_ANOMALIES) for r in (ours, better)]
    same, other = (
        paired_differences((ours, drawn[0]), pair, max_fpr=0.1, confidence=0.95)[-1]
        for pair in ((ours, drawn[0]), (better, drawn[1]))
    )
    assert (same.value, same.p_value) == (0.0, 1.0)
    assert other.value is not None
    assert other.interval is not None
    assert other.interval.low > 0


def test_means_in_result_csv_are_by_domain() -> None:
    decisions = {clip: int(score > 3.5) for clip, score in BY_HAND.items()}
    evaluation = evaluated(rows_of(BY_HAND, decisions), max_fpr=1.0)
    lines = render_result_csv(evaluation, Mode.EVAL, "dcase2022").splitlines()
    assert lines[2] == "00,0.75,1.0,0.5,0.75,1.0,0.5,1.0,1.0,1.0,0.6666666666666666"
    assert "source harmonic mean,,1.0,0.75,1.0,1.0,1.0" in lines
    assert "target harmonic mean over all machine types, sections, and domains" in "\n".join(lines)
    dev = render_result_csv(evaluation, Mode.DEV, "dcase2022").splitlines()
    assert dev[2] == "00,1.0,0.5,0.75,1.0,0.5,1.0,1.0,1.0,0.6666666666666666"
    assert dev[3] == "arithmetic mean,1.0,0.5,0.75,1.0,0.5,1.0,1.0,1.0,0.6666666666666666"


@pytest.mark.slow
def test_intervals_of_shared_clips_hold_the_true_score_as_often_as_promised() -> None:
    """200 sets drawn of known distributions; 95 of 100 promised, and 3.5 standard errors allowed."""

    def draw(rng: np.random.Generator, clips: int) -> tuple[LabelledScores, ...]:
        shifts = {"source": 0.0, "target": 0.4}
        return rows_of({
            name(domain, label, number): float(rng.normal(shifts[domain] + (label == "anomaly")))
            for domain in shifts for label in ("normal", "anomaly") for number in range(clips)
        })  # fmt: skip

    scored = {"max_fpr": 0.1, "rule": SHARED_ANOMALIES}
    true = evaluated(draw(np.random.default_rng(0), 9_000)).official_score
    assert true is not None
    rng, sets, held = np.random.default_rng(21), 200, 0
    for number in range(sets):
        interval = official_interval(draw(rng, 50), draws=400, seed=number, **scored)  # type: ignore[arg-type]
        assert interval is not None
        held += interval.low <= true <= interval.high
    assert held / sets == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / sets))
