"""An exported model in an environment of three packages: decisions, memory, time per clip.

    python -m tests.benchmarks.lite                       # makes the environment (needs a registry)
    python -m tests.benchmarks.lite --python VENV/bin/python

The decisions on 100 clips of 10 s are compared with those of `asd score`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from asd_cli import lite
from tests.support.fan import Fault, fan, write

RATE, SECONDS = 16000, 10.0
PACKAGES = ("numpy", "onnxruntime", "soundfile")
# What an environment holds of its own: peak memory and processor time of scoring the files.
_PROBE = """
import json, resource, sys, time
begin = time.process_time()
import lite
model = lite.Model(sys.argv[1])
started = time.process_time()
rows = [model.score_file(path) for path in sys.argv[2:]]
took = time.process_time() - started
print(json.dumps({
    "anomalous": [row["anomalous"] for row in rows],
    "start_s": started - begin,
    "ms_per_clip": 1000 * took / len(rows),
    "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
}))
"""


def run(
    *, clips: int = 100, train: int = 20, detector: str = "robust", python: Path | None = None
) -> dict[str, Any]:
    """Train, export, and score in the other environment.

    Parameters
    ----------
    clips : int
        To score; half of them with a fault.
    train : int
        Recordings of 20 s to train on.
    detector : str
        Of the model.
    python : Path, optional
        Interpreter of an environment; one is made by default.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(train):
            write(folder / "normal" / f"{number:03}.wav", fan(20.0, RATE, number), RATE)
        for number in range(clips):
            fault = Fault(level=0.02) if number % 2 else None
            sound = fan(SECONDS, RATE, 1000 + number, fault)
            write(folder / "new" / f"{number:03}.wav", sound, RATE)
        _asd(folder, "train", "--data", "normal", "--machine", "fan", "--detector", detector)
        _asd(folder, "export", "--machine", "fan", "-o", "fan.onnx")
        shutil.copy(lite.__file__, folder / "lite.py")
        files = sorted(str(path) for path in (folder / "new").iterdir())
        scored = json.loads(_asd(folder, "score", *files, "--format", "json"))["files"]
        interpreter = python or _environment(folder / "venv")
        found = json.loads(
            subprocess.run(
                [interpreter, "-c", _PROBE, "fan.onnx", *files],
                cwd=folder, capture_output=True, text=True, check=True,
            ).stdout
        )  # fmt: skip
        ours = [file["status"] == "anomalous" for file in scored]
        pairs = zip(ours, found.pop("anomalous"), strict=True)
        return {
            "detector": detector,
            "clips": clips,
            "anomalous": sum(ours),
            "decisions_that_differ": sum(a != b for a, b in pairs),
            "numpy_ms_per_clip": _numpy_ms(folder, files),
            "file_bytes": (folder / "fan.onnx").stat().st_size,
            **found,
        }


def _numpy_ms(folder: Path, files: list[str]) -> float:
    """Processor time of scoring a clip by the model itself, without decoding."""
    from asd_cli.audio.decoding import decode, read_file
    from asd_cli.pipeline.model import Model

    model = Model.load(next((folder / "model" / "own" / "fan").glob("v*.safetensors")))
    waves = [decode(read_file(f := Path(n)), f, model.features.audio_format) for n in files[:20]]
    model.score([waves[0]])
    begin = time.process_time()
    for wave in waves[1:]:
        model.score([wave])
    return 1000.0 * (time.process_time() - begin) / (len(waves) - 1)


def _environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def _asd(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "asd_cli", *arguments, "-q"] if arguments[0] != "score" else
        [sys.executable, "-m", "asd_cli", *arguments],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def as_markdown(found: dict[str, Any]) -> str:
    """Write one line of a table."""
    ratio = found["ms_per_clip"] / found["numpy_ms_per_clip"]
    return "\n".join(
        [
            "| detector | file | memory | CPU a clip of 10 s | of numpy's | start | other decisions |",
            "|---|---|---|---|---|---|---|",
            f"| {found['detector']} | {found['file_bytes'] / 1e6:.1f} MB "
            f"| {found['peak_bytes'] / 1e6:.0f} MB | {found['ms_per_clip']:.1f} ms "
            f"| {ratio:.1f} | {found['start_s']:.2f} s "
            f"| {found['decisions_that_differ']} of {found['clips']} |",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--detector", default="robust")
    parser.add_argument("--python", type=Path)
    given = parser.parse_args()
    print(as_markdown(run(detector=given.detector, python=given.python)))
