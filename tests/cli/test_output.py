"""What is printed where: data to stdout, the rest to stderr, nothing but text into a pipe."""

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import asd, finish
from tests.support.recordings import write_machine

KNN = ("--detector", "pooled-knn")


@pytest.fixture
def scored(project: Path) -> Path:
    assert asd("train", *KNN).exit_code == 0
    assert asd("score", *KNN).exit_code == 0
    return project


def test_no_command_prints_an_escape_byte_into_a_pipe(project: Path) -> None:
    for command in (
        ("--help",), ("extract",), ("train", *KNN), ("score", *KNN), ("evaluate", *KNN),
        ("evaluate", *KNN, "--format", "md"), ("report", *KNN), ("run", *KNN), ("doctor",),
        ("config", "show", "--origin"), ("train", "--detector", "none"), ("fetch", "--stage", "demo"),
    ):  # fmt: skip
        _, out, err = finish(*command, folder=project)
        assert "\x1b" not in out + err, command
        assert "\r" not in out + err, command


def test_the_table_shows_sections_and_means(scored: Path) -> None:
    result = asd("evaluate", *KNN)
    for words in ("fan", "section", "AUC", "pAUC", "arithmetic mean", "harmonic mean",
                  "source harmonic mean", "official score", "edition:dcase2021|mode:dev"):  # fmt: skip
        assert words in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100 + len("signature") + 60
    assert "written: " in result.stderr


def test_json_is_one_document_with_the_promised_keys(scored: Path) -> None:
    result = asd("evaluate", *KNN, "--format", "json")
    content = json.loads(result.stdout)
    assert content["schema"] == "asd.evaluate/1"
    (system,) = content["systems"]
    assert {
        "name",
        "edition",
        "mode",
        "detector",
        "signature",
        "official_score",
        "rows",
        "means",
    } <= (system.keys())
    assert system["rows"][0].keys() == {
        "machine", "section", "domain", "normal", "anomaly", "auc", "pauc", "precision", "recall",
        "f1",
    }  # fmt: skip
    assert len(system["rows"]) == 4
    assert {(m["machine"], m["domain"], m["kind"]) for m in system["means"]} == {
        (machine, domain, kind)
        for machine in ("fan", None)
        for domain in ("source", "target", None)
        for kind in ("arithmetic", "harmonic")
    }


