"""Systems and what is asked of them: from a folder of score files to figures and intervals."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from asd_cli.artifacts.manifest import Manifest, read_manifest
from asd_cli.artifacts.score_files import ScoreTable, find_score_files, read_score_table
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.hashing import hash_file
from asd_cli.core.types import Mode
from asd_cli.core.version import package_version
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.evaluation.bootstrap import RESAMPLES, Resampled, resample
from asd_cli.evaluation.evaluation import Evaluation, evaluate_scores
from asd_cli.evaluation.intervals import (
    LEVEL,
    Intervals,
    evaluation_intervals,
)
from asd_cli.evaluation.inverted import inverted_machines
from asd_cli.evaluation.label_sources import LabelSource, Truth, open_labels
from asd_cli.evaluation.labelled import LabelledScores, label_rows
from asd_cli.evaluation.labels import join_labels, tables_of, truth_from_names
from asd_cli.evaluation.rules import rule_of
from asd_cli.pipeline.completeness import Scored, completeness_notes
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.same_recordings import same_recordings
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
        Official labels, a folder of files or a list; by default those that
        ``asd fetch --stage ground-truth`` installed.
    fail_under : float or None
        Least official score that passes, in [0, 1].
    confidence : float or None
        Give every figure an interval of this confidence, in (0, 1).
    resamples : int or None
        Draws of the bootstrap; None means 1,000.
    baseline : Path or None
        Compare all systems with this one: one of `folders`, by path or name, or another folder.
    published : bool
        Set the edition's published results beside.
    """

    settings: Settings
    mode: Mode = Mode.DEV
    folders: tuple[Path, ...] = ()
    machines: tuple[str, ...] = ()
    ground_truth: Path | None = None
    fail_under: float | None = None
    confidence: float | None = None
    resamples: int | None = None
    baseline: Path | None = None
    published: bool = False

    @property
    def resampled(self) -> bool:
        """Whether clips are drawn again."""
        return self.confidence is not None or self.baseline is not None

    @property
    def level(self) -> float:
        """Confidence of the intervals, where there are any."""
        return LEVEL if self.confidence is None else self.confidence

    @property
    def draws(self) -> int:
        """Number of draws, where there are any."""
        return RESAMPLES if self.resamples is None else self.resamples


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
    scores : tuple of LabelledScores
        The same, with the truth.
    resampled : Resampled or None
        The figures on drawn clips, where they were asked for.
    intervals : Intervals or None
        Intervals of all figures, where they were asked for.
    """

    name: str
    folder: Path
    edition: str
    mode: Mode
    detector: str
    signature: str
    evaluation: Evaluation
    tables: tuple[ScoreTable, ...] = field(repr=False)
    scores: tuple[LabelledScores, ...] = field(default=(), repr=False)
    resampled: Resampled | None = field(default=None, repr=False)
    intervals: Intervals | None = field(default=None, repr=False)


def place_baseline(baseline: Path, folders: list[Path]) -> int:
    """Find the baseline among the folders, by path or name; a folder that is not, goes first."""
    for index, folder in enumerate(folders):
        if folder.resolve() == baseline.resolve():
            return index
    named = [i for i, folder in enumerate(folders) if _name(folder) == str(baseline)]
    if len(named) == 1:
        return named[0]
    if not baseline.is_dir():
        raise UsageError(
            f"the baseline {baseline} is no system",
            hint=f"name a folder of score files, or one of: {', '.join(map(_name, folders))}",
        )
    folders.insert(0, baseline)
    return 0


def _name(folder: Path) -> str:
    return Path(os.path.normpath(folder)).name


def with_names_apart(systems: Sequence[System]) -> tuple[System, ...]:
    """Call systems whose folders have the same name by their paths."""
    count = Counter(system.name for system in systems)
    return tuple(
        system if count[system.name] == 1 else replace(system, name=str(system.folder))
        for system in systems
    )


def evaluate_folder(folder: Path, request: EvaluateRequest, layout: Layout) -> System:
    """Evaluate the score files of one folder; errors as in `asd_cli.services.evaluate.evaluate`."""
    edition = layout.edition
    own = folder == layout.result_directory and not request.folders
    manifest = read_manifest(folder / "manifest.json")
    require_edition(manifest, folder, layout)
    if own:
        require_same_run(manifest, layout)
    found = find_score_files(folder, edition.score_files, edition.machines)
    present = {key.machine for key in found}
    unknown = [machine for machine in request.machines if machine not in present]
    if unknown:
        raise UsageError(
            f"{folder} has no scores of {unknown[0]!r}", hint=f"it has {', '.join(sorted(present))}"
        )
    source = _label_source(request, layout)
    labelled = [
        _with_truth(table, source, edition)
        for key, path in found.items()
        if not request.machines or key.machine in request.machines
        for table in tables_of(read_score_table(key, path), edition)
    ]
    tables = tuple(table for table, _ in labelled)
    scores = tuple(
        part for table, truth in labelled for part in label_rows(table, truth.labels, truth.domains)
    )
    max_fpr, seed, rule = request.settings.max_fpr, request.settings.seed, rule_of(edition.rows)
    evaluation = evaluate_scores(scores, max_fpr=max_fpr, rule=rule)
    resampled = (
        resample(scores, max_fpr=max_fpr, draws=request.draws, seed=seed, rule=rule)
        if request.resampled
        else None
    )
    intervals = (
        evaluation_intervals(evaluation, resampled, confidence=request.level, seed=seed)
        if resampled is not None and request.confidence is not None
        else None
    )
    scored = Scored(
        layout=layout,
        tables=tables,
        manifest=manifest,
        labels=source,
        machines=request.machines,
        own=own,
    )
    notes = [
        *evaluation.notes,
        *inverted_machines(evaluation, own=own),
        *same_recordings(scored.records, scores),
        *completeness_notes(scored),
    ]
    if own and manifest is not None:
        _require_as_written(folder, manifest, request.machines, layout)
    detector = _UNKNOWN if manifest is None else manifest.detector
    return System(
        name=detector if own else _name(folder),
        folder=folder,
        edition=request.settings.edition,
        mode=request.mode,
        detector=detector,
        signature=str(signature_of(request, manifest, evaluation.machines)),
        evaluation=replace(evaluation, notes=tuple(notes)),
        tables=tables,
        scores=scores,
        resampled=resampled,
        intervals=intervals,
    )


def _require_as_written(
    folder: Path, manifest: Manifest, machines: tuple[str, ...], layout: Layout
) -> None:
    """Refuse own files that lack rows, or were changed, since they were scored."""
    for machine, record in manifest.machines.items():
        if machines and machine not in machines:
            continue
        for name, digest in record.files.items():
            path = folder / Path(name).name
            if not path.is_file() or hash_file(path) != digest:
                what = "changed" if path.is_file() else "is missing"
                raise DataError(
                    f"{path} {what} since {machine} was scored",
                    hint=f"write it again: {layout.command('score', machine)}; or evaluate the "
                    f"folder as it is: asd evaluate {folder}",
                )


def _label_source(request: EvaluateRequest, layout: Layout) -> LabelSource | None:
    """Find the official labels; None where labels are in the clips' names."""
    if request.mode is Mode.DEV:
        return None
    edition = layout.edition
    place = request.ground_truth or layout.ground_truth_directory
    if not place.exists():
        raise DataError(
            f"there is no folder of labels {place}",
            hint=f"{how_to_get_labels(edition)}; or say where they lie: --ground-truth DIR",
        )
    return open_labels(place, edition)


