"""Every command of the README, in its order, in one folder."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from asd_cli.cli.exit_codes import ExitCode, StatusCode
from asd_cli.cli.main import app
from asd_cli.detectors.measured import measured_scores
from asd_cli.detectors.overview import all_choices
from tests.support.command import asd
from tests.support.fan import fan, write
from tests.support.recordings import write_machine
from tests.support.zenodo_server import ZenodoServer

TOP = Path(__file__).resolve().parents[2]
TOPICS = ("own-machines", "alarms", "export", "challenge", "cluster", "editions", "detectors", "settings", "files", "exit-codes",
          "python", "reference-parity", "glossary")  # fmt: skip
PLACE = TOP / "asd_cli" / "cli" / "topics"
FIRST = (TOP / "README.md").read_text()
# What a reader may come across: the README and every topic of `asd help`.
README = "\n".join([FIRST, *((PLACE / f"{name}.md").read_text() for name in TOPICS)])
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = list(
    dict.fromkeys(
        command.strip()
        for block in SHELL
        for line in block.splitlines()
        for command in line.split("#")[0].split("&&")
        if command.strip()
    )
)


def test_the_readme_is_short_and_every_topic_is_read() -> None:
    assert len(FIRST.splitlines()) <= 180
    assert len(FIRST.split()) <= 1300
    assert {path.stem for path in PLACE.glob("*.md")} == set(TOPICS)
    named = set(re.findall(r"`asd help ([a-z-]+)`", README)) - {"lists"}
    assert named <= {*TOPICS, *(name for name in named if asd("help", name).exit_code == 0)}
    for text in (FIRST, *((PLACE / f"{name}.md").read_text() for name in TOPICS)):
        assert not re.search(r"@[A-Z]+@|TODO|XXX", text)
        assert not re.search(r"\]\(#", text), "a link into another file"


def test_every_link_leads_to_a_file_that_is_there() -> None:
    places = [TOP / "README.md", TOP / "CHANGELOG.md", *(TOP / ".github").glob("*.md")]
    for page in [*places, *PLACE.glob("*.md"), TOP / "tests" / "benchmarks" / "README.md"]:
        if not page.exists():
            continue
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_commands_in_blocks_that_are_not_run_have_options_that_there_are() -> None:
    """What needs a microphone, a recorder or days is parsed: every command, every option."""
    blocks = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    pieces = [piece for block in blocks for line in block.splitlines()
              for piece in re.split(r"\s\|\s|\s{2,}#", line)]  # fmt: skip
    found = [shlex.split(piece) for piece in pieces if piece.startswith("asd ")]
    assert len(found) >= 4
    for words in found:
        parse(words[1:])


def parse(words: list[str]) -> None:
    """Parse a command without running it; a wrong word raises."""
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words[0]]
        words = words[1:]
    assert not getattr(command, "commands", {}), f"no command: {words}"
    command.make_context("asd", list(words))


@pytest.mark.slow
def test_every_command_works(
    zenodo: ZenodoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASD__FIT__EPOCHS", "1")
    for number in range(6):
        write(tmp_path / "recordings" / f"{number}.wav", fan(3.0, 16000, number), 16000)
    write(tmp_path / "new" / "good.wav", fan(3.0, 16000, 20), 16000)
    ran = 0
    for command in COMMANDS:
        words = shlex.split(command)
        if words[0] in {"pip", "pytest"} or words == ["asd", "demo"]:
            continue  # run by tests/e2e/test_demo.py and by CI itself
        if words[:2] == ["python", "-m"]:
            done = subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=False)
            assert done.returncode in {ExitCode.OK, ExitCode.ANOMALIES}, command
            ran += 1
            continue
        assert words[0] == "asd", command
        if words[1:3] == ["config", "validate"]:
            asd("config", "init")
        result = asd(*words[1:])
        assert result.exit_code in {ExitCode.OK, ExitCode.QUALITY_GATE}, (
            f"{command}\n{result.output}"
        )
        ran += 1
    assert ran >= 20


def test_the_python_example_works(tmp_path: Path) -> None:
    write_machine(tmp_path / "dev_data")
    _, example = PYTHON
    body = "\n".join(f"    {line}" for line in example.splitlines())
    (tmp_path / "example.py").write_text(f"if __name__ == '__main__':\n{body}\n")
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "fan" in done.stdout
    scores = (
        tmp_path / "result/dev/pooled-knn/anomaly_score_fan_section_00_source_test.csv"
    ).read_text()
    by_model = re.findall(r"^(section_00_\S+) (\S+) (?:True|False)$", done.stdout, re.MULTILINE)
    by_command = dict(line.split(",") for line in scores.splitlines())
    assert {name: float(value) for name, value in by_model} == pytest.approx(
        {name: float(value) for name, value in by_command.items()}, rel=1e-5
    )


def test_the_detector_of_another_package_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_machine(tmp_path / "dev_data")
    detector, _ = PYTHON
    package = tmp_path / "site" / "my_package"
    package.mkdir(parents=True)
    (package / "crest.py").write_text(detector)
    about = tmp_path / "site" / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n")
    ((group, line),) = re.findall(
        r'^# .*\[project\.entry-points\."(.+)"\]\n# +(.+)$', detector, re.MULTILINE
    )
    (about / "entry_points.txt").write_text(f"[{group}]\n{line.replace(chr(34), '')}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "asd_cli", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "crest factor of each band" in run("detectors", "--format", "md")
    for verb in ("train", "score", "evaluate"):
        told = run(verb, "--detector", "crest+pooled-knn", "--set", "crest.alpha=2.0")
    assert "fan" in told
    assert (tmp_path / "model/dev/crest/model_fan.safetensors").is_file()


def test_the_two_first_commands_are_those_of_the_project() -> None:
    assert COMMANDS[:2] == ["pip install .", "asd demo"]
    assert COMMANDS[2:4] == ['pip install -e ".[test]"', "pytest -n 2"]
    assert "pytest -n 2" in (TOP / ".ci" / "run").read_text()


@pytest.mark.parametrize("code", [*ExitCode, *StatusCode])
def test_every_exit_status_is_documented(code: ExitCode | StatusCode) -> None:
    assert re.search(rf"^\| (\d+, )*{code.value}\b", README, re.MULTILINE)


@pytest.mark.parametrize(
    "name", [choice.name for choice in all_choices() if "+" not in choice.name]
)
def test_every_detector_is_documented(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("detector", measured_scores())
def test_what_was_measured_is_the_same_in_the_readme_and_in_asd_detectors(
    detector: str,
) -> None:
    row = re.search(
        rf"^\| `{re.escape(detector)}` \| ([\d.]+) ± ([\d.]+) \| ([\d.]+) \|", README, re.MULTILINE
    )
    assert row is not None
    mean, deviation, fans = (f"{100 * float(text):.1f}" for text in row.groups())
    assert str(measured_scores()[detector]) == f"{mean} ± {deviation} / {fans}"
    listed = {choice.name: choice.measured for choice in all_choices()}
    assert (
        listed.get(detector, f"{mean} ± {deviation} / {fans}") == f"{mean} ± {deviation} / {fans}"
    )


def test_every_command_is_mentioned() -> None:
    from asd_cli.cli.registered import LazyCommands

    names = list(LazyCommands())
    assert [name for name in names if f"asd {name}" not in README] == []
