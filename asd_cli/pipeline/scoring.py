"""Scoring of one machine: model and features to score files, and a record of them."""

import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from asd_cli.artifacts.manifest import MachineRecord, now
from asd_cli.artifacts.score_files import (
    DECISION,
    SCORE,
    ScoreFileKey,
    write_decisions,
    write_scores,
)
from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.core.events import Events
from asd_cli.core.files import storage_errors, write_bytes
from asd_cli.core.hashing import hash_file
from asd_cli.core.text import setting_value
from asd_cli.core.types import Clip
from asd_cli.detectors.base import Scores
from asd_cli.detectors.plans import AutoSelect
from asd_cli.detectors.spec import Runtime
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.calibration import threshold_in_force
from asd_cli.pipeline.identity import decisive_settings, for_scoring, scoring_inputs
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.per_machine import MachineTask
from asd_cli.pipeline.request import RunRequest
from asd_cli.pipeline.scored_clips import ScoredClips, require_numbers
from asd_cli.pipeline.training import require_same_edition, torch_threads

_HASH_DIGITS = 16
# Settings that belong to training alone: another value does not make a model another detector.
_TRAINING_ONLY = ("fit.", "seed", "discriminative.", "select.")


def usable_model(layout: Layout, machine: str, device: str = "auto") -> Model:
    """Read a machine's model, if it is one of these settings.

    Raises
    ------
    DataError
        When there is none, or its training was interrupted.
    UsageError
        When it is of another machine, mode or edition, or was trained with other settings.
    IntegrityError
        When it is damaged.
    """
    path = layout.model(machine)
    train = layout.command("train", machine)
    with storage_errors(path):
        missing = not path.exists()
    if missing:
        begun = layout.checkpoint(machine).exists()
        raise DataError(
            f"the training of {machine} was interrupted" if begun else f"there is no model {path}",
            hint=f"{'resume it' if begun else 'train one'}: {train}",
        )
    model = Model.load(path, device=device)
    facts = model.facts
    if facts.calibration is None:
        raise DataError(
            f"{path} has no decision threshold yet: its training was interrupted",
            hint=f"resume it: {train}",
        )
    if facts.mode != layout.mode.value or facts.machine != machine:
        raise UsageError(
            f"{path} is the model of {facts.machine} in mode {facts.mode}, not of {machine} "
            f"in mode {layout.mode}",
            hint=f"train one: {train} --force",
        )
    require_same_edition(model, layout)
    if facts.identity["detector"] != layout.plan.name:
        raise IntegrityError(f"{path} holds the detector {facts.identity['detector']}")
    _require_same_settings(model, layout, train)
    return model


def _require_same_settings(model: Model, layout: Layout, train: str) -> None:
    """Refuse to score with settings that would need another model."""
    made_with = model.facts.training.settings
    present = decisive_settings(layout.settings, layout.features())
    if isinstance(layout.plan, AutoSelect):
        return  # the model is of what was chosen; its options are its own
    path = layout.model(model.machine)
    for key, old, new in _differences(made_with, present):
        raise UsageError(
            f"{path} was trained with {key} = {old!r}, and it is {new!r} now",
            hint=f"train again: {train}; or set it back: --set {key}={setting_value(old)}",
        )


def _differences(
    made_with: Mapping[str, Any], present: Mapping[str, Any], prefix: str = ""
) -> list[tuple[str, Any, Any]]:
    found: list[tuple[str, Any, Any]] = []
    for key, new in present.items():
        old = made_with.get(key)
        if isinstance(new, dict) and isinstance(old, dict):
            found += _differences(old, new, f"{key}.")
        elif key in made_with and old != new and not key.startswith(_TRAINING_ONLY):
            found.append((f"{prefix}{key}", old, new))
    return found


def score_machine(
    request: RunRequest, task: MachineTask, events: Events
) -> tuple[str, MachineRecord]:
    """Score one machine; gives its name and its record in the manifest. May run in a worker."""
    started = time.monotonic()
    layout, machine = Layout(request.settings, request.mode), task.machine
    store = task.store()
    inputs = scoring_inputs(layout, machine, store)
    model = usable_model(layout, machine, request.device)
    detector = model.restore(for_scoring(model.options, layout.settings, request.device))
    threshold = threshold_in_force(model, layout, detector.highest_score)
    scores = detector.score(store, events)
    require_numbers(scores.clips, store.clips)
    decided = model.decide(store.clips, scores, threshold)
    files = _write_csvs(layout, store.clips, decided, scores.clips.dtype)
    windows = write_window_scores(layout.window_scores(machine), store, scores)
    files[windows.name] = hash_file(windows)
    torch = layout.plan.runtime is Runtime.TORCH
    return machine, MachineRecord(
        inputs=inputs,
        files=files,
        clips=len(store),
        flagged=sum(row.anomalous for row in decided),
        threshold=threshold,
        training=model.facts.training,
        threads=torch_threads() if torch else None,
        seconds=round(time.monotonic() - started, 1),
        written=now(),
        data_directory=str(layout.data_directory),
        recordings={
            clip.name: value[:_HASH_DIGITS]
            for clip, value in zip(store.clips, store.hashes, strict=True)
        },
        left_out=task.left_out,
    )


def _write_csvs(
    layout: Layout, clips: Sequence[Clip], decided: ScoredClips, precision: np.dtype[Any]
) -> dict[str, str]:
    """Write the files of a machine; gives the SHA-256 of each by name."""
    written = {}
    form, decisions = layout.edition.score_files[0], layout.edition.decisions
    numbered = enumerate(clips)
    for (section, domain), group in groupby(
        numbered, lambda pair: (pair[1].section, _domain_of_file(pair[1], form))
    ):
        chosen = [index for index, _ in group]
        names = [clips[index].name for index in chosen]
        rows = [decided.rows[index] for index in chosen]
        key = ScoreFileKey(clips[chosen[0]].machine, section or "", domain)
        score_path = layout.result_directory / key.file_name(SCORE, form)
        write_scores(score_path, names, [precision.type(row.score) for row in rows])
        written[score_path.name] = hash_file(score_path)
        if decisions:
            decision_path = layout.result_directory / key.file_name(DECISION, form)
            write_decisions(decision_path, names, [int(row.anomalous) for row in rows])
            written[decision_path.name] = hash_file(decision_path)
    return written


def _domain_of_file(clip: Clip, form: str) -> str | None:
    """Give the domain whose file a clip's score goes into; None where one file is of both."""
    return clip.domain.value if "{domain}" in form and clip.domain is not None else None


def write_window_scores(path: Path, store: FeatureStore, scores: Scores) -> Path:
    """Keep the scores of all windows, for the report: one float32 array a clip, by file name."""
    from safetensors.numpy import save

    tensors = {
        clip.name: np.ascontiguousarray(values, np.float32)
        for clip, values in zip(store.clips, scores.windows, strict=True)
    }
    write_bytes(path, save(tensors))
    return path
