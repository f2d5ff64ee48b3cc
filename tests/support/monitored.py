"""A small model of a machine and recordings of it, for the tests of monitoring."""

import os
import shutil
from pathlib import Path

import numpy as np
import soundfile

from asd_cli.core.events import SILENT
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.services.own_train import train_machine
from asd_cli.settings.model import Settings

RATE = 8000
SECONDS = 1.0
BEGIN = 1_700_000_000
MACHINE = "pump"


def sound(seed: int, *, seconds: float = SECONDS, loud: float = 1.0) -> np.ndarray:
    """Noise with a hum, a little different each second."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    hum = 0.05 * np.sin(2 * np.pi * 200 * t + rng.uniform(0, 6))
    level = np.repeat(10 ** (rng.normal(0, 0.5, int(seconds) + 1) / 20), RATE)[: len(t)]
    return (loud * level * (hum + 0.02 * rng.normal(size=len(t)))).astype(np.float32)


def write(path: Path, seed: int, *, loud: float = 1.0, seconds: float = SECONDS) -> Path:
    """Write a recording whose time follows from its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(seed, loud=loud, seconds=seconds), RATE, subtype="PCM_16")
    os.utime(path, ns=(0, (BEGIN + 10 * seed) * 10**9))
    return path


def settings(root: Path) -> Settings:
    """Settings whose folders are below one folder."""
    return Settings(
        model_directory=root / "model", result_directory=root / "result",
        cache_directory=root / "cache", detector="level",
    )  # fmt: skip


def train(root: Path) -> Path:
    """Train the model of six recordings of 40 clips; gives the folder of models."""
    for number in range(6):
        write(root / "normal" / f"{number}.wav", 9000 + number, seconds=40 * SECONDS)
    request = OwnTrainRequest(
        sources=(root / "normal",), machine=MACHINE, settings=settings(root),
        clip_seconds=SECONDS, jobs=1,
    )  # fmt: skip
    train_machine(request, SILENT)
    return root / "model"


def with_model(root: Path, models: Path) -> Settings:
    """Copy the models into a fresh folder; gives its settings."""
    shutil.copytree(models, root / "model")
    return settings(root)