def test_json_can_be_piped(scored: Path) -> None:
    command = f"{sys.executable} -m asd_cli evaluate --detector pooled-knn --format json | python3 -m json.tool"
    done = subprocess.run(
        command, shell=True, cwd=scored, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert '"schema": "asd.evaluate/1"' in done.stdout


def test_undefined_is_null(scored: Path) -> None:
    path = next(scored.glob("result/**/anomaly_score_fan_section_00_source*"))
    path.write_text("section_00_source_test_normal_0000.wav,1\n")
    next(scored.glob("result/**/decision_result_fan_section_00_source*")).unlink()
    assert asd("evaluate", *KNN).exit_code == 3  # not what was scored
    result = asd("evaluate", "result/dev/pooled-knn", "--format", "json")
    row = json.loads(result.stdout)["systems"][0]["rows"][0]
    assert (row["auc"], row["pauc"], row["f1"]) == (None, None, None)
    assert "NaN" not in result.stdout


def test_csv_markdown_and_quiet(scored: Path) -> None:
    rows = list(csv.DictReader(asd("evaluate", *KNN, "--format", "csv").stdout.splitlines()))
    assert [row["kind"] for row in rows].count("section") == 4
    assert rows[-1]["kind"] == "official score"
    markdown = asd("evaluate", *KNN, "--format", "md").stdout
    assert markdown.startswith("**pooled-knn**: official score ")
    assert "| fan | 00 | source |" in markdown
    quiet = asd("evaluate", *KNN, "-q")
    assert all(line.startswith("warning: ") for line in quiet.stderr.splitlines())
    assert 0.0 <= float(quiet.stdout) <= 1.0


def test_other_systems_folders_are_only_read(scored: Path) -> None:
    folder = scored / "result" / "dev" / "pooled-knn"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    folder.chmod(0o500)
    result = asd("evaluate", str(folder), str(folder))
    folder.chmod(0o700)
    assert result.exit_code == 0
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_hostile_names_are_inert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("<script>alert(1)<", "=cmd", "[red]", "a\x1b[31mb")
    for name in names:
        write_machine(tmp_path / "dev_data", name, train=2, test=2)
    assert asd("train", *KNN).exit_code == 0
    assert asd("score", *KNN).exit_code == 0
    text = asd("evaluate", *KNN)
    assert text.exit_code == 0
    assert "[red]" in text.stdout
    assert "\x1b" not in text.stdout + text.stderr
    assert "a\\x1b[31mb" in text.stdout
    rows = list(csv.DictReader(asd("evaluate", *KNN, "--format", "csv").stdout.splitlines()))
    assert {"'=cmd", "[red]", r"a\x1b[31mb"} <= {row["machine"] for row in rows}
    assert "<script>" not in asd("evaluate", *KNN, "--format", "md").stdout


def test_a_reader_that_leaves_early_is_no_failure(scored: Path) -> None:
    command = (
        f"{sys.executable} -m asd_cli evaluate --detector pooled-knn --format json | head -n 1"
    )
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=scored,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert done.stdout == "{\n"


def test_a_closed_stdout_is_no_traceback(scored: Path) -> None:
    command = f"{sys.executable} -m asd_cli evaluate --detector pooled-knn >&-"
    done = subprocess.run(
        ["bash", "-c", command], cwd=scored, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("quiet_terminal", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminals_that_want_no_colour_get_none(
    scored: Path, quiet_terminal: dict[str, str]
) -> None:
    assert "\x1b[1" in on_a_terminal(scored, {"TERM": "xterm-256color"})
    output = on_a_terminal(scored, {"TERM": "xterm-256color", **quiet_terminal})
    assert "\x1b[3" not in output.replace("\x1b[3m", "")  # no colour; NO_COLOR allows italics


def on_a_terminal(folder: Path, environment: dict[str, str]) -> str:
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "asd_cli", "evaluate", *KNN], cwd=folder, stdout=child,
        stderr=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "100", **environment},
    )  # fmt: skip
    os.close(child)
    chunks = []
    try:
        while chunk := os.read(parent, 4096):
            chunks.append(chunk)
    except OSError:
        pass  # Linux ends a pty so
    process.wait()
    os.close(parent)
    return b"".join(chunks).decode()


def test_a_second_run_says_up_to_date_and_changes_nothing(scored: Path) -> None:
    def times() -> dict[str, int]:
        kept = [p for p in scored.glob("**/*") if p.is_file() and p.suffix != ".lock"]
        return {str(path): path.stat().st_mtime_ns for path in kept}

    before = times()
    for command in (("extract",), ("train", *KNN), ("score", *KNN)):
        result = asd(*command)
        assert result.exit_code == 0
        assert "up to date, nothing to do" in result.stderr
    assert times() == before


def test_a_new_threshold_needs_no_new_training(scored: Path) -> None:
    result = asd("train", *KNN, "--set", "decision_threshold=0.5", "--set", "threshold=quantile")
    assert "threshold fitted" in result.stderr
    assert "up to date" in asd("train", *KNN, "--set", "decision_threshold=0.5",
                          "--set", "threshold=quantile").stderr  # fmt: skip


def test_config_commands(project: Path) -> None:
    assert asd("config", "init").exit_code == 0
    assert asd("config", "init").exit_code == 2
    assert asd("config", "validate").stdout == "baseline.yaml: valid\n"
    assert "fit.epochs: 20" in asd("config", "show", "--origin").stdout
    content = json.loads(asd("config", "show", "--format", "json", "--set", "seed=5").stdout)
    assert content["settings"]["seed"] == 5
    assert content["origins"]["seed"] == "--set seed"
    (project / "baseline.yaml").write_text("sede: 1\n")
    assert asd("config", "validate").exit_code == 2


def test_doctor(project: Path) -> None:
    assert asd("doctor").stdout.splitlines()[0] in {"all is well", "1 thing to look at"}
    assert "  writable       yes\n" in asd("doctor", "-v").stdout
    assert "reads WAV, FLAC, OGG, MP3" in asd("doctor").stdout
    content = json.loads(asd("doctor", "--format", "json").stdout)
    assert content["schema"] == "asd.doctor/1"
    assert content["dev"]["machines"] == ["fan"]
    assert all(finding["ok"] or finding["advice"] for finding in content["findings"])
    assert content["versions"]["torch"]
