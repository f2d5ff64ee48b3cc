"""Benchmarks must not rot: each runs once at a tiny size; nothing of their times is asserted."""

import json
from pathlib import Path

import pytest

from asd_cli.detectors.measured import Measured, measured_scores, render_measured
from tests.benchmarks import compute, memory
from tests.benchmarks.__main__ import BENCHMARKS, run
from tests.benchmarks.comparison import Comparison
from tests.benchmarks.detectors import MEASURED, REAL, Figures, as_markdown, measured_by
from tests.benchmarks.limits import count_flops


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_runs(name: str, tmp_path: Path) -> None:
    run((name,), output=tmp_path, tiny=True)
    figures = json.loads((tmp_path / "benchmarks.json").read_text())
    assert figures["schema"] == "asd.benchmarks/1"
    assert figures[name]
    table = (tmp_path / "benchmarks.md").read_text()
    assert f"## {name}" in table
    if name == "compute":
        assert [row["step"] for row in figures[name]] == [
            "extraction", "extraction, two processes", "training", "training, two machines at once",
            "the same in bf16", "autoencoder", "autoencoder, two machines at once",
            "the same autoencoders in bf16", "autoencoder", "scoring", "scoring", "scoring",
        ]  # fmt: skip
        assert all(row["ours_s"] > 0 and row["theirs_s"] > 0 for row in figures[name])
    if name == "memory":
        assert set(figures[name]) < set(memory.GOALS)
        assert all(cost["peak_bytes"] > 10e6 for cost in figures[name].values())
    if name == "growth":
        assert figures[name][0]["extraction_peak_bytes"] > 10e6


def test_detectors_stand_in_the_order_of_their_scores() -> None:
    figures = {
        "good": {"seed 1": Figures(0.8, 1, 10**8), "seed 2": Figures(0.9, 3, 2 * 10**8)},
        "better": {"seed 1": Figures(0.9, 5, 10**8), "seed 2": Figures(0.9, 5, 10**8)},
    }
    _, _, *rows = as_markdown(figures).splitlines()
    assert rows == [
        "| `better` | 0.900 ± 0.000 | 5 | 100 |",
        "| `good` | 0.850 ± 0.071 | 2 | 200 |",
    ]


def test_measured_scores_are_written_as_they_are_read() -> None:
    known = measured_scores()
    assert render_measured(known) == MEASURED.read_text()
    sets = {"seed 1": Figures(0.8, 1, 1), "seed 2": Figures(0.9, 1, 1), REAL: Figures(0.997, 1, 1)}
    changed = measured_by({"pooled-speed,texture": sets})
    assert changed.keys() == known.keys()
    assert changed["pooled-speed+texture"] == Measured(
        synthetic_mean=85.0, synthetic_sd=7.1, real_fans=99.7
    )
    assert changed["texture"] == known["texture"]


def test_ratios_are_of_the_alternative_to_ours() -> None:
    row = Comparison("step", "clip", "other", 0.002, 0.005, 0.5, 0.25, 4.0)
    assert row.ratio == 2.5
    assert "| step | 2 ms a clip | other, 5 ms | 2.50 | 4.0 | 50% | 25% |" in compute.as_markdown(
        [row]
    )


def test_the_networks_work_is_counted() -> None:
    from asd_cli.detectors.mobilenetv2.network import MobileNetV2

    model = MobileNetV2(3)
    # Twice the size, about four times the work; a window of the baseline takes about 33 Mflop.
    assert count_flops(model, (128, 256)) == pytest.approx(
        4 * count_flops(model, (64, 128)), rel=0.01
    )
    assert 25e6 < count_flops(model, (64, 128)) < 50e6
