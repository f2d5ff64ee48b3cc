"""Numbers that others published or computed, each with where it is from."""

import csv
from pathlib import Path

import numpy as np
import pytest

from asd_cli.artifacts.score_files import find_score_files, read_score_table
from asd_cli.core.types import Mode
from asd_cli.evaluation.evaluation import evaluate_tables
from asd_cli.evaluation.labels import labels_from_files, labels_from_names
from asd_cli.evaluation.means import arithmetic_mean, harmonic_mean
from asd_cli.evaluation.result_csv import render_result_csv

# README of the DCASE 2021 Task 2 MobileNetV2 baseline, section 7 "Check results".
FAN = {
    "AUC": ([0.4749, 0.8041, 0.7661, 0.5651, 0.75, 0.6067], 0.66115, 0.63790168),
    "pAUC": ([0.525263158, 0.796842105, 0.771578947, 0.576315789, 0.62, 0.6],
             0.648333333, 0.633610854),
    "precision": ([0.75, 1, 0.964285714, 1, 0.840909091, 1], 0.925865801, 0.914695559),
    "recall": ([0.03, 0.18, 0.54, 0.1, 0.37, 0.08], 0.216666667, 0.090987059),
    "F1": ([0.057692308, 0.305084746, 0.692307692, 0.181818182, 0.513888889, 0.148148148],
           0.316489994, 0.165510386),
}  # fmt: skip
VALVE = {
    "AUC": ([0.615, 0.5735, 0.5833, 0.5391, 0.7371, 0.5277], 0.59595, 0.588771731),
    "pAUC": ([0.556842105, 0.501052632, 0.516842105, 0.515789474, 0.617894737, 0.507894737],
             0.536052632, 0.533212354),
    "precision": ([1, 1, 0, 0, 0.607407407, 0], 0.434567901, 4.44e-16),
    "recall": ([0.01, 0.01, 0, 0, 0.82, 0], 0.14, 4.44e-16),
    "F1": ([0.01980198, 0.01980198, 0, 0, 0.69787234, 0], 0.122912717, 4.44e-16),
}  # fmt: skip


@pytest.mark.parametrize("figure", FAN)
@pytest.mark.parametrize("machine", ["fan", "valve"])
def test_means_of_the_baselines_readme(machine: str, figure: str) -> None:
    values, arithmetic, harmonic = (FAN if machine == "fan" else VALVE)[figure]
    assert arithmetic_mean(values) == pytest.approx(arithmetic, rel=1e-8)
    # Three figures are printed of 4.44E-16; the zeros' floor makes it 6 / (3 / 2.22e-16).
    assert harmonic_mean(values) == pytest.approx(harmonic, rel=2e-8 if harmonic > 0.01 else 2e-3)


def result_rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def assert_same_table(ours: str, theirs: str) -> None:
    assert len(result_rows(ours)) == len(result_rows(theirs))
    for row, expected in zip(result_rows(ours), result_rows(theirs), strict=True):
        assert len(row) == len(expected)
        for cell, number in zip(row, expected, strict=True):
            if cell != number:
                assert float(cell) == pytest.approx(float(number), rel=1e-9, abs=1e-24)


def evaluate(folder: Path, ground_truth: Path | None = None, machines: tuple[str, ...] = ()) -> str:
    tables = [
        read_score_table(key, path)
        for key, path in find_score_files(folder).items()
        if not machines or key.machine in machines
    ]
    labelled = [
        (table, labels_from_files(table, ground_truth) if ground_truth else labels_from_names(table))
        for table in tables
    ]  # fmt: skip
    mode = Mode.EVAL if ground_truth else Mode.DEV
    return render_result_csv(evaluate_tables(labelled, max_fpr=0.1), mode)


@pytest.mark.parametrize("peer", ["linear_result_lof", "result_backup_result"])
def test_peers_result_files_are_reproduced(shared: Path, peer: str) -> None:
    folder = shared / "peers" / peer
    assert_same_table(evaluate(folder), (folder / "result.csv").read_text())


def test_the_official_evaluators_output_is_reproduced(shared: Path) -> None:
    folder = shared / "peers" / "eval_2021_example"
    ours = evaluate(folder, shared / "ground_truth_2021")
    assert_same_table(ours, (folder / "expected_result.csv").read_text())


@pytest.mark.parametrize("machines", [("fan",), ("ToyCar", "fan", "valve")])
def test_means_of_a_part_are_by_domain(shared: Path, machines: tuple[str, ...]) -> None:
    folder = shared / "peers" / "eval_2021_example"
    rows = result_rows(evaluate(folder, shared / "ground_truth_2021", machines))
    for domain in ("source", "target"):
        of_domain = [float(row[2]) for row in rows if len(row) > 2 and row[1] == domain]
        assert len(of_domain) == 3 * len(machines)
        (mean,) = (
            float(row[2])
            for row in rows
            if row and row[0].startswith(f"{domain} harmonic mean over all")
        )
        assert mean == pytest.approx(len(of_domain) / np.sum(1 / np.array(of_domain)))
