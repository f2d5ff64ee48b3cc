"""`asd report`: one page that shows how good a run is, where it fails, which clips, and why."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from asd_cli.artifacts.manifest import Manifest, read_manifest
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.files import write_text
from asd_cli.core.structures import to_plain
from asd_cli.core.types import Mode
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.report_clips import machine_cards
from asd_cli.pipeline.report_state import (
    find_attributes,
    is_synthetic,
    recorded_threshold,
    run_problems,
)
from asd_cli.pipeline.systems import require_same_run
from asd_cli.reporting.cards import ClipCard
from asd_cli.reporting.comparison import compare_pages
from asd_cli.reporting.content import (
    MachineContent,
    SystemContent,
    infer_threshold,
)
from asd_cli.reporting.history import read_history
from asd_cli.reporting.markdown import comparison_markdown, report_markdown
from asd_cli.reporting.page import ReportPage, build_page
from asd_cli.reporting.papers import write_figures
from asd_cli.reporting.render import render_comparison, render_report
from asd_cli.services.evaluate import EvaluateRequest, System, evaluate
from asd_cli.settings.layers import in_force
from asd_cli.settings.model import Settings, leaves

_COMPARISON = "comparison.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """What to report on.

    Attributes
    ----------
    settings : Settings
        Folders, detector, edition, `max_fpr`.
    mode : Mode
        Development or evaluation set.
    folders : tuple of Path
        Systems to set side by side, one a folder of CSV files; empty means this project's own
        results. Nothing is written into a folder that is named.
    machines : tuple of str
        Machine types; empty means all.
    audio : bool
        Whether clips can be played in the page.
    figures : Path or None
        Folder for PNG, SVG and CSV of every chart.
    format : str
        ``html`` writes the page, ``md`` gives text and writes no page.
    ground_truth : Path or None
        Official labels of the evaluation set.
    origins : mapping of str to str
        Dotted key of a setting to where it came from, as `load_settings` tells it.
    """

    settings: Settings
    mode: Mode = Mode.DEV
    folders: tuple[Path, ...] = ()
    machines: tuple[str, ...] = ()
    audio: bool = True
    figures: Path | None = None
    format: Literal["html", "md"] = "html"
    ground_truth: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportResult:
    """A report.

    Attributes
    ----------
    path : Path or None
        The page; None for text.
    text : str or None
        Markdown; None for a page.
    complete : bool
        Whether the run is whole and of one piece.
    problems : tuple of str
        Why it is not; the report says so on top.
    """

    path: Path | None
    text: str | None
    complete: bool
    problems: tuple[str, ...]


def report(request: ReportRequest, events: Events = SILENT) -> ReportResult:
    """Write the report of this project's results, or a comparison of the folders named.

    Raises
    ------
    DataError
        When score files or labels are missing or malformed; names file and line.
    UsageError
        When a machine was asked for that is not there.
    StorageError
        When the report cannot be written.
    """
    layout = Layout(request.settings, request.mode)
    if not request.folders:
        require_same_run(read_manifest(layout.manifest), layout)
    evaluated = evaluate(
        EvaluateRequest(
            settings=request.settings,
            mode=request.mode,
            folders=request.folders or (layout.result_directory,),
            machines=request.machines,
            ground_truth=request.ground_truth,
        )
    )
    contents = [_content(system, layout, request) for system in evaluated.systems]
    if request.figures is not None:
        write_figures(contents, request.figures, events)
    problems = tuple(problem for content in contents for problem in content.problems)
    if request.folders:
        path, text = _comparison(contents, layout, request)
    else:
        path, text = _own_report(contents[0], layout, request, events)
    return ReportResult(path, text, not problems, problems)


def _comparison(
    contents: list[SystemContent], layout: Layout, request: ReportRequest
) -> tuple[Path | None, str | None]:
    page = compare_pages([build_page(content) for content in contents])
    if request.format == "md":
        return None, comparison_markdown(page)
    path = layout.settings.result_directory / request.mode / _COMPARISON
    write_text(path, render_comparison(page))
    return path, None


def _own_report(
    content: SystemContent, layout: Layout, request: ReportRequest, events: Events
) -> tuple[Path | None, str | None]:
    if request.format == "md":
        return None, report_markdown(build_page(content))
    cards: dict[str, tuple[tuple[ClipCard, ...], ...]] = {}
    remarks: list[str] = []
    with progress(events, "report", total=len(content.machines), unit="machines") as advance:
        for machine in content.machines:
            shown = machine_cards(layout, machine, audio=request.audio)
            cards[machine.name] = shown.cards
            remarks.extend(shown.remarks)
            advance(1, machine.name)
    page: ReportPage = build_page(content, cards, remarks=tuple(remarks))
    write_text(layout.report, render_report(page))
    return layout.report, None


def _content(system: System, layout: Layout, request: ReportRequest) -> SystemContent:
    """Gather what the report says of a system; other systems' folders hold CSV files alone."""
    manifest = read_manifest(system.folder / "manifest.json")
    own = not request.folders
    return SystemContent(
        name=manifest.detector if own and manifest is not None else system.name,
        detector=system.detector,
        edition=system.edition,
        mode=request.mode.value,
        signature=system.signature,
        max_fpr=request.settings.max_fpr,
        evaluation=system.evaluation,
        machines=_machines(system, layout, request, manifest),
        synthetic=is_synthetic(layout, manifest, own=own),
        problems=run_problems(system, layout, manifest, machines=request.machines, own=own),
        written="" if manifest is None else manifest.written,
        seconds=None if manifest is None else manifest.seconds,
        settings=_setting_rows(manifest, request),
        manifest={} if manifest is None else to_plain(manifest),
    )


