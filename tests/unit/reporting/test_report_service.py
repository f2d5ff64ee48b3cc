"""Reports of real (small) runs: whole, half-finished, mixed, another system's."""

import html
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import asd_cli as asd
from asd_cli.artifacts.manifest import read_manifest
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.types import Mode
from asd_cli.execution.executor import SerialExecutor
from asd_cli.services.report import ReportRequest, report
from asd_cli.synthetic.generate import generate
from tests.support.report_runs import PLAN, invent_window_scores, settings_in


def result_folder(request: ReportRequest) -> Path:
    return request.settings.result_directory / "dev" / "pooled-knn"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_whole_run_gives_a_whole_page(run_copy: ReportRequest) -> None:
    result = report(run_copy)
    assert result.complete, result.problems
    assert result.path == result_folder(run_copy) / "report.html"
    text = result.path.read_text(encoding="utf-8")
    assert "Synthetic recordings" in text
    assert text.count("<audio") > 6
    assert "data:audio/mpeg" in text
    assert "nearest normal clip" in text


def test_the_same_run_gives_the_same_bytes(run_copy: ReportRequest) -> None:
    first = report(run_copy)
    assert first.path is not None
    before = first.path.read_bytes()
    report(run_copy)
    assert first.path.read_bytes() == before


def test_a_recording_that_cannot_be_read_costs_its_own_picture_alone(
    run_copy: ReportRequest,
) -> None:
    before = report(run_copy).path
    assert before is not None
    pictures = before.read_text(encoding="utf-8").count("<template>")
    name = "section_00_source_test_normal_0000.wav"
    (broken,) = run_copy.settings.dev_directory.glob(f"fan/source_test/{name}")
    broken.unlink()
    broken.write_bytes(b"RIFF")
    after = report(run_copy).path
    assert after is not None
    text = after.read_text(encoding="utf-8")
    assert text.count("<template>") == pictures - 1
    assert "recordings cannot be read" in " ".join(text.split())


def test_without_audio_there_is_none(run_copy: ReportRequest) -> None:
    path = report(replace(run_copy, audio=False)).path
    assert path is not None
    assert "<audio" not in path.read_text(encoding="utf-8")


def test_window_scores_are_drawn(run_copy: ReportRequest) -> None:
    names = [path.name for path in run_copy.settings.dev_directory.glob("fan/*_test/*.wav")]
    invent_window_scores(result_folder(run_copy), "fan", names)
    path = report(run_copy).path
    assert path is not None
    assert "score over time below" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("gone", ["cache", "dev_data", "model"])
def test_what_is_gone_is_not_needed(gone: str, run_copy: ReportRequest) -> None:
    root = run_copy.settings.result_directory.parent
    shutil.rmtree(root / gone)
    result = report(run_copy)
    assert result.path is not None
    text = result.path.read_text(encoding="utf-8")
    assert ("The recording is not available" in text) == (gone == "dev_data")
    assert ("data:image/png" in text) == (gone != "dev_data")


def test_damaged_window_scores_are_left_out(run_copy: ReportRequest) -> None:
    (result_folder(run_copy) / "window_scores_fan.safetensors").write_bytes(b"{}")
    path = report(run_copy).path
    assert path is not None
    assert "score over time below" not in path.read_text(encoding="utf-8")


def test_a_machine_without_scores_is_a_problem(run_copy: ReportRequest) -> None:
    for path in result_folder(run_copy).glob("*_valve_*.csv"):
        path.unlink()
    result = report(run_copy)
    assert not result.complete
    assert any("valve" in problem for problem in result.problems)
    assert result.path is not None
    assert "This run is incomplete" in result.path.read_text(encoding="utf-8")
    assert report(replace(run_copy, machines=("fan",))).complete, "nobody asked for the valve"


def test_scores_of_another_run_are_a_problem(run_copy: ReportRequest) -> None:
    path = next(iter(sorted(result_folder(run_copy).glob("anomaly_score_fan*.csv"))))
    path.write_text(path.read_text(encoding="utf-8").replace(",", ",1"), encoding="utf-8")
    assert any("was changed after" in problem for problem in report(run_copy).problems)


def test_a_missing_manifest_is_a_problem(run_copy: ReportRequest) -> None:
    (result_folder(run_copy) / "manifest.json").unlink()
    assert any("no manifest" in problem for problem in report(run_copy).problems)


def test_a_newer_model_is_a_problem(run_copy: ReportRequest) -> None:
    path = result_folder(run_copy) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["machines"]["fan"]["inputs"]["model"] = "0" * 64
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert any("trained again after scoring" in problem for problem in report(run_copy).problems)


