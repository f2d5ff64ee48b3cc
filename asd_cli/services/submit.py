"""`asd submit`: is a folder of score files a whole and valid challenge submission? Then pack it.

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
from asd_cli.core.errors import AsdError, DataError, ProblemsError
from asd_cli.core.files import write_bytes
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.types import Mode, Split
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.evaluation.label_sources import LabelSource, open_labels
from asd_cli.evaluation.labelled import DOMAINS
from asd_cli.pipeline.layout import Layout
from asd_cli.settings.model import Settings

# The first moment a zip file can name: the same files give the same bytes, whenever packed.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRequest:
    """What to check and pack.

    Attributes
    ----------
    settings : Settings
        Edition and folders.
    mode : Mode
        Challenges are decided on the evaluation set.
    folder : Path or None
        Score and decision files; None means this project's results.
    output : Path or None
        The zip file; None means the folder's name in the working folder.
    ground_truth : Path or None
        Official label files, for the names of the clips.
    """

    settings: Settings
    mode: Mode = Mode.EVAL
    folder: Path | None = None
    output: Path | None = None
    ground_truth: Path | None = None


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What was packed.

    Attributes
    ----------
    path : Path
        The zip file.
    files, clips : int
        How many files it holds, of how many clips.
    sha256 : str
        Of the zip file; equal files give an equal sum.
    checked_against : tuple of str
        What told which clips there must be: ``labels``, ``recordings``, ``grammar``.
    """

    path: Path
    files: int
    clips: int
    sha256: str
    checked_against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Clips:
    """Names that must be there, in the official order; None where only their form is known."""

    names: tuple[str, ...] | None
    known_from: str


def submit(request: SubmitRequest) -> SubmitResult:
    """Check a submission and pack it.

    The order of rows is free: the official evaluators of 2020 to 2024 sort them by name.

    Raises
    ------
    ProblemsError
        When it is not whole and valid; everything wrong with it is listed.
    DataError
        When there is no such folder.
    StorageError
        When the zip file cannot be written.
    """
    layout = Layout(request.settings, request.mode)
    folder = request.folder or layout.result_directory
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", hint="score first: asd score --mode eval")
    edition = layout.edition
    form = edition.score_files[0]
    kinds = _KINDS if edition.decisions else _KINDS[:1]
    domains = (None,) if "{domain}" not in form else DOMAINS
    keys = [
        ScoreFileKey(machine, section, domain)
        for machine in edition.machines_of[request.mode]
        for section in edition.sections_of(machine, request.mode)
        for domain in domains
    ]
    labels = _labels(layout, request)
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
    if problems:
        raise ProblemsError(
            f"{folder} is no valid submission to {request.settings.edition}, mode {request.mode}: "
            f"{len(problems)} problem{'s' * (len(problems) > 1)}",
            problems,
            hint=f"score the whole set and submit again: asd score{edition.option} --mode "
            f"{request.mode} && asd submit{edition.option}",
        )
    label = folder.resolve().name or "submission"
    path = request.output or Path(f"{label}.zip")
    names = sorted(wanted)
    content = pack(label, {name: (folder / name).read_bytes() for name in names})
    write_bytes(path, content)
    return SubmitResult(path, len(names), clips, hash_bytes(content), tuple(sorted(known_from)))


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


def _labels(layout: Layout, request: SubmitRequest) -> LabelSource | None:
    """Find the official labels of the evaluation set, where there are any."""
    place = request.ground_truth or layout.ground_truth_directory
    if request.mode is not Mode.EVAL or not place.exists():
        return None
    return open_labels(place, layout.edition)


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


_KINDS: tuple[tuple[str, Callable[[str], object]], ...] = (
    (SCORE, parse_score),
    (DECISION, parse_binary),
)


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
