"""`asd evaluate`: the official figures of any system, from its CSV files alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asd_cli.artifacts.manifest import read_manifest
from asd_cli.core.errors import IncompleteError, QualityGateError, UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import write_text
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.evaluation.notes import NoteKind
from asd_cli.evaluation.result_csv import render_result_csv
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.ranking import (
    Comparison,
    RankedSystem,
    compare_systems,
    rank_systems,
    require_references,
)
from asd_cli.pipeline.systems import (
    EvaluateRequest,
    System,
    evaluate_folder,
    place_baseline,
    with_names_apart,
)
from asd_cli.reporting.references import References

__all__ = [
    "EvaluateRequest",
    "EvaluateResult",
    "System",
    "evaluate",
    "require_complete",
    "require_quality",
]


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """What was evaluated.

    Attributes
    ----------
    systems : tuple of System
        In the order they were named.
    result_csv : Path or None
        The ``result.csv`` that was written, if one was.
    leaderboard : tuple of RankedSystem
        The systems by official score; empty where there is only one.
    comparison : Comparison or None
        Differences to the baseline, where one was named.
    references : References or None
        Published results, where they were asked for.
    """

    systems: tuple[System, ...]
    result_csv: Path | None
    leaderboard: tuple[RankedSystem, ...] = ()
    comparison: Comparison | None = None
    references: References | None = None


def evaluate(request: EvaluateRequest, events: Events = SILENT) -> EvaluateResult:
    """Evaluate systems from their score files.

    Raises
    ------
    DataError
        When score files or labels are missing or malformed; names file and line.
    UsageError
        When a machine was asked for that is not there, or the request contradicts itself.
    """
    _check(request)
    layout = Layout(request.settings, request.mode)
    load_edition(request.settings.edition)
    references = (
        require_references(request.settings.edition, request.mode) if request.published else None
    )
    folders = list(request.folders or (layout.result_directory,))
    base = None if request.baseline is None else place_baseline(request.baseline, folders)
    systems = with_names_apart([evaluate_folder(f, request, layout) for f in folders])
    for system in systems:
        _tell_notes(system, events)
    if references is not None:
        _warn_of_synthetic(systems, layout, events)
    written = None
    if not request.folders and request.machines:
        # The table holds all machines: one of some of them must not replace it.
        events.note(f"{layout.result_csv} is not written: it is of all machines")
    elif not request.folders:
        written = layout.result_csv
        own = next(s for s in systems if s.folder == layout.result_directory)
        form = layout.edition.result_csv
        write_text(written, render_result_csv(own.evaluation, request.mode, form))
    several = len(systems) > 1
    return EvaluateResult(
        systems,
        written,
        leaderboard=rank_systems(systems, events) if several else (),
        comparison=None
        if base is None
        else compare_systems(
            systems,
            systems[base],
            max_fpr=request.settings.max_fpr,
            confidence=request.level,
            events=events,
        ),
        references=references,
    )


def _tell_notes(system: System, events: Events) -> None:
    """Warn of everything that is odd about the figures, missing machines in one line."""
    notes = system.evaluation.notes
    missing = [note for note in notes if note.kind is NoteKind.MISSING_MACHINE]
    if len(missing) > 1:
        names = ", ".join(note.machine for note in missing)
        events.warning(f"{system.name}: no scores of {len(missing)} machines: {names}")
    for note in notes:
        if note.kind is NoteKind.RESTRICTED:
            events.note(f"{system.name}: {note}")
        elif len(missing) < 2 or note not in missing:
            events.warning(f"{system.name}: {note}")


def _check(request: EvaluateRequest) -> None:
    if not 0 < request.level < 1:
        raise UsageError(
            f"a confidence of {request.level:g} is not between 0 and 1",
            hint="give a share: --confidence 0.95",
        )
    if request.draws < 2:
        raise UsageError("intervals need two draws at least", hint="give --resamples 1000")
    if request.resamples is not None and not request.resampled:
        raise UsageError(
            "--resamples says how intervals are made, and none were asked for",
            hint="add --confidence 0.95",
        )


def _warn_of_synthetic(systems: Sequence[System], layout: Layout, events: Events) -> None:
    """Warn where published results are of other recordings than the system's."""
    from asd_cli.pipeline.report_state import is_synthetic

    for system in systems:
        manifest = read_manifest(system.folder / "manifest.json")
        own = system.folder == layout.result_directory
        if is_synthetic(layout, manifest, own=own):
            events.warning(
                f"{system.name} was scored on a synthetic set; published results are of the "
                "challenge's recordings and cannot be compared with it"
            )


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
                f"{system.name}: the {system.evaluation.score_name} {shown} is below {fail_under:g}"
            )


def require_complete(result: EvaluateResult) -> None:
    """Refuse figures of which something is missing, mixed or out of date.

    Raises
    ------
    IncompleteError
        Names the first system, what is missing and how many notes more there are.
    """
    for system in result.systems:
        notes = system.evaluation.incomplete
        if notes:
            raise IncompleteError(
                f"{system.name} is not completely evaluated",
                [note.text for note in notes],
                hint="complete it: asd run; or read the notes: asd evaluate --format json",
            )
