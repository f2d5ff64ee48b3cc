"""Small finished runs that reports can be made of."""

import shutil
from pathlib import Path

import numpy as np

import asd_cli as asd
from asd_cli.core.types import Mode
from asd_cli.execution.executor import SerialExecutor
from asd_cli.services.report import ReportRequest
from asd_cli.settings.model import Settings
from asd_cli.synthetic.generate import generate
from asd_cli.synthetic.plan import SyntheticPlan

PLAN = SyntheticPlan(
    machines=("fan", "valve"),
    sections=2,
    source_train=6,
    target_train=2,
    test_normal=3,
    test_anomaly=3,
    duration_s=2.0,
)


def settings_in(root: Path, *overrides: str) -> Settings:
    """Settings with every folder below `root`."""
    folders = {
        "dev_directory": "dev_data",
        "eval_directory": "eval_data",
        "cache_directory": "cache",
        "model_directory": "model",
        "result_directory": "result",
    }
    places = [f"{key}={root / name}" for key, name in folders.items()]
    return asd.load_settings(overrides=[*places, "detector=pooled-knn", *overrides]).settings


def make_run(root: Path, plan: SyntheticPlan = PLAN) -> ReportRequest:
    """Generate, train and score; window scores are made up, as if a detector looked at windows."""
    generate(root / "dev_data", plan, executor=SerialExecutor())
    settings = settings_in(root)
    request = asd.RunRequest(settings=settings, jobs=1)
    asd.train(request)
    asd.score(request)
    return ReportRequest(settings=settings)


def make_unlabelled_run(root: Path, plan: SyntheticPlan = PLAN) -> ReportRequest:
    """Generate an evaluation set, take its labels away, train and score."""
    generate(root / "eval_data", plan, mode=Mode.EVAL, executor=SerialExecutor())
    shutil.rmtree(root / "eval_data" / "ground_truth")
    settings = settings_in(root)
    request = asd.RunRequest(settings=settings, mode=Mode.EVAL, jobs=1)
    asd.train(request)
    asd.score(request)
    return ReportRequest(settings=settings, mode=Mode.EVAL)


def invent_window_scores(folder: Path, machine: str, names: list[str]) -> None:
    """Give clips window scores that rise and fall."""
    from safetensors.numpy import save

    wave = np.sin(np.arange(20, dtype=np.float32))
    content = save({name: wave + np.float32(len(name)) for name in names})
    (folder / f"window_scores_{machine}.safetensors").write_bytes(content)