def test_markdown_writes_no_page(run_copy: ReportRequest) -> None:
    result = report(replace(run_copy, format="md"))
    assert result.path is None
    assert result.text is not None
    assert "**Official score" in result.text
    assert not (result_folder(run_copy) / "report.html").exists()


def test_folders_are_compared_and_left_alone(run_copy: ReportRequest, tmp_path: Path) -> None:
    other = tmp_path / "<b>other"
    shutil.copytree(result_folder(run_copy), other)
    (other / "manifest.json").unlink()
    before = snapshot(other)
    result = report(replace(run_copy, folders=(result_folder(run_copy), other)))
    assert result.path == run_copy.settings.result_directory / "dev" / "comparison.html"
    text = result.path.read_text(encoding="utf-8")
    assert "&lt;b&gt;other" in text
    assert "no difference at 95%" in text
    assert snapshot(other) == before


def test_every_chart_is_written_for_papers(run_copy: ReportRequest, tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        report(replace(run_copy, figures=folder, format="md"))
    names = {path.name for path in folders[0].iterdir()}
    assert {"roc_fan.png", "roc_fan.svg", "roc_fan.csv", "domains_valve.svg"} <= names
    assert "scores_fan_00_source.csv" in names
    assert snapshot(folders[0]) == snapshot(folders[1]), "same inputs, same bytes"


def test_unknown_machines_and_folders_are_refused(run_copy: ReportRequest, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scores of 'pump'"):
        report(replace(run_copy, machines=("pump",)))
    with pytest.raises(DataError, match="there is no folder"):
        report(ReportRequest(settings=settings_in(tmp_path / "nowhere")))


def test_evaluation_clips_are_judged_by_the_official_labels(tmp_path: Path) -> None:
    plan = replace(PLAN, machines=("fan",), sections=1)
    settings = settings_in(tmp_path)
    generate(tmp_path / "eval_data", plan, mode=Mode.EVAL, executor=SerialExecutor())
    run = asd.RunRequest(settings=settings, mode=Mode.EVAL, jobs=1)
    asd.train(run)
    asd.score(run)
    request = ReportRequest(settings=settings, mode=Mode.EVAL)
    result = report(request)
    assert result.complete, result.problems
    assert result.path == settings.result_directory / "eval" / "pooled-knn" / "report.html"
    text = result.path.read_text(encoding="utf-8")
    assert "evaluation set" in text
    assert "section_03_source_test_000" in text
    with pytest.raises(DataError, match="no folder of labels"):
        report(replace(request, ground_truth=tmp_path / "none"))


def test_attribute_files_are_read(run_copy: ReportRequest) -> None:
    folder = run_copy.settings.dev_directory / "fan"
    names = sorted(path.name for path in folder.glob("*_test/*.wav"))
    rows = [f"fan/test/{name},speed,{'fast' if i % 2 else 'slow'}" for i, name in enumerate(names)]
    (folder / "attributes_00.csv").write_text(
        "\n".join(["file_name,d1p,d1v", *rows]) + "\n", encoding="utf-8"
    )
    path = report(run_copy).path
    assert path is not None
    assert "fan by speed" in path.read_text(encoding="utf-8")


def test_thresholds_of_sections_and_domains_reach_the_page(run_copy: ReportRequest) -> None:
    # With so few clips an interval gives all sections one threshold.
    root = run_copy.settings.result_directory.parent
    run_copy = replace(run_copy, settings=settings_in(root, "threshold=quantile"))
    asd.score(asd.RunRequest(settings=run_copy.settings, jobs=1))
    path = result_folder(run_copy) / "manifest.json"
    threshold = read_manifest(path).machines["fan"].threshold  # type: ignore[union-attr]
    rows = [(section, domain) for section in ("00", "01") for domain in ("source", "target")]
    decided = {threshold.of(*row) for row in rows}
    assert len(decided) > 1, "the default asks for thresholds of domains"
    text = html.unescape(report(run_copy).path.read_text(encoding="utf-8"))  # type: ignore[union-attr]
    for section, domain in rows:
        shown = f"section {section}, {domain} <b>{threshold.of(section, domain):.4g}</b>"
        assert shown in text
        chart = f"fan, section {section}, {domain}"
        (told,) = set(
            re.findall(rf"Anomaly scores of {chart}: [^<\"]*; threshold ([^<\"]*)\.[<\"]", text)
        )
        assert told == f"{threshold.of(section, domain):.4g}"
