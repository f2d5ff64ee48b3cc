"""Options of work on several machines, and commands as arrays of Slurm."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asd_cli.core.errors import UsageError
from asd_cli.execution.slurm import SlurmArray
from tests.support.command import asd, finish
from tests.support.recordings import write_machine

PLACES = ("--set=dev_directory=data", "--set=feature.n_mels=32")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_machine(tmp_path / "data", "fan", train=3, test=1, seconds=1.0)
    write_machine(tmp_path / "data", "pump", train=3, test=1, seconds=1.0)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rank", "0"), "--rank and --ranks belong together"),
        (("--ranks", "3"), "--rank and --ranks belong together"),
        (("--rank", "3", "--ranks", "3"), "there is no rank 3 of 3"),
        (("--scheduler", "tcp://a:1"), "--scheduler is Dask's"),
        (("--slurm-options", "--time=1"), "--slurm-options are of sbatch"),
        (("--executor", "slurm", "--rank", "0", "--ranks", "2"), "gives the ranks their numbers"),
        (("--rank", "0", "--ranks", "2", "--force"), "--force with ranks"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    words: tuple[str, ...], message: str
) -> None:
    result = asd("extract", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_work_on_own_machines_has_no_ranks(tmp_path: Path) -> None:
    result = asd("train", "--data", str(tmp_path), "-m", "fan-3", "--rank", "0", "--ranks", "2")
    assert result.exit_code == 2
    assert "not divided into ranks" in result.stderr
    result = asd("train", "--data", str(tmp_path), "-m", "fan-3", "--executor", "slurm")
    assert "is one job" in result.stderr
    assert "is one job" in asd("run", "--executor", "slurm").stderr
    result = asd("score", str(tmp_path), "-m", "fan-3", "--executor", "dask")
    assert "-o scores.csv" in result.stderr


def test_a_plan_says_what_is_done_and_what_is_this_ranks(folder: Path) -> None:
    code, out, err = finish("extract", *PLACES, "--dry-run", folder=folder)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(
        "extract fan train: 0 of 1 unit done; 1 to do, 10 clips, about "
    )
    assert not (folder / "cache").exists()
    finish("extract", *PLACES, "--rank", "0", "--ranks", "2", folder=folder)
    code, out, _ = finish(
        "extract", *PLACES, "--rank", "0", "--ranks", "2", "--dry-run", folder=folder
    )
    assert out.splitlines()[0] == "extract fan train: 1 of 1 unit done"
    assert out.splitlines()[1].endswith("on one core, 0 by this rank")
    assert out.splitlines()[-1].startswith("in all: 2 units to do, about ")
    code, out, _ = finish("train", *PLACES, "--detector", "pooled-knn", "--dry-run", folder=folder)
    assert "train fan by pooled-knn: 0 of 1 unit done; 1 to do, time not known" in out


def test_without_sbatch_the_script_is_printed_and_the_command_fails(folder: Path) -> None:
    code, out, err = finish(
        "train", *PLACES, "--detector", "pooled-knn", "--executor", "slurm",
        "--slurm-options", "--time=5 --partition 'a b'", folder=folder,
    )  # fmt: skip
    if code == 0:  # Slurm is installed here
        pytest.skip("there is an sbatch")
    assert code == 7
    assert "no sbatch on PATH" in err or "sbatch refused" in err
    (script,) = folder.glob("asd-train-*.sbatch")
    assert script.read_text() == out
    assert "#SBATCH --array=0-1\n" in out
    assert "#SBATCH --time=5\n#SBATCH --partition 'a b'\n" in out


FAKE = """#!{python}
import os, subprocess, sys
script = open(sys.argv[1]).read()
first, last = [l for l in script.splitlines() if "--array" in l][0].partition("=")[2].split("-")
for number in range(int(first), int(last) + 1):
    environment = dict(os.environ, SLURM_ARRAY_TASK_ID=str(number))
    subprocess.run(["sh", sys.argv[1]], env=environment, check=True)
print("Submitted batch job 7")
"""


@pytest.mark.slow
def test_an_array_runs_the_ranks_of_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = folder / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    code, _, err = finish("extract", *PLACES, "--executor=slurm", folder=folder)
    assert code == 0, err
    assert "Submitted batch job 7" in err
    assert len(list(folder.glob("cache/*/*.npy"))) == 4
    code, out, err = finish("extract", *PLACES, "--executor", "slurm", folder=folder)
    assert (code, out) == (0, "")
    assert "nothing is to be done" in err
    program.write_text("#!/bin/sh\necho 'invalid partition' >&2\nexit 1\n")
    code, _, err = finish(
        "train", *PLACES, "--detector=pooled-knn", "--executor", "slurm", folder=folder
    )
    assert code == 7
    assert "sbatch refused" in err
    assert "invalid partition" in err


def test_options_that_would_contradict_the_array_are_refused(tmp_path: Path) -> None:
    for options in ("--array=0-3", "-a 1", "--time='1"):
        with pytest.raises(UsageError, match="--slurm-options cannot"):
            SlurmArray(arguments=("train",), ranks=2, options=options, folder=tmp_path)


def test_extraction_on_a_dask_cluster_of_this_machine(folder: Path) -> None:
    code, _, err = finish("extract", *PLACES, "--executor", "dask", "-j", "2", folder=folder)
    assert code == 0, err
    assert "pump test: 8 clips extracted, 0 kept" in err
    assert "distributed" not in err
    code, _, err = finish(
        "train", "--data", "data", "--machine", "m", "--executor", "dask", "-j", "2", folder=folder
    )
    assert code == 0, err


def test_what_does_not_use_dask_or_stores_does_not_load_them(folder: Path) -> None:
    program = (
        "import sys\n"
        "from asd_cli.__main__ import main\n"
        f"sys.argv = ['asd', 'extract', *{PLACES!r}, '--rank', '0', '--ranks', '2']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print({'distributed', 'dask', 'fsspec', 's3fs', 'pyarrow'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
