"""Scoring of one machine type: model and features to score files, and a record of them."""

import json
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.bundle import ModelBundle, read_bundle
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
from asd_cli.core.hashing import combine, hash_file
from asd_cli.core.types import Clip
from asd_cli.detectors.base import Scores
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.bundles import decision_threshold, detector_of, require_same_edition
from asd_cli.pipeline.layout import RunRequest, Workspace
from asd_cli.pipeline.per_machine import MachineTask

MachineRecord = tuple[str, dict[str, Any]]

# Settings with which a model can only be scored as it was trained.
_DECISIVE = ("feature.", "pooling.", "backend.", "ensemble.", "encoder.")


def usable_bundle(workspace: Workspace, machine: str) -> ModelBundle:
    """Read a machine's model, if it is one of these settings.

    Raises
    ------
    DataError
        When there is none, or its training was broken off.
    UsageError
        When it is of another machine, mode or edition, or was trained with other settings.
    IntegrityError
        When it is damaged.
    """
    path = workspace.model(machine)
    train = workspace.command("train", machine)
    with storage_errors(path):
        missing = not path.exists()
    if missing:
        begun = workspace.checkpoint(machine).exists()
        raise DataError(
            f"the training of {machine} was broken off" if begun else f"there is no model {path}",
            hint=f"{'go on' if begun else 'train one'}: {train}",
        )
    bundle = read_bundle(path)
    facts = bundle.facts
    if facts["threshold"] is None:
        raise DataError(
            f"{path} has no decision threshold yet: its training was broken off",
            hint=f"go on: {train}",
        )
    if facts["mode"] != workspace.mode or facts["machine"] != machine:
        raise UsageError(
            f"{path} is the model of {facts['machine']} in mode {facts['mode']}, not of {machine} "
            f"in mode {workspace.mode}",
            hint=f"train one: {train} --force",
        )
    require_same_edition(bundle, path, workspace)
    identity = facts["identity"]
    if identity["detector"] != workspace.detector.name:
        raise IntegrityError(f"{path} holds the detector {identity['detector']}")
    for key, value in workspace.training_settings().items():
        decisive = key.rpartition(": ")[2].startswith(_DECISIVE)
        if decisive and key in identity and identity[key] != value:
            raise UsageError(
                f"{path} was trained with {key} = {identity.get(key)!r}, and it is {value!r} now",
                hint=f"train again: {train}; or set it back: "
                f"--set {key}={_yaml_value(identity.get(key))}",
            )
    return bundle


def _yaml_value(value: Any) -> str:
    """Write a setting as `--set` takes it, without a blank that a shell would split at."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def scoring_inputs(
    workspace: Workspace, machine: str, stores: Sequence[FeatureStore]
) -> dict[str, Any]:
    """Everything that decides the scores."""
    return {
        "model": hash_file(workspace.model(machine)),
        "data": combine((str(i), store.fingerprint) for i, store in enumerate(stores)),
        "score_hop_frames": workspace.settings.feature.score_hop_frames,
        **workspace.calibration_settings(),
    }


def score_machine(request: RunRequest, task: MachineTask, events: Events) -> MachineRecord:
    """Score one machine; gives its name and its record in the manifest. May run in a worker."""
    import torch

    started = time.monotonic()
    workspace, machine = Workspace(request.settings, request.mode), task.machine
    stores = task.stores(workspace)
    inputs = scoring_inputs(workspace, machine, stores)
    bundle = usable_bundle(workspace, machine)
    detector = detector_of(bundle, workspace, request.device)
    threshold = decision_threshold(bundle, workspace, highest_score=detector.highest_score)
    results = [detector.score(store, events) for store in stores]
    files: dict[str, str] = {}
    flagged = 0
    for store, scores in zip(stores, results, strict=True):
        limits = [threshold.of(clip.section, clip.domain) for clip in store.clips]
        decisions = (scores.clips > np.array(limits)).astype(int)
        files.update(_write_csvs(workspace, store, scores, decisions))
        flagged += int(decisions.sum())
    windows = write_window_scores(workspace.window_scores(machine), stores, results)
    files[windows.name] = hash_file(windows)
    return machine, {
        "inputs": inputs,
        "files": files,
        "clips": sum(len(scores.clips) for scores in results),
        "flagged": flagged,
        "threshold": threshold.as_dict(),
        "threads": torch.get_num_threads(),
        "training": {
            "threads": bundle.facts["threads"],
            "precision": bundle.facts["identity"].get("fit.precision", "fp32"),
        },
        "seconds": round(time.monotonic() - started, 1),
    }


def _write_csvs(
    workspace: Workspace, store: FeatureStore, scores: Scores, decisions: npt.NDArray[np.int_]
) -> dict[str, str]:
    """Write the files of one test folder; gives the SHA-256 of each by name."""
    written = {}
    form, decided = workspace.edition.score_files[0], workspace.edition.decisions
    numbered = enumerate(store.clips)
    for (section, domain), group in groupby(
        numbered, lambda pair: (pair[1].section, _domain_of_file(pair[1], form))
    ):
        chosen = [index for index, _ in group]
        names = [store.clips[index].name for index in chosen]
        key = ScoreFileKey(store.clips[chosen[0]].machine, section, domain)
        score_path = workspace.result_directory / key.file_name(SCORE, form)
        write_scores(score_path, names, scores.clips[chosen])
        written[score_path.name] = hash_file(score_path)
        if decided:
            decision_path = workspace.result_directory / key.file_name(DECISION, form)
            write_decisions(decision_path, names, decisions[chosen])
            written[decision_path.name] = hash_file(decision_path)
    return written


def _domain_of_file(clip: Clip, form: str) -> str | None:
    """Tell which domain's file a clip's score goes into; None where one file is of both."""
    return str(clip.domain) if "{domain}" in form else None


def write_window_scores(
    path: Path, stores: Sequence[FeatureStore], results: Sequence[Scores]
) -> Path:
    """Keep the scores of all windows, for the report: one float32 array a clip, by file name."""
    from safetensors.numpy import save

    tensors = {
        clip.name: np.ascontiguousarray(values, np.float32)
        for store, scores in zip(stores, results, strict=True)
        for clip, values in zip(store.clips, scores.windows, strict=True)
    }
    write_bytes(path, save(tensors))
    return path
