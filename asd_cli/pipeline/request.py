"""What extract, train, score and run are asked for."""

from dataclasses import dataclass

from asd_cli.core.types import Mode
from asd_cli.settings.model import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to extract, train, score or run.

    Attributes
    ----------
    settings : Settings
        Folders, features, detector, training.
    mode : Mode
        Development or evaluation set.
    machines : tuple of str
        Machine types; empty means all.
    device : str
        Where networks compute: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    jobs : int or None
        Worker processes, for clips in extraction and for machines in training and scoring; None
        means one for each core.
    force : bool
        Recompute even if up to date.
    skip_bad : bool
        Leave out recordings that cannot be used, and list them.
    """

    settings: Settings
    mode: Mode = Mode.DEV
    machines: tuple[str, ...] = ()
    device: str = "auto"
    jobs: int | None = None
    force: bool = False
    skip_bad: bool = False
