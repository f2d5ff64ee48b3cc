"""What is to be said of the models of own machines: one version in a line."""

from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.registry import Registry, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One version of a machine's model.

    Attributes
    ----------
    machine : str
        Which machine.
    version : int
        Counts from 1.
    current : bool
        Whether it is in use.
    path : Path
        Its file.
    detector : str
        What scores.
    sample_rate : int
        In Hz.
    recordings, clips : int
        What it was trained on.
    seconds : float
        Length of all clips.
    rate, bound : float
        False-alarm rate that was asked for, and what it may really be.
    reason : str
        Why it was made.
    problem : str
        Why the file cannot be read; empty where it can.
    """

    machine: str
    version: int
    current: bool
    path: Path
    detector: str = ""
    sample_rate: int = 0
    recordings: int = 0
    clips: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    bound: float = 1.0
    reason: str = ""
    problem: str = ""


def current_summary(registry: Registry, machine: str) -> ModelSummary:
    """Summarise the version that is in use; where none is, the newest, and why."""
    versions = registry.versions(machine)
    used = [version for version in versions if version.current]
    if used:
        return summarise(machine, used[0])
    return ModelSummary(
        machine=machine, version=versions[-1].number, current=False, path=versions[-1].path,
        problem=f"no version is in use; choose one: asd models rollback '{machine}'",
    )  # fmt: skip


def summarise(machine: str, version: Version) -> ModelSummary:
    """Summarise a version; its file may be damaged."""
    known = ModelSummary(
        machine=machine, version=version.number, current=version.current, path=version.path
    )
    try:
        model = Model.load(version.path)
        own, calibration = model.facts.own, model.facts.calibration
    except (DataError, IntegrityError) as error:
        return ModelSummary(
            machine=machine, version=version.number, current=version.current, path=version.path,
            problem=error.message,
        )  # fmt: skip
    if own is None or calibration is None:
        return known
    return ModelSummary(
        machine=machine,
        version=version.number,
        current=version.current,
        path=version.path,
        detector=model.facts.training.detector,
        sample_rate=model.features.sample_rate,
        recordings=own.recordings,
        clips=len(model.training_scores),
        seconds=own.seconds,
        rate=round(1.0 - calibration.threshold.quantile, 12),
        bound=calibration.threshold.bound or 1.0,
        reason=own.reason,
    )
