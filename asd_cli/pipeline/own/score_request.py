"""What to score, and what was found."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from asd_cli.pipeline.own.scoring import ScoredFile, Status
from asd_cli.settings.model import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnScoreRequest:
    """Recordings to score.

    Attributes
    ----------
    paths : tuple of Path
        Files and folders.
    machine : str or None
        Whose current model is used; may be None where there is a single machine.
    model : Path or None
        A model file instead.
    settings : Settings
        Say where models are.
    false_alarm_rate : float or None
        Fraction of normal files that may be called anomalous; the model's own by default.
    device : str
        Where networks compute.
    explain : bool
        Whether reasons are given.
    report : Path or None
        A page to write.
    """

    paths: tuple[Path, ...]
    machine: str | None = None
    model: Path | None = None
    settings: Settings
    false_alarm_rate: float | None = None
    device: str = "auto"
    explain: bool = True
    report: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnScores:
    """Decisions on files.

    Attributes
    ----------
    machine : str
        Whose model decided.
    model : Path
        Its file.
    version : int
        Of the model.
    detector : str
        What scored.
    rate : float
        False-alarm rate that was asked for.
    bound : float
        What it may really be, for 95 % of clean streams of clips.
    normal_clips : int
        How many left-out scores the decision rests on.
    files : tuple of ScoredFile
        In the order they were named.
    """

    machine: str
    model: Path
    version: int
    detector: str
    rate: float
    bound: float
    normal_clips: int
    files: tuple[ScoredFile, ...]

    def count(self, status: Status) -> int:
        """Count the files of a status."""
        return Counter(file.status for file in self.files)[status]
