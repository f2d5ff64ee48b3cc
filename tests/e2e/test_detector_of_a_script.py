"""A detector that a script defines and registers has options like those of this package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from asd_cli.pipeline.model import Model
from tests.support.recordings import write_machine

SCRIPT = '''"""Crest of each band: how far the loudest frame is above the mean."""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import Gt

import asd_cli as asd
from asd_cli.core.events import SILENT


@dataclass(frozen=True, slots=True, kw_only=True)
class CrestOptions(asd.DetectorOptions):
    alpha: Annotated[float, Gt(0)] = asd.option(1.0, "exponent of the crest")
    backend: asd.BackendOptions = field(default_factory=asd.BackendOptions)


class CrestDetector(asd.EmbeddingDetector[CrestOptions]):
    def learn(self, train, context):
        return []

    def embed(self, features, events=SILENT, task="score"):
        clips = [features[index] for index in range(len(features))]
        crests = [clip.max(axis=0) - clip.mean(axis=0) for clip in clips]
        return np.stack(crests).astype(np.float32) ** self.options.alpha


asd.register(
    asd.DetectorSpec(
        name="crest",
        summary="nearest neighbour on the crest of each band",
        source="this script",
        location=f"{__name__}:CrestDetector",
        options=CrestOptions,
    )
)

if __name__ == "__main__":
    from asd_cli.__main__ import main

    main()
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for machine in ("fan", "pump"):
        write_machine(tmp_path / "dev_data", machine)
    (tmp_path / "crest.py").write_text(SCRIPT)
    return tmp_path


def run(folder: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "crest.py", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_an_option_of_its_own_goes_all_the_way(folder: Path) -> None:
    chosen = ("--detector", "crest", "--set", "crest.alpha=2")
    # Two machines at once: workers import the script, and know the detector as well.
    run(folder, "train", *chosen, "--jobs", "2", "-q")
    path = folder / "model" / "dev" / "crest" / "model_fan.safetensors"
    facts = Model.load(path).facts
    assert facts.options["alpha"] == 2.0
    assert facts.training.settings["crest.alpha"] == 2.0
    shown = run(folder, "config", "show", "--origin", "--set", "detector=crest", "--set",
                "crest.alpha=2")  # fmt: skip
    assert "crest.alpha: 2.0" in shown
    assert "# --set crest.alpha" in shown
    run(folder, "score", *chosen, "-q")
    assert "crest.alpha = 2.0" in run(folder, "score", "--detector", "crest", code=2)
    assert "greater than 0" in run(folder, "train", "--set", "crest.alpha=-1", code=2)
    assert "crest.alpha" in run(folder, "train", "--set", "crest.alhpa=1", code=2)


def test_it_is_a_candidate_of_select(folder: Path) -> None:
    candidates = "select.candidates=['crest:alpha=2', pooled-knn]"
    printed = run(
        folder, "select", "--machine", "fan", "--set", candidates, "--format", "json", "-q"
    )
    ranks = json.loads(printed)["candidates"]
    assert {row["candidate"] for row in ranks} == {"crest:alpha=2", "pooled-knn"}
    wrong = "select.candidates=['crest:alpha=-2']"
    assert "crest:" in run(folder, "select", "--set", wrong, code=2)
