"""What a report says of a system: its figures, machines, settings and where they came from."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from asd_cli.artifacts.manifest import Manifest, read_manifest
from asd_cli.core.errors import AsdError, UsageError
from asd_cli.core.structures import to_plain
from asd_cli.core.types import Mode
from asd_cli.detectors.registry import detector_spec
from asd_cli.detectors.spec import LOSS, Loss
from asd_cli.evaluation.labelled import FloatArray, LabelledScores
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.report_state import (
    find_attributes,
    is_synthetic,
    recorded_threshold,
    run_problems,
)
from asd_cli.pipeline.systems import System
from asd_cli.reporting.content import MachineContent, SystemContent, infer_threshold
from asd_cli.reporting.history import read_history
from asd_cli.settings.layers import in_force
from asd_cli.settings.model import Settings, leaves


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


def system_content(system: System, layout: Layout, request: ReportRequest) -> SystemContent:
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
                p_values=clip_p_values(layout, name, scores) if own else {},
                loss=_loss(system.detector),
            )
        )
    return tuple(machines)


def clip_p_values(
    layout: Layout, machine: str, scores: Sequence[LabelledScores]
) -> dict[tuple[str, str | None], FloatArray]:
    """Compute p-values where the model is there and is the one of these scores."""
    try:
        model = Model.load(layout.model(machine))
        return {
            (part.section, part.domain): model.p_values(
                part.scores, [(part.section, part.domain)] * len(part.scores)
            )
            for part in scores
        }
    except AsdError:
        return {}


def _loss(detector: str) -> Loss:
    try:
        return detector_spec(detector).loss
    except UsageError:
        return LOSS


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
