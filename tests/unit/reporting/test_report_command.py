"""`asd report`: output, exit status, streams."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from asd_cli.cli.commands.report import report
from asd_cli.services.report import ReportRequest

HEAVY = {"torch", "librosa", "sklearn", "pandas", "matplotlib", "jinja2", "scipy"}


def invoke(request: ReportRequest | None, *arguments: str) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(report)
    settings = []
    if request is not None:
        for key in ("dev", "cache", "model", "result"):
            name = f"{key}_directory"
            settings += ["--set", f"{name}={getattr(request.settings, name)}"]
        settings += ["--detector", "pooled-knn"]
    return CliRunner().invoke(app, [*settings, *arguments])


def test_the_page_is_written_and_named_on_stderr(run_copy: ReportRequest) -> None:
    result = invoke(run_copy)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "report.html" in result.stderr.replace("\n", "")
    assert "\x1b" not in result.output


def test_markdown_goes_to_stdout(run_copy: ReportRequest) -> None:
    result = invoke(run_copy, "--format", "md")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("## pooled-knn")


def test_origins_are_told(run_copy: ReportRequest) -> None:
    changed = ("--set", "backend.distance=whitened", "--set", "threshold_groups=machine")
    result = invoke(run_copy, "--no-audio", "-q", *changed)
    assert result.exit_code == 4, "the scores are of other settings"
    assert "threshold_groups" in result.stderr
    path = run_copy.settings.result_directory / "dev" / "pooled-knn" / "report.html"
    text = path.read_text(encoding="utf-8")
    assert "<td>--set backend.distance</td>" in text
    assert "<td>preset pooled-knn</td>" in text, "the threshold"
    assert "<td>recorded with the model</td>" in text, "the groups were others then"


def test_a_half_finished_run_exits_4(run_copy: ReportRequest) -> None:
    folder = run_copy.settings.result_directory / "dev" / "pooled-knn"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name in manifest["machines"]["valve"]["files"]:
        (folder / name).unlink()
    result = invoke(run_copy, "--no-audio")
    assert result.exit_code == 4
    assert "incomplete" in result.stderr
    assert "valve" in result.stderr
    assert (folder / "report.html").is_file()


def test_no_results_exit_3(run_copy: ReportRequest, tmp_path: Path) -> None:
    assert invoke(run_copy, "--set", f"result_directory={tmp_path / 'none'}").exit_code == 3


def test_an_unknown_machine_exits_2(run_copy: ReportRequest) -> None:
    assert invoke(run_copy, "--machine", "pump").exit_code == 2


def test_open_calls_the_browser(run_copy: ReportRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(typer, "launch", opened.append)
    assert invoke(run_copy, "--no-audio", "--open").exit_code == 0
    assert [Path(address).name for address in opened] == ["report.html"]


def test_the_command_loads_nothing_heavy() -> None:
    code = "import sys, asd_cli.cli.commands.report; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.splitlines())
