from pathlib import Path

import numpy as np
import pytest

from asd_cli.artifacts.score_files import ScoreFileKey, ScoreTable
from asd_cli.core.errors import DataError
from asd_cli.core.types import Mode
from asd_cli.evaluation.evaluation import evaluate_tables
from asd_cli.evaluation.labels import labels_from_files, labels_from_names
from asd_cli.evaluation.result_csv import render_result_csv


def table(
    machine: str = "fan", section: str = "00", domain: str = "source", *, normal: int = 10,
    anomaly: int = 10, seed: int = 0, constant: bool = False, decisions: bool = True,
) -> ScoreTable:  # fmt: skip
    generator = np.random.default_rng(seed)
    names = [
        f"section_{section}_{domain}_test_{label}_{number:04d}.wav"
        for label, count in (("normal", normal), ("anomaly", anomaly))
        for number in range(count)
    ]
    scores = {n: 0.0 if constant else float(generator.normal("anomaly" in n)) for n in names}
    decided = {name: int(score > 0.5) for name, score in scores.items()} if decisions else None
    key = ScoreFileKey(machine, section, domain)
    return ScoreTable(key, Path(key.file_name("anomaly_score")), scores, decided)


def evaluate(*tables: ScoreTable):  # type: ignore[no-untyped-def]
    return evaluate_tables([(t, labels_from_names(t)) for t in tables], max_fpr=0.1)


def test_rows_are_joined_by_name_and_not_by_position() -> None:
    first = table()
    shuffled = ScoreTable(
        first.key, first.path, dict(reversed(list(first.scores.items()))), first.decisions
    )
    assert evaluate(first).rows == evaluate(shuffled).rows


def test_rows_come_by_machine_then_domain_then_section() -> None:
    result = evaluate(
        table("pump", "00", "target"), table("ToyCar", "01"), table("ToyCar", "00", "target"),
        table("ToyCar", "00"),
    )  # fmt: skip
    assert [(r.machine, r.domain, r.section) for r in result.rows] == [
        ("ToyCar", "source", "00"), ("ToyCar", "source", "01"), ("ToyCar", "target", "00"),
        ("pump", "target", "00"),
    ]  # fmt: skip
    assert result.machines == ("ToyCar", "pump")


def test_a_section_with_one_class_is_undefined_and_left_out_of_the_means() -> None:
    result = evaluate(table(), table(section="01", anomaly=0))
    undefined = result.rows[1]
    assert (undefined.metrics.auc, undefined.metrics.pauc) == (None, None)
    assert result.mean("fan", None, "arithmetic").metrics.auc == result.rows[0].metrics.auc
    assert any("no anomalous clips" in str(note) for note in result.notes)
    assert ",source,,," in render_result_csv(result, Mode.DEV)


def test_constant_scores_are_chance_with_a_note() -> None:
    result = evaluate(table(constant=True))
    assert result.rows[0].metrics.auc == 0.5
    assert any("all 20 scores are equal" in str(note) for note in result.notes)


def test_too_few_normal_clips_for_the_partial_auc_are_said() -> None:
    assert any("too few to reach" in str(note) for note in evaluate(table(normal=4)).notes)


def test_without_decisions_precision_is_undefined() -> None:
    result = evaluate(table(decisions=False))
    assert result.rows[0].metrics.precision is None
    assert result.rows[0].confusion is None


def test_zeros_in_a_harmonic_mean_are_counted() -> None:
    silent = table(section="01")
    silent = ScoreTable(silent.key, silent.path, silent.scores, dict.fromkeys(silent.scores, 0))
    mean = evaluate(table(), silent).mean("fan", None, "harmonic")
    assert mean.zeros["recall"] == (1, 2)
    assert mean.metrics.recall == pytest.approx(2 * 2.22e-16, rel=0.01)


def test_a_missing_domain_is_said() -> None:
    assert any("no scores of the target domain" in str(note) for note in evaluate(table()).notes)


def test_names_that_are_no_labelled_clips_of_the_section_are_errors() -> None:
    def named(*names: str) -> ScoreTable:
        key = ScoreFileKey("fan", "00", "source")
        return ScoreTable(key, Path("s.csv"), dict.fromkeys(names, 0.0), None)

    good = "section_00_source_test_normal_0000.wav"
    with pytest.raises(DataError, match=r"s.csv:2: 'x.wav' is not a clip name"):
        labels_from_names(named(good, "x.wav"))
    with pytest.raises(DataError, match=r"s.csv:2: .* not of section 00, source"):
        labels_from_names(named(good, "section_01_source_test_normal_0000.wav"))
    with pytest.raises(DataError, match="has no label") as caught:
        labels_from_names(named("section_00_source_test_0000.wav"))
    assert "--mode eval" in str(caught.value.hint)


def test_labels_from_files_must_be_of_the_same_clips(tmp_path: Path) -> None:
    key = ScoreFileKey("fan", "03", "source")
    path = tmp_path / key.file_name("ground_truth")
    scores = ScoreTable(key, Path("s.csv"), {"a_0.wav": 1.0, "a_1.wav": 2.0}, None)
    with pytest.raises(DataError, match="there are no labels") as caught:
        labels_from_files(scores, tmp_path)
    assert "--ground-truth" in str(caught.value.hint)
    path.write_bytes(b"a_0.wav,0\r\na_1.wav,1\r\n")
    assert labels_from_files(scores, tmp_path) == {"a_0.wav": 0, "a_1.wav": 1}
    path.write_bytes(b"a_0.wav,0\n")
    with pytest.raises(DataError, match=r"s.csv:2: a_1.wav is not among the labels"):
        labels_from_files(scores, tmp_path)
    path.write_bytes(b"a_0.wav,0\na_1.wav,1\na_2.wav,1\n")
    with pytest.raises(DataError, match="1 of 3 clips have no score, the first of them a_2.wav"):
        labels_from_files(scores, tmp_path)
    path.write_bytes(b"a_0.wav,0\na_1.wav,2\n")
    with pytest.raises(DataError, match=r"csv:2: '2' .* neither 0 nor 1"):
        labels_from_files(scores, tmp_path)