def how_to_get_labels(edition: Edition) -> str:
    """Say where an edition's labels are, for hints."""
    if "ground-truth" in edition.stages:
        return f"run {edition.fetch_command('ground-truth')}"
    return f"download them from {edition.ground_truth}"


def _with_truth(
    table: ScoreTable, source: LabelSource | None, edition: Edition
) -> tuple[ScoreTable, Truth]:
    if source is None:
        return table, truth_from_names(table, edition)
    return join_labels(table, source, edition)


def require_edition(manifest: Manifest | None, folder: Path, layout: Layout) -> None:
    """Refuse results that were scored for another edition.

    Raises
    ------
    UsageError
        Names both editions.
    """
    asked = layout.edition.name
    if manifest is not None and manifest.edition != asked:
        made_for = manifest.edition
        raise UsageError(
            f"{folder} holds results of {made_for}, and the edition is {asked}",
            hint=f"choose that edition: --edition {made_for}; or another folder for this one: "
            f"--set result_directory=result_{asked}",
        )


def require_same_run(manifest: Manifest | None, layout: Layout) -> None:
    """Refuse own results of another mode or detector, which only a flat folder can hold.

    Raises
    ------
    UsageError
        Names both.
    """
    if manifest is None:
        return
    made = (manifest.mode, manifest.detector)
    if made != (layout.mode.value, layout.plan.name):
        folder = layout.result_directory
        raise UsageError(
            f"{folder} holds results of {made[1]} in mode {made[0]}, and {layout.plan.name} in "
            f"mode {layout.mode} is asked for",
            hint=f"choose those: --mode {made[0]} --detector {made[1]}; or another folder: "
            f"--set result_directory={folder.name}_{layout.mode}",
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """What one must know to compare a figure with others, after sacreBLEU (Post 2018).

    Attributes
    ----------
    edition, mode, detector : str
        What was evaluated.
    max_fpr : float
        False-positive rate where the pAUC ends.
    features, seed : str
        Of the models, as they were trained; ``mixed`` where machines differ, ``unknown`` where
        nothing tells.
    bootstrap : tuple of (float, int, int) or None
        Confidence, draws and seed of the intervals.
    """

    edition: str
    mode: str
    detector: str
    max_fpr: float
    features: str
    seed: str
    bootstrap: tuple[float, int, int] | None = None

    def __str__(self) -> str:
        facts: dict[str, object] = {
            "edition": self.edition,
            "mode": self.mode,
            "max_fpr": f"{self.max_fpr:g}",
            "detector": self.detector,
            "recipe": self.features[:12],
            "seed": self.seed,
            "asd": package_version(),
        }
        if self.bootstrap is not None:
            confidence, draws, seed = self.bootstrap
            facts["confidence"] = f"{confidence:g}"
            facts["resamples"] = draws
            facts["bootstrap_seed"] = seed
        return "|".join(f"{key}:{value}" for key, value in facts.items())


def signature_of(
    request: EvaluateRequest, manifest: Manifest | None, machines: Sequence[str]
) -> Signature:
    """Describe the figures of some machines; seed and features are those of their models."""
    records = {} if manifest is None else manifest.machines
    used = [records[machine].training for machine in machines if machine in records]
    return Signature(
        edition=request.settings.edition,
        mode=request.mode.value,
        detector=_UNKNOWN if manifest is None else manifest.detector,
        max_fpr=request.settings.max_fpr,
        features=_common(training.features for training in used),
        seed=_common(str(training.seed) for training in used),
        bootstrap=(request.level, request.draws, request.settings.seed)
        if request.resampled
        else None,
    )


def _common(values: Iterable[str]) -> str:
    found = set(values)
    return found.pop() if len(found) == 1 else "mixed" if found else _UNKNOWN
