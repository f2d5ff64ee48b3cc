"""What training and scoring of one's own machines are asked for."""

from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import DataError, UsageError
from asd_cli.detectors.plans import AUTO
from asd_cli.pipeline.own.intake import CLIP_SECONDS, Channel
from asd_cli.pipeline.own.registry import Registry
from asd_cli.settings.model import Settings

DEFAULT_DETECTOR = "robust"
MIN_DEFAULT_RATE, MAX_DEFAULT_RATE = 0.01, 0.1
_MIN_CLIP_SECONDS = 0.5

# Why a version was made, where no update or maintenance was the reason.
TRAINED = "trained"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTrainRequest:
    """A machine of one's own to train a model for.

    Attributes
    ----------
    sources : tuple of Path
        Folders, recordings, CSV or Parquet tables.
    machine : str
        Name of the machine; any that can be a file's.
    settings : Settings
        Folders, detector (``auto`` is the default one), everything that is set explicitly.
    clip_seconds : float
        Longer recordings are cut into clips of this length.
    channel : int or "mean"
        Which channel to take of several.
    baseline : tuple of Path
        Further sources, of after a maintenance: clips of `sources` are moved to where these lie.
    groups : str or None
        Recordings that belong together: ``folders``, or a CSV file with path and group.
    false_alarm_rate : float or None
        Fraction of normal clips that may be called anomalous; None for what the recordings can
        show (`default_rate`).
    device : str
        Where networks compute.
    jobs : int or None
        Worker processes.
    force : bool
        Train even if nothing changed.
    skip_bad : bool
        Leave out recordings that cannot be used, and list them.
    reason : str
        Why this version is made, for the record.

    Raises
    ------
    UsageError
        When a value is out of its range.
    """

    sources: tuple[Path, ...]
    machine: str
    settings: Settings
    clip_seconds: float = CLIP_SECONDS
    channel: Channel = "mean"
    baseline: tuple[Path, ...] = ()
    groups: str | None = None
    false_alarm_rate: float | None = None
    device: str = "auto"
    jobs: int | None = None
    force: bool = False
    skip_bad: bool = False
    reason: str = TRAINED

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not _MIN_CLIP_SECONDS <= self.clip_seconds < float("inf"):
            raise UsageError(
                f"clips of {self.clip_seconds:g} s are too short",
                hint=f"use {_MIN_CLIP_SECONDS:g} s or more: --clip 10",
            )
        if self.false_alarm_rate is not None:
            require_rate(self.false_alarm_rate)

    @property
    def detector(self) -> str:
        """What is trained: ``auto`` means the default of own machines."""
        return DEFAULT_DETECTOR if self.settings.detector == AUTO else self.settings.detector


def default_rate(recordings: int) -> float:
    """Choose a false-alarm rate that so many independent recordings can show: one in each of them.

    Between 1 in 100 and 1 in 10. A smaller rate can be asked for; it is extrapolated.

    Examples
    --------
    >>> [round(default_rate(count), 3) for count in (2, 12, 500)]
    [0.1, 0.077, 0.01]
    """
    return min(MAX_DEFAULT_RATE, max(MIN_DEFAULT_RATE, 1.0 / (recordings + 1)))


def require_rate(rate: float) -> None:
    """Refuse a false-alarm rate that is none; UsageError."""
    if not 0 < rate < 1:
        raise UsageError(
            f"the false-alarm rate {rate:g} is not between 0 and 1",
            hint="give a fraction of the normal clips: --false-alarm-rate 0.01",
        )


def registry_of(settings: Settings) -> Registry:
    """Give the models of one's own machines."""
    return Registry(settings.model_directory / "own")


def model_path(settings: Settings, machine: str | None, model: Path | None = None) -> Path:
    """Choose the model file that is meant.

    Parameters
    ----------
    settings : Settings
        Say where models are.
    machine : str or None
        Whose current model; may be None where there is a single machine.
    model : Path, optional
        A file instead.

    Raises
    ------
    DataError
        When there is no model.
    UsageError
        When there are several machines and none is named.
    """
    if model is not None:
        if model.suffix.lower() == ".onnx":
            raise UsageError(
                f"{model} is an exported model, and files are scored with the model itself",
                hint=f"python -m asd_cli.lite {model} FILES; or asd watch FOLDER --model {model}",
            )
        return model
    registry = registry_of(settings)
    if machine is not None:
        return registry.path(machine)
    machines = registry.machines()
    if not machines:
        raise DataError(
            f"there is no model in {registry.root}",
            hint="train one: asd train --data RECORDINGS --machine NAME",
        )
    if len(machines) > 1:
        raise UsageError(
            f"there are models of {len(machines)} machines: {', '.join(machines)}",
            hint=f"say which one is meant: --machine '{machines[0]}'",
        )
    return registry.path(machines[0])
