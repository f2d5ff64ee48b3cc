"""`asd submit`: is a folder of score files a whole and valid challenge submission? Then pack it."""

from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.files import write_bytes
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.types import Mode
from asd_cli.evaluation.label_sources import LabelSource, open_labels
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.submission import check_submission, pack
from asd_cli.settings.model import Settings


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
    option = layout.edition.option
    found = check_submission(folder, layout, _labels(layout, request))
    if found.problems:
        raise ProblemsError(
            f"{folder} is no valid submission to {request.settings.edition}, mode {request.mode}: "
            f"{len(found.problems)} problem{'s' * (len(found.problems) > 1)}",
            found.problems,
            hint=f"score the whole set and submit again: asd score{option} --mode "
            f"{request.mode} && asd submit{option}",
        )
    label = folder.resolve().name or "submission"
    path = request.output or Path(f"{label}.zip")
    names = sorted(found.files)
    content = pack(label, {name: (folder / name).read_bytes() for name in names})
    write_bytes(path, content)
    return SubmitResult(path, len(names), found.clips, hash_bytes(content), found.checked_against)


def _labels(layout: Layout, request: SubmitRequest) -> LabelSource | None:
    """Find the official labels of the evaluation set, where there are any."""
    place = request.ground_truth or layout.ground_truth_directory
    if request.mode is not Mode.EVAL or not place.exists():
        return None
    return open_labels(place, layout.edition)
