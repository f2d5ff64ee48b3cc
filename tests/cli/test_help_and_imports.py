import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from asd_cli.cli import completion
from asd_cli.cli.examples import EXAMPLES
from asd_cli.cli.main import app
from tests.support.command import asd


def registered(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group that is registered, the program itself first."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from registered(command, (*path, name))


COMMANDS = list(registered(typer.main.get_command(app)))
GROUPS = {(), ("config",)}
HEAVY = ("torch", "librosa", "sklearn", "pandas", "matplotlib", "scipy", "numpy", "yaml")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        result = asd(*command, flag)
        assert result.exit_code == 0
        assert "Usage: " in result.output
        assert max(map(len, result.output.splitlines())) <= 80
        if command:
            assert result.output.count("\n  # ") == 3, "three examples, each with a remark"


def find(path: tuple[str, ...]) -> Any:
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    return command


@pytest.mark.parametrize("command", COMMANDS[1:], ids=" ".join)
def test_summaries_are_short_and_whole(command: tuple[str, ...]) -> None:
    summary = find(command).get_short_help_str(1000)
    assert 10 < len(summary) <= 55
    assert summary.endswith(".")


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_are_of_commands_and_options_that_there_are(command: str) -> None:
    assert tuple(command.split()) in COMMANDS
    for _, line in EXAMPLES[command]:
        program, *words = shlex.split(line)
        assert program == "asd"
        found, place = find(()), None
        while words and words[0] in getattr(found, "commands", {}):
            found = found.commands[words.pop(0)]
        place = found.make_context("asd", list(words))
        assert place.command is found


def test_help_of_a_command_a_group_and_a_topic() -> None:
    assert asd("help", "train").stdout == asd("train", "--help").stdout.replace("asd_cli", "asd")
    assert "rollback" in asd("help", "models").stdout
    assert "exit-codes" in asd("help").stdout
    assert "pAUC" in asd("help", "glossary").stdout
    wrong = asd("help", "glosary")
    assert wrong.exit_code == 2
    assert "did you mean glossary?" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("train", "--detektor", "x"), "no such option: --detektor", "did you mean --detector?"),
        (("trian",), "no such command 'trian'. Did you mean 'train'?", "--help"),
        (
            ("evaluate", "--format", "jsn"),
            "'jsn' is not one of 'text', 'json'",
            "asd evaluate --help",
        ),
        (("train", "--jobs", "0"), "should be greater than or equal to 1", "asd train --help"),
        (("score", "--threshold"), "no such option: --threshold", "asd score --help"),
    ],
)
def test_what_is_typed_wrongly_is_said_as_every_other_error(
    words: tuple[str, ...], message: str, hint: str
) -> None:
    result = asd(*words)
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second.startswith("hint: ")
    assert hint in second


@pytest.mark.parametrize(
    ("complete", "incomplete", "expected"),
    [
        (completion.detectors, "pooled-sp", ["pooled-speed", "pooled-speed+texture"]),
        (completion.detectors, "texture+pooled-k", ["texture+pooled-knn"]),
        (completion.editions, "dcase2023", ["dcase2023"]),
        (completion.settings_keys, "fit.ep", ["fit.epochs="]),
        (completion.stages, "eval", ["eval-train", "eval-test"]),
    ],
)
def test_shells_are_offered_names_that_there_are(
    complete: Any, incomplete: str, expected: list[str]
) -> None:
    assert list(complete(incomplete)) == expected


def test_machines_on_disk_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dev_data" / "fan").mkdir(parents=True)
    (tmp_path / "model" / "own" / "fan-3").mkdir(parents=True)
    assert list(completion.machines("f")) == ["fan", "fan-3"]
    assert list(completion.machines("p")) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_loads_nothing_heavy(command: tuple[str, ...]) -> None:
    arguments = ["asd", *command, "--help"]
    program = (
        "import sys\n"
        f"sys.argv = {arguments!r}\n"
        "from asd_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"loaded = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_evaluate_loads_no_torch(tmp_path: object) -> None:
    program = (
        "import sys, asd_cli.services.evaluate, asd_cli.cli.output.evaluation_tables\n"
        "assert not {'torch', 'librosa', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_public_names_can_be_imported_and_load_nothing_before() -> None:
    program = (
        "import sys, asd_cli\n"
        "assert not {'torch', 'pydantic', 'numpy'} & set(sys.modules)\n"
        "for name in asd_cli.__all__: getattr(asd_cli, name)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_design_card_verbs_are_registered() -> None:
    verbs = {"fetch", "extract", "train", "score", "evaluate", "report"}
    assert verbs <= {command[0] for command in COMMANDS if command}


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_version(flag: str) -> None:
    result = asd(flag)
    assert result.exit_code == 0
    assert result.output.startswith("asd 0.")


def test_no_arguments_is_help() -> None:
    assert "Train and score:" in asd().output


@pytest.mark.parametrize("arguments", [("fly",), ("train", "--wings"), ("train", "--mode", "moon")])
def test_what_typer_does_not_know_exits_2(arguments: tuple[str, ...]) -> None:
    assert asd(*arguments).exit_code == 2


@pytest.mark.parametrize(("given", "used"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_matrices_use_one_thread_unless_the_environment_says_otherwise(
    given: dict[str, str], used: str
) -> None:
    code = (
        "import os, sys; sys.argv = ['asd', '--version']\n"
        "from asd_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    kept = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**kept, **given}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == used
