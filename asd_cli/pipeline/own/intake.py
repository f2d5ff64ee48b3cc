"""Recordings of a machine of one's own: which there are, at which rate, cut into which clips."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from asd_cli.audio.decoding import read_info
from asd_cli.audio.formats import AudioInfo
from asd_cli.core.errors import DataError, ProblemsError, UsageError
from asd_cli.core.types import GROUP, Clip, Label, Split
from asd_cli.datasets.cutting import cut_recording
from asd_cli.datasets.folder import FolderDataset
from asd_cli.datasets.table import TableDataset

Channel = int | Literal["mean"]

CLIP_SECONDS = 10.0
FOLDERS = "folders"
_TABLES = {".csv", ".parquet", ".pq"}
# The rate of a machine is the highest that so many of its recordings have.
_HAVE_RATE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file that can be read.

    Attributes
    ----------
    whole : Clip
        The file, or the part of it that a table names.
    info : AudioInfo
        From its header.
    """

    whole: Clip
    info: AudioInfo

    @property
    def seconds(self) -> float:
        """Length of the part that is used."""
        rest = self.info.duration - self.whole.start
        return rest if self.whole.duration is None else min(rest, self.whole.duration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What was found.

    Attributes
    ----------
    recordings : tuple of Recording
        Files that can be read, in the order of their names.
    problems : tuple of str
        Why each other file cannot be.
    """

    recordings: tuple[Recording, ...]
    problems: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of all recordings."""
        return sum(recording.seconds for recording in self.recordings)

    def only(self, label: Label | None) -> "Intake":
        """Keep recordings that are not known to be something else than `label`."""
        kept = tuple(r for r in self.recordings if r.whole.label in {None, label})
        return replace(self, recordings=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """Clips of recordings, and what is left over.

    Attributes
    ----------
    clips : tuple of Clip
        In the order of recordings and time.
    left_out_seconds : float
        Length of the ends that are too short for a clip.
    ends : int
        How many there are.
    """

    clips: tuple[Clip, ...]
    left_out_seconds: float = 0.0
    ends: int = 0


@dataclass(frozen=True, slots=True)
class Groups:
    """Which recordings belong together.

    Attributes
    ----------
    by_folder : bool
        Those of one folder.
    names : mapping of str to str
        From a table: recording or file name to group.
    """

    by_folder: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> "Groups":
        """Read what ``--groups`` says: ``folders``, or a CSV file with the columns path and group.

        Raises
        ------
        DataError
            When the file cannot be read or lacks a column.
        """
        if text is None:
            return cls()
        if text == FOLDERS:
            return cls(by_folder=True)
        path = Path(text)
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.DictReader(stream))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"{path} cannot be read: {error}",
                hint=f"give a CSV file with the columns path and group, or --groups {FOLDERS}",
            ) from error
        if not rows or not {"path", "group"} <= set(rows[0]):
            raise DataError(
                f"{path}:1: the columns path and group are needed",
                hint="list one recording in each row",
            )
        return cls(names={row["path"]: row["group"] for row in rows if row["group"]})

    def of(self, clip: Clip) -> str | None:
        """Name the group of a recording; None where it has none."""
        if self.by_folder:
            return clip.path.parent.as_posix()
        return self.names.get(clip.recording) or self.names.get(clip.path.name)


def take_in(
    sources: Sequence[Path], machine: str, *, split: Split, groups: Groups = Groups()
) -> Intake:
    """Find the recordings below folders and in tables.

    Parameters
    ----------
    sources : sequence of Path
        Folders, recordings, CSV or Parquet tables.
    machine : str
        Whose they are.
    split : Split
        What they are for.
    groups : Groups
        Which belong together.

    Raises
    ------
    UsageError
        When there are no sources.
    DataError, ProblemsError
        When there is no such folder, or no recording in it.
    """
    if not sources:
        raise UsageError("no recordings are named", hint="give a folder: --data recordings/")
    recordings: list[Recording] = []
    problems: list[str] = []
    for source in sources:
        for whole in _clips_of(source, machine, split, several=len(sources) > 1):
            group = groups.of(whole)
            named = whole if group is None else whole.with_attributes(**{GROUP: group})
            try:
                recordings.append(Recording(whole=named, info=read_info(named.path)))
            except DataError as error:
                problems.append(error.message)
    return Intake(recordings=tuple(recordings), problems=tuple(problems))


