"""Any folder of recordings as a dataset: any names, depth, containers and lengths."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.types import GROUP, Clip, Label, Split
from asd_cli.datasets.cutting import DurationReader, cut_recording
from asd_cli.datasets.recordings import recording_names

_LABEL_FOLDERS = {"normal": Label.NORMAL, "anomaly": Label.ANOMALY, "abnormal": Label.ANOMALY}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderDataset:
    """Recordings of one machine below a folder (`asd_cli.datasets.base.Dataset`).

    Attributes
    ----------
    root : Path
        The folder, or a single file.
    machine : str or None
        Name of the machine; None for the folder's own.
    clip_seconds : float or None
        Longer recordings are cut into clips of this length; None keeps them as they are.
    group_by_folder : bool
        Whether recordings in one sub-folder are a group (a day, an operating state).
    read_duration : callable or None
        Gives the length of a recording in seconds, or raises DataError; `clip_seconds` needs it.

    Raises
    ------
    ValueError
        When `clip_seconds` is given without `read_duration`.

    Examples
    --------
    >>> dataset = FolderDataset(root=Path("recordings"), machine="fan-3")
    >>> dataset.machine
    'fan-3'
    """

    root: Path
    machine: str | None = None
    clip_seconds: float | None = None
    group_by_folder: bool = False
    read_duration: DurationReader | None = None

    def __post_init__(self) -> None:
        """Refuse a length that could not be applied."""
        if self.clip_seconds is not None and self.read_duration is None:
            raise ValueError("clip_seconds needs read_duration, which gives lengths of recordings")

    def machines(self) -> tuple[str, ...]:
        """Give the one machine's name."""
        return (self.machine or self.root.resolve().name,)

    def clips(self, machine: str, split: Split) -> tuple[Clip, ...]:
        """List all clips in the order of their paths, those of one recording in time order.

        Sub-folders that are called ``normal``, ``anomaly`` or ``abnormal`` give labels.

        Raises
        ------
        DataError
            When there is no recording.
        ProblemsError
            When a file that looks like a recording cannot be read.
        """
        if machine not in self.machines():
            raise DataError(
                f"{self.root} holds recordings of {self.machines()[0]}, not of {machine}",
                hint=f"name it: --machine {self.machines()[0]}",
            )
        paths = recording_names(self.root)
        clips: list[Clip] = []
        problems: list[str] = []
        for path, name in paths.items():
            whole = Clip(
                path=path,
                machine=machine,
                split=split,
                label=label_of_folders(PurePosixPath(name).parts[:-1]),
                recording=name,
                attributes=dict(self._attributes(name)),
            )
            try:
                clips.extend(self._cut(whole))
            except DataError as error:
                problems.append(error.message)
        if problems:
            raise ProblemsError(
                f"{len(problems)} of {len(paths)} recordings in {self.root} cannot be used",
                problems,
                hint="fix or remove them, or leave them out: --skip-bad",
            )
        return tuple(clips)

    def _attributes(self, name: str) -> Iterator[tuple[str, str]]:
        if self.group_by_folder:
            yield GROUP, str(PurePosixPath(name).parent)

    def _cut(self, recording: Clip) -> Sequence[Clip]:
        if self.clip_seconds is None or self.read_duration is None:
            return [recording]
        return cut_recording(recording, self.read_duration(recording.path), self.clip_seconds)


def label_of_folders(folders: Sequence[str]) -> Label | None:
    """Take a label from names of folders, the innermost that is one; None where none is."""
    for part in reversed(folders):
        if part.lower() in _LABEL_FOLDERS:
            return _LABEL_FOLDERS[part.lower()]
    return None
