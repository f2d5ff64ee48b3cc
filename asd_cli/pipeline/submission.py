"""Checks of a challenge submission: every file, clip and value that an edition asks for.

A submission has, for every machine type, section and domain of the mode, the anomaly scores and the
decisions of every test clip (2020: no domains and no decisions; 2022 and later: one file for both
domains). Which clips there are is known from the official labels or from the
recordings, where they exist; where they do not, names must follow the edition's grammar.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from asd_cli.artifacts.score_files import (
    DECISION,
    SCORE,
    ScoreFileKey,
    is_named_like_results,
)
from asd_cli.artifacts.value_files import parse_binary, parse_score, scan_values
from asd_cli.core.errors import AsdError, DataError
from asd_cli.core.types import Mode, Split
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.evaluation.label_sources import LabelSource
from asd_cli.evaluation.labelled import DOMAINS
from asd_cli.pipeline.layout import Layout

# The first moment a zip file can name: the same files give the same bytes, whenever packed.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
_KINDS: tuple[tuple[str, Callable[[str], object]], ...] = (
    (SCORE, parse_score),
    (DECISION, parse_binary),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a folder of score files was found to be.

    Attributes
    ----------
    files : frozenset of str
        Names of the files that the edition asks for.
    clips : int
        Test clips with a score.
    checked_against : tuple of str
        What told which clips there must be: ``labels``, ``recordings``, ``grammar``.
    problems : tuple of str
        Everything wrong with it.
    """

    files: frozenset[str]
    clips: int
    checked_against: tuple[str, ...]
    problems: tuple[str, ...]


def check_submission(folder: Path, layout: Layout, labels: LabelSource | None) -> Checked:
    """Compare a folder of score files with what the edition asks for.

    Parameters
    ----------
    folder : Path
        Score and decision files.
    layout : Layout
        Gives edition, mode and data folder.
    labels : LabelSource or None
        Official labels, for the names of the clips.
    """
    edition = layout.edition
    form = edition.score_files[0]
    kinds = _KINDS if edition.decisions else _KINDS[:1]
    domains = (None,) if "{domain}" not in form else DOMAINS
    keys = [
        ScoreFileKey(machine, section, domain)
        for machine in edition.machines_of[layout.mode]
        for section in edition.sections_of(machine, layout.mode)
        for domain in domains
    ]
    problems: list[str] = []
    known_from: set[str] = set()
    clips = 0
    for key in keys:
        try:
            expected = _expected_clips(key, layout, labels)
        except AsdError as error:
            problems.append(error.message)
            continue
        known_from.add(expected.known_from)
        files = [(folder / key.file_name(kind, form), parse) for kind, parse in kinds]
        found = [_check_file(path, parse, problems) for path, parse in files]
        for (path, _), rows in zip(files, found, strict=True):
            if rows is not None:
                problems.extend(_wrong_clips(path, rows, key, expected, layout))
        if None not in found and edition.decisions:
            problems.extend(_unpaired(files[0][0], found, expected))
        clips += len(found[0] or ())
    wanted = {key.file_name(kind, form) for key in keys for kind, _ in kinds}
    problems.extend(_strangers(folder, wanted))
    return Checked(frozenset(wanted), clips, tuple(sorted(known_from)), tuple(problems))


@dataclass(frozen=True, slots=True)
class _Clips:
    """Names that must be there, in the official order; None where only their form is known."""

    names: tuple[str, ...] | None
    known_from: str


def pack(label: str, files: dict[str, bytes]) -> bytes:
    """Make a zip archive of files in one folder; the same files give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{label}/{name}", _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is packed
            entry.external_attr = _READABLE
            archive.writestr(entry, content, compresslevel=9)
    return stream.getvalue()


def _strangers(folder: Path, wanted: set[str]) -> Iterator[str]:
    """Find score and decision files that the edition does not ask for."""
    for path in sorted(folder.iterdir()):
        if is_named_like_results(path.name) and path.name not in wanted:
            yield f"{path}: is of no machine, section and domain of the mode"


def _expected_clips(key: ScoreFileKey, layout: Layout, labels: LabelSource | None) -> _Clips:
    edition = layout.edition
    known = None if labels is None else labels.names(key)
    if known is not None:
        return _Clips(known, "labels")
    role = "test" if key.domain is None else f"{key.domain}_test"
    recordings = layout.data_directory / key.machine / edition.folders[role]
    if recordings.is_dir():
        names = sorted(path.name for path in recordings.glob("*.wav") if _is_of(path, key, edition))
        if names:
            return _Clips(tuple(names), "recordings")
    return _Clips(None, "grammar")


def _is_of(path: Path, key: ScoreFileKey, edition: Edition) -> bool:
    """Whether a recording belongs to a section."""
    try:
        clip = parse_clip_name(path, machine=key.machine, names=edition.names)
    except ValueError:
        return False
    return clip.section == key.section


def _check_file(
    path: Path, parse: Callable[[str], object], problems: list[str]
) -> dict[str, int] | None:
    """List everything wrong with a file's rows; gives the line of each name, None without rows."""
    if not path.is_file():
        problems.append(f"{path}: is missing")
        return None
    try:
        read = scan_values(path, parse)
    except DataError as error:
        problems.append(error.message)
        return None
    # Files that differ from the official form can be evaluated here, and perhaps not elsewhere.
    problems.extend(f"{path}: {remark}" for remark in read.remarks)
    problems.extend(f"{place}: {what}" for place, what in read.problems)
    return read.lines or None


def _wrong_clips(
    path: Path,
    lines: dict[str, int],
    key: ScoreFileKey,
    expected: _Clips,
    layout: Layout,
) -> Iterator[str]:
    edition, mode = layout.edition, layout.mode
    if expected.names is not None:
        wanted = set(expected.names)
        for name, line in lines.items():
            if name not in wanted:
                yield f"{path}:{line}: {name} is no test clip (by the {expected.known_from})"
        for name in expected.names:
            if name not in lines:
                yield f"{path}: {name} is missing (by the {expected.known_from})"
        return
    for name, line in lines.items():
        try:
            clip = parse_clip_name(Path(name), machine=key.machine, names=edition.names)
        except ValueError as error:
            yield f"{path}:{line}: {error}"
            continue
        domain = None if key.domain is None else clip.domain
        if (clip.section, domain, clip.split) != (key.section, key.domain, Split.TEST):
            yield f"{path}:{line}: {name} is no test clip of {key.title}"
        elif (clip.label is None) is not (mode is Mode.EVAL):
            has = "no label" if clip.label is None else "a label"
            yield f"{path}:{line}: {name} has {has} in its name, unlike the clips of mode {mode}"


def _unpaired(path: Path, found: list[dict[str, int] | None], expected: _Clips) -> Iterator[str]:
    """Find clips with a score and no decision, or the reverse, where no list told of them."""
    scored, decided = found[0] or {}, found[1] or {}
    if expected.names is None:
        for name in sorted(scored.keys() ^ decided.keys()):
            lacking = "decision" if name in scored else "score"
            yield f"{path}: {name} has no {lacking}"