def _clips_of(source: Path, machine: str, split: Split, *, several: bool) -> Iterator[Clip]:
    """List complete recordings; of several sources their names begin with that of the source."""
    if source.suffix.lower() in _TABLES and source.is_file():
        table = TableDataset(root=source, machine=machine)
        clips = table.clips(_machine_in(table, machine), split)
        yield from (replace(clip, machine=machine) for clip in clips)
        return
    prefix = f"{source.resolve().name}/" if several and source.is_dir() else ""
    for clip in FolderDataset(root=source, machine=machine).clips(machine, split):
        yield replace(clip, recording=f"{prefix}{clip.recording}")


def _machine_in(table: TableDataset, machine: str) -> str:
    """Choose the rows of a machine; a table of a single one may call it otherwise."""
    names = table.machines()
    if machine in names or len(names) > 1:
        return machine
    return names[0]


def common_rate(infos: Sequence[AudioInfo]) -> int:
    """Choose the highest sample rate that nearly all recordings have, in Hz.

    Examples
    --------
    >>> def info(rate):
    ...     return AudioInfo(
    ...         container="WAV", subtype="PCM_16", sample_rate=rate, channels=1, n_samples=1
    ...     )
    >>> common_rate([info(48000), info(44100), info(44100)])
    44100
    """
    rates = np.array([info.sample_rate for info in infos])
    return max(int(rate) for rate in rates if np.mean(rates >= rate) >= _HAVE_RATE)


def too_low(intake: Intake, sample_rate: int) -> Iterator[str]:
    """Say which recordings lack the upper frequencies of a rate."""
    for recording in intake.recordings:
        if recording.info.sample_rate < sample_rate:
            yield (
                f"{recording.whole.path} has {recording.info.sample_rate} Hz, and the machine "
                f"{sample_rate} Hz: what lies above {recording.info.sample_rate // 2} Hz is missing"
            )


def wrong_channel(intake: Intake, channel: Channel) -> Iterator[str]:
    """Say which recordings lack a channel."""
    for recording in intake.recordings:
        if isinstance(channel, int) and channel >= recording.info.channels:
            yield (
                f"{recording.whole.path} has {recording.info.channels} channel(s), and channel "
                f"{channel} is asked for (channels count from 0)"
            )


def cut(intake: Intake, clip_seconds: float, *, cover_end: bool = False) -> Cuts:
    """Cut recordings into clips.

    Parameters
    ----------
    intake : Intake
        Recordings.
    clip_seconds : float
        Length of a clip.
    cover_end : bool
        Whether the last clip of a recording ends where it does, over a part of the one before, so
        that nothing is left out.
    """
    clips: list[Clip] = []
    left_out, ends = 0.0, 0
    for recording in intake.recordings:
        own = cut_recording(recording.whole, recording.seconds, clip_seconds, cover_end=cover_end)
        clips.extend(own)
        used = sum(clip.duration or recording.seconds for clip in own)
        if used < recording.seconds - 0.01 * clip_seconds:
            left_out, ends = left_out + recording.seconds - used, ends + 1
    return Cuts(clips=tuple(clips), left_out_seconds=left_out, ends=ends)


def require_usable(intake: Intake, problems: Sequence[str], *, skip_bad: bool) -> tuple[str, ...]:
    """Refuse unusable recordings, or give the list of them where they may be left out.

    Raises
    ------
    ProblemsError
        Names them.
    DataError
        When nothing else is there.
    """
    every = (*intake.problems, *problems)
    total = len(intake.recordings) + len(intake.problems)
    if every and (not skip_bad or len(every) >= total):
        raise ProblemsError(
            f"{len(every)} of {total} recordings cannot be used",
            every,
            hint="fix or remove them, or leave them out: --skip-bad",
        )
    return every
