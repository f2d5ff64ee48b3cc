"""Ticks, paths, and charts as data."""

import pytest

from asd_cli.core.text import inert_cell
from asd_cli.reporting.chart import Axis, Chart, Series, nice_ticks, slug, tick_text
from asd_cli.reporting.charts import (
    domain_chart,
    histogram_chart,
    loss_chart,
    roc_chart,
    score_limits,
)
from asd_cli.reporting.content import Threshold, infer_threshold
from asd_cli.reporting.drawing import draw, polyline
from tests.unit.reporting.builders import make_system, random_parts


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (-3.0, 7.0, (-2.0, 0.0, 2.0, 4.0, 6.0)),
        (0.5, 2.5, (0.5, 1.0, 1.5, 2.0, 2.5)),
        (2.0, 2.0, (2.0,)),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)


def test_whole_ticks_are_integers() -> None:
    assert nice_ticks(0.5, 2.5, whole=True) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("value", "text"), [(0.2, "0.2"), (12000.0, "12k"), (-5.0, "-5"), (1e-7, "1e-07")]
)
def test_tick_texts_are_short(value: float, text: str) -> None:
    assert tick_text(value) == text


def test_a_path_leaves_out_points_on_a_straight_line() -> None:
    assert polyline([(0, 0), (0, 5), (0, 9), (4, 9)]) == "M0 0L0 9L4 9"
    assert polyline([(0, 0), (0, 9), (0, 5)]) == "M0 0L0 9L0 5", "a path that turns back is kept"


def test_slugs_are_safe() -> None:
    assert slug("../<script>") == "----script-"
    assert slug("") == "x"
    assert "=" not in slug("=cmd")


@pytest.mark.parametrize("text", ["=cmd", "+1", "-1", "@x"])
def test_csv_cells_are_inert(text: str) -> None:
    chart = Chart(
        name="x",
        title="",
        description="",
        x=Axis("", 0, 1),
        y=Axis("", 0, 1),
        series=(Series(label=text, kind="line", x=[0.5], y=[1.0], tone="a"),),
    )
    assert inert_cell(text) == f"'{text}"
    assert chart.csv() == f"series,x,y\n'{text},0.5,1\n"


def test_the_roc_chart_has_a_curve_for_each_part_with_its_auc() -> None:
    parts = {
        ("fan", "00", "source"): ([0.0, 1.0], [2.0, 3.0]),
        ("fan", "00", "target"): ([5.0], [1.0]),
    }
    system = make_system(parts)
    chart = roc_chart("fan", system.scores, system.evaluation.rows, max_fpr=0.1)
    assert chart is not None
    assert [series.label for series in chart.series] == ["00 source · 1.000", "00 target · 0.000"]
    assert [series.dashed for series in chart.series] == [False, True]
    assert chart.band == (0.0, 0.1, "pAUC")


def test_no_roc_chart_where_one_class_is_missing() -> None:
    system = make_system({("fan", "00", "source"): ([0.0, 1.0], [])})
    assert roc_chart("fan", system.scores, system.evaluation.rows, max_fpr=0.1) is None


def test_histograms_count_every_clip() -> None:
    system = make_system(random_parts())
    part = system.scores[0]
    chart = histogram_chart(part, Threshold(value=0.5, label=""), (-1.0, 1.0))
    assert [sum(series.y) for series in chart.series] == [len(part.normal), len(part.anomaly)]
    assert chart.rule == (0.5, "threshold")
    assert histogram_chart(part, Threshold(value=9.0, label=""), (-1.0, 1.0)).rule is None


def test_constant_scores_can_be_drawn() -> None:
    system = make_system({("fan", "00", "source"): ([1.0, 1.0], [1.0])})
    low, high = score_limits(system.scores, None)
    assert low < 1.0 < high
    drawing = draw(histogram_chart(system.scores[0], None, (low, high)))
    assert all(mark.points for mark in drawing.marks)


def test_the_loss_chart_leaves_out_what_is_missing() -> None:
    assert loss_chart("fan", []) is None
    chart = loss_chart("fan", [{"epoch": 1.0, "loss": 2.0}, {"epoch": 2.0, "loss": 1.0}])
    assert chart is not None
    assert [series.label for series in chart.series] == ["training"]
    single = loss_chart("fan", [{"epoch": 1.0, "loss": 2.0, "val_loss": 2.0}])
    assert single is not None
    assert {series.kind for series in single.series} == {"points"}


def test_the_domain_chart_needs_two_domains() -> None:
    both = make_system(random_parts()).evaluation.rows
    chart = domain_chart("fan", both)
    assert chart is not None
    assert chart.x.tick_texts == ("source", "target")
    assert domain_chart("fan", [row for row in both if row.domain == "source"]) is None


def test_a_threshold_is_inferred_only_where_one_can_be() -> None:
    parts = {("fan", "00", "source"): ([0.0, 1.0], [2.0, 3.0])}
    inferred = infer_threshold(make_system(parts, limit=1.5).scores)
    assert inferred is not None
    assert inferred.value == pytest.approx(1.5)
    assert infer_threshold(make_system(parts).scores) is None
    assert infer_threshold(make_system(parts, limit=9.0).scores) is None
