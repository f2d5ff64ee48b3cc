"""Recordings of a machine of one's own: which there are, at which rate, cut into which clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from asd_cli.audio.decoding import read_info
from asd_cli.audio.formats import AudioInfo
from asd_cli.core.errors import DataError, ProblemsError, UsageError
from asd_cli.core.places import is_folder
from asd_cli.core.text import counted
from asd_cli.core.types import BASELINE, DOMAIN, GROUP, SECTION, Clip, Label, Split
from asd_cli.datasets.cutting import cut_recording
from asd_cli.datasets.folder import FolderDataset
from asd_cli.datasets.table import TableDataset
from asd_cli.datasets.trees import shards_of
from asd_cli.pipeline.own.groups import Groups

Channel = int | Literal["mean"]

CLIP_SECONDS = 10.0
_OF_CHALLENGES = {SECTION, DOMAIN, BASELINE}
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
    notes : tuple of str
        Rows of tables that are of something else.
    """

    recordings: tuple[Recording, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

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
    notes: list[str] = []
    for source, label in zip(sources, _labels(sources), strict=True):
        for whole in _clips_of(source, machine, split, label=label, notes=notes):
            group = groups.of(whole)
            named = whole if group is None else whole.with_attributes(**{GROUP: group})
            try:
                found = Recording(whole=named, info=read_info(named.path))
            except DataError as error:
                problems.append(error.message)
                continue
            if outside := _outside(found):
                problems.append(outside)
            else:
                recordings.append(found)
    return Intake(recordings=tuple(recordings), problems=tuple(problems), notes=tuple(notes))


def _labels(sources: Sequence[Path]) -> Sequence[str]:
    """Name each of several sources by as much of the end of its path as no other one has."""
    if len(sources) < 2:
        return [""] * len(sources)
    paths = [source.resolve().parts for source in sources]

    def label(path: tuple[str, ...]) -> str:
        counts = (sum(other[-n:] == path[-n:] for other in paths) for n in range(1, len(path)))
        length = next((n for n, count in enumerate(counts, start=1) if count == 1), 1)
        return "/".join(path[-length:])

    return [label(path) for path in paths]


def _clips_of(
    source: Path, machine: str, split: Split, *, label: str, notes: list[str]
) -> Iterator[Clip]:
    """List complete recordings; of several sources their names begin with that of the source."""
    if source.suffix.lower() in _TABLES and source.is_file():
        table = TableDataset(root=source, machine=machine)
        named = _machine_in(table, machine)
        clips = table.clips(named, split)
        # Sections and domains are of challenge sets; files to score have none.
        unused = sorted(
            {name for clip in clips for name in _OF_CHALLENGES & clip.attributes.keys()}
        )
        for clip in clips:
            plain = clip.with_attributes(**dict.fromkeys(unused))
            yield replace(plain, machine=machine)
        if unused:
            notes.append(
                f"columns of {source} that are not used: {', '.join(unused)} (recordings that "
                f"belong together are named in a column {GROUP})"
            )
        for why, count in table.passed_over(named, split).items():
            notes.append(f"{count} rows of {source} are {why} and are not used")
        return
    for clip in FolderDataset(root=source, machine=machine).clips(machine, split):
        if not label:
            yield clip
        elif is_folder(source) or any(shards_of(source)):
            yield replace(clip, recording=f"{label}/{clip.recording}")
        else:
            yield replace(clip, recording=label)


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


def unfit(recording: Recording, sample_rate: int, channel: Channel) -> str:
    """Say why a recording does not fit a machine of a rate and channel; empty where it does."""
    info = recording.info
    if info.sample_rate < sample_rate:
        return (
            f"{recording.whole.path} has {info.sample_rate} Hz, and the machine {sample_rate} Hz: "
            f"what lies above {info.sample_rate // 2} Hz is missing"
        )
    if isinstance(channel, int) and channel >= info.channels:
        return (
            f"{recording.whole.path} has {counted(info.channels, 'channel')}, and channel "
            f"{channel} is asked for (channels count from 0)"
        )
    return ""


def _outside(recording: Recording) -> str:
    """Say that a part does not lie in its recording; empty where it does."""
    whole, seconds = recording.whole, recording.info.duration
    end = whole.start + (whole.duration or 0.0)
    if whole.start < seconds and end <= seconds + 1 / recording.info.sample_rate:
        return ""
    asked = f"from {whole.start:g} s" + ("" if whole.duration is None else f" to {end:g} s")
    return f"{whole.path} has {seconds:g} s, and the part {asked} is asked for"


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
