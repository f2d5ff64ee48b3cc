"""Run the command line as its users do."""

import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from typer.testing import CliRunner, Result

from asd_cli.cli.main import app

QUICK = (
    "--set=fit.epochs=2", "--set=fit.lr=0.001", "--set=fit.batch_norm=recalibrate",
    "--set=feature.n_frames=32", "--set=feature.n_mels=64", "--set=feature.n_hop_frames=4",
    "--set=fit.batch_size=8",
)  # fmt: skip


def asd(*arguments: str) -> Result:
    """Run in this process."""
    return CliRunner().invoke(app, arguments)


def asd_in(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run in this process in a folder, where torch is loaded already: as `finish`."""
    with chdir(folder):
        done = asd(*arguments)
    return done.exit_code, done.stdout, done.stderr


def start(
    *arguments: str, folder: Path, stdout: int | None = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start a process of its own in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "asd_cli", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(*arguments: str, folder: Path) -> tuple[int, str, str]:
    """Run a process of its own to its end; exit status, stdout, stderr."""
    process = start(*arguments, folder=folder)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err
