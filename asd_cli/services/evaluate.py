"""`asd evaluate`: the official figures of any system, from its CSV files alone."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asd_cli import __version__
from asd_cli.artifacts.manifest import read_manifest
from asd_cli.artifacts.score_files import ScoreTable, find_score_files, read_score_table
from asd_cli.core.errors import DataError, QualityGateError, UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import write_text
from asd_cli.core.types import Mode
from asd_cli.data.editions import load_edition
from asd_cli.evaluation.evaluation import Evaluation, evaluate_tables
from asd_cli.evaluation.labels import labels_from_files, labels_from_names
from asd_cli.evaluation.result_csv import render_result_csv
from asd_cli.services.workspace import Workspace
from asd_cli.settings.model import Settings

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateRequest:
    """What to evaluate.

    Attributes
    ----------
    settings : Settings
        Edition, `max_fpr`, folders.
    mode : Mode
        Development labels are in the clips' names, evaluation labels in files.
    folders : tuple of Path
        Systems to evaluate, one a folder of CSV files; empty means this project's own results,
        which alone get a ``result.csv``.
    machines : tuple of str
        Machine types; empty means all.
    ground_truth : Path or None
        Official label files; by default those that ``asd fetch --stage ground-truth`` brought.
    fail_under : float or None
        Least official score that passes, in [0, 1].
    """

    settings: Settings
    mode: Mode = Mode.DEV
    folders: tuple[Path, ...] = ()
    machines: tuple[str, ...] = ()
    ground_truth: Path | None = None
    fail_under: float | None = None


@dataclass(frozen=True, slots=True)
class System:
    """One evaluated system.

    Attributes
    ----------
    name : str
        Name of its folder, or of the detector for this project's own results.
    folder : Path
        Where its score files are.
    edition, mode, detector : str
        What was evaluated; the detector is ``unknown`` for other systems.
    signature : str
        Everything one must know to compare the figures with others.
    evaluation : Evaluation
        The figures.
    tables : tuple of ScoreTable
        The scores they were computed from.
    """

    name: str
    folder: Path
    edition: str
    mode: Mode
    detector: str
    signature: str
    evaluation: Evaluation
    tables: tuple[ScoreTable, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """All evaluated systems, and the ``result.csv`` that was written, if one was."""

    systems: tuple[System, ...]
    result_csv: Path | None


def evaluate(request: EvaluateRequest, events: Events = SILENT) -> EvaluateResult:
    """Evaluate systems from their score files.

    Raises
    ------
    DataError
        When score files or labels are missing or malformed; names file and line.
    UsageError
        When a machine was asked for that is not there.
    """
    workspace = Workspace(request.settings, request.mode)
    load_edition(request.settings.edition)
    folders = request.folders or (workspace.result_directory,)
    systems = tuple(_evaluate_folder(folder, request, workspace) for folder in folders)
    for system in systems:
        for note in system.evaluation.notes:
            events.warning(f"{system.name}: {note}")
    written = None
    if not request.folders:
        written = workspace.result_csv
        write_text(written, render_result_csv(systems[0].evaluation, request.mode))
    return EvaluateResult(systems, written)


def require_quality(result: EvaluateResult, fail_under: float | None) -> None:
    """Refuse systems whose official score is too low.

    Raises
    ------
    QualityGateError
        Names the first system below `fail_under`.
    """
    for system in result.systems:
        official = system.evaluation.official_score
        if fail_under is not None and (official is None or official < fail_under):
            shown = "undefined" if official is None else f"{official:.4f}"
            raise QualityGateError(
                f"{system.name}: the official score {shown} is below {fail_under:g}"
            )


def _evaluate_folder(folder: Path, request: EvaluateRequest, workspace: Workspace) -> System:
    found = find_score_files(folder)
    present = {key.machine for key in found}
    unknown = [machine for machine in request.machines if machine not in present]
    if unknown:
        raise UsageError(
            f"{folder} has no scores of {unknown[0]!r}", hint=f"it has {', '.join(sorted(present))}"
        )
    tables = tuple(
        read_score_table(key, path)
        for key, path in found.items()
        if not request.machines or key.machine in request.machines
    )
    ground_truth = request.ground_truth or workspace.ground_truth_directory
    labelled = [(table, _labels(table, request.mode, ground_truth)) for table in tables]
    evaluation = evaluate_tables(labelled, max_fpr=request.settings.max_fpr)
    own = not request.folders
    manifest = read_manifest(folder / "manifest.json") or {}
    detector = str(manifest.get("detector", _UNKNOWN))
    return System(
        name=detector if own else Path(os.path.normpath(folder)).name,
        folder=folder,
        edition=request.settings.edition,
        mode=request.mode,
        detector=detector,
        signature=_signature(request, detector, manifest),
        evaluation=evaluation,
        tables=tables,
    )


def _labels(table: ScoreTable, mode: Mode, ground_truth: Path) -> dict[str, int]:
    if mode is Mode.DEV:
        return dict(labels_from_names(table))
    if not ground_truth.is_dir():
        raise DataError(
            f"there is no folder of labels {ground_truth}",
            hint="fetch them: asd fetch --stage ground-truth; or say where they lie: "
            "--ground-truth DIR",
        )
    return dict(labels_from_files(table, ground_truth))


def _signature(request: EvaluateRequest, detector: str, manifest: dict[str, Any]) -> str:
    """One line that says what a figure is, after sacreBLEU (Post 2018)."""
    facts = {
        "edition": request.settings.edition,
        "mode": request.mode.value,
        "max_fpr": f"{request.settings.max_fpr:g}",
        "detector": detector,
        "recipe": str(manifest.get("recipe", _UNKNOWN))[:12],
        "seed": manifest.get("seed", _UNKNOWN),
        "asd": __version__,
    }
    return "|".join(f"{key}:{value}" for key, value in facts.items())