def _machines(
    system: System, layout: Layout, request: ReportRequest, manifest: Manifest | None
) -> tuple[MachineContent, ...]:
    parts = {part.key: part for part in system.scores}
    machines = []
    for name in system.evaluation.machines:
        rows = [row for row in system.evaluation.rows if row.machine == name]
        scores = tuple(parts[row.machine, row.section, row.domain] for row in rows)
        own = not request.folders
        threshold = recorded_threshold(manifest, name) if own else None
        machines.append(
            MachineContent(
                name=name,
                scores=scores,
                threshold=threshold or infer_threshold(scores),
                history=read_history(layout.history(name, ".csv")) if own else (),
                attributes=find_attributes(layout, name, scores),
            )
        )
    return tuple(machines)


def _setting_rows(
    manifest: Manifest | None, request: ReportRequest
) -> tuple[tuple[str, str, str, bool], ...]:
    """List the settings that the models really used, where each came from, and what is changed."""
    if manifest is None:
        return ()
    defaults, current = in_force(Settings()), in_force(request.settings)
    rows = []
    for key, by_machine in sorted(_used_settings(manifest).items()):
        values = list(by_machine.values())
        same = all(value == values[0] for value in values)
        changed = key not in defaults or not same or defaults[key] != values[0]
        origin = "default"
        if changed:
            origin = request.origins.get(key, "") if same and current.get(key) == values[0] else ""
            origin = "recorded with the model" if origin in {"", "default"} else origin
        text = _plain(values[0]) if same else "; ".join(
            f"{machine}: {_plain(value)}" for machine, value in by_machine.items()
        )  # fmt: skip
        rows.append((key, text, origin, changed))
    return tuple(rows)


def _used_settings(manifest: Manifest) -> dict[str, dict[str, object]]:
    """Dotted key to machine to value, as models and scores record it."""
    found: dict[str, dict[str, object]] = {}
    for machine, record in manifest.machines.items():
        scoring = {k: v for k, v in record.inputs.items() if k not in {"model", "data"}}
        scoring["feature.score_hop_frames"] = scoring.pop("score_hop_frames", None)
        for key, value in leaves({**record.training.settings, **scoring}):
            found.setdefault(key, {})[machine] = value
    return found


def _plain(value: object) -> str:
    return "null" if value is None else os.fspath(value) if isinstance(value, str) else str(value)
