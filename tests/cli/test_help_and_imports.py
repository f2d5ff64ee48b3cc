import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

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
        if command not in GROUPS:
            assert "Example: asd " in " ".join(result.output.split())


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
    assert "Commands:" in asd().output


@pytest.mark.parametrize("arguments", [("fly",), ("train", "--wings"), ("train", "--mode", "moon")])
def test_what_typer_does_not_know_exits_2(arguments: tuple[str, ...]) -> None:
    assert asd(*arguments).exit_code == 2
