"""`asd models`: which models of own machines there are, and which version is in use."""

from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.registry import Registry, Version
from asd_cli.pipeline.own.request import registry_of
from asd_cli.settings.model import Settings

__all__ = ["ModelSummary", "list_models", "remove_model", "roll_back", "show_model"]


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


def list_models(settings: Settings) -> tuple[ModelSummary, ...]:
    """List the current model of each machine; where none is in use, the newest and why."""
    registry = registry_of(settings)
    return tuple(_current(registry, machine) for machine in registry.machines())


def _current(registry: Registry, machine: str) -> ModelSummary:
    versions = registry.versions(machine)
    used = [version for version in versions if version.current]
    if used:
        return _summary(machine, used[0])
    return ModelSummary(
        machine=machine, version=versions[-1].number, current=False, path=versions[-1].path,
        problem=f"no version is in use; choose one: asd models rollback '{machine}'",
    )  # fmt: skip


def show_model(settings: Settings, machine: str) -> tuple[ModelSummary, ...]:
    """List all versions of a machine; DataError when there are none."""
    return tuple(_summary(machine, v) for v in registry_of(settings).versions(machine))


def roll_back(settings: Settings, machine: str, version: int | None = None) -> Version:
    """Use an older version; errors as `Registry.rollback`."""
    return registry_of(settings).rollback(machine, version)


def remove_model(settings: Settings, machine: str, version: int | None = None) -> tuple[Path, ...]:
    """Remove a version, or all of a machine; errors as `Registry.remove`."""
    registry: Registry = registry_of(settings)
    return registry.remove(machine, version)


def _summary(machine: str, version: Version) -> ModelSummary:
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
