"""`asd score`: anomaly scores and decisions of the test clips, as CSV files."""

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.bundle import ModelBundle, read_bundle
from asd_cli.artifacts.manifest import read_manifest, write_manifest
from asd_cli.artifacts.score_files import (
    DECISION,
    SCORE,
    ScoreFileKey,
    write_decisions,
    write_scores,
)
from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import remove_abandoned, storage_errors, write_bytes
from asd_cli.core.hashing import combine, hash_file
from asd_cli.core.types import Clip, Mode
from asd_cli.detectors.base import Scores
from asd_cli.detectors.thresholds import Threshold
from asd_cli.execution.executor import make_executor
from asd_cli.features.store import FeatureStore
from asd_cli.services.bundles import decision_threshold, detector_of, require_same_edition
from asd_cli.services.extract import require_features
from asd_cli.services.machines import MachineTask, for_each_machine, threads_for
from asd_cli.services.systems import require_edition
from asd_cli.services.train import train
from asd_cli.services.workspace import RunRequest, Workspace
from asd_cli.settings.render import flatten
from asd_cli.training.devices import require_device_name


@dataclass(frozen=True, slots=True)
class ScoredMachine:
    """One machine's scores.

    Attributes
    ----------
    machine : str
        Machine type.
    fresh : bool
        Whether there was nothing to do.
    clips, flagged : int
        Test clips, and those whose score is above the threshold.
    threshold : Threshold
        What decided.
    files : tuple of str
        Names of the CSV files.
    """

    machine: str
    fresh: bool
    clips: int
    flagged: int
    threshold: Threshold
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Scores of all machines, where they lie, and the recordings that were left out."""

    directory: Path
    machines: tuple[ScoredMachine, ...]
    skipped: tuple[str, ...]


def score(request: RunRequest, events: Events = SILENT) -> ScoreResult:
    """Score the test clips of each machine with its model.

    Raises
    ------
    DataError, ProblemsError
        When models or recordings are missing or unusable.
    UsageError
        When a model was trained with other feature settings, or never saw a section.
    IntegrityError
        When a model is damaged.
    """
    workspace = Workspace(request.settings, request.mode)
    require_device_name(request.device)
    machines = workspace.machines(request.machines)
    _combine_members(workspace, request, events)
    require_edition(read_manifest(workspace.manifest) or {}, workspace.result_directory, workspace)
    for machine in machines:
        _usable_bundle(workspace, machine)
    scored: dict[str, ScoredMachine] = {}
    skipped: list[str] = []
    stale: list[MachineTask] = []
    with closing(make_executor(request.jobs)) as executor:
        for machine in machines:
            stores = {}
            for role in _required_roles(workspace, machine):
                store, bad = require_features(
                    workspace,
                    machine,
                    role,
                    executor=executor,
                    skip_bad=request.skip_bad,
                    events=events,
                )
                stores[role] = store
                skipped.extend(bad)
            inputs = _inputs(workspace, machine, list(stores.values()))
            fresh = None if request.force else _fresh_record(workspace, machine, inputs)
            if fresh is not None:
                scored[machine] = _summary(machine, fresh, fresh=True)
            else:
                clips = tuple((role, store.clips) for role, store in stores.items())
                stale.append(MachineTask(machine, clips, threads_for(request, machines)))
    remove_abandoned(workspace.result_directory)

    def keep(result: tuple[str, dict[str, Any]]) -> None:
        machine, record = result
        _remove_stale_files(workspace, machine, record["files"])
        _update_manifest(workspace, machine, record)
        scored[machine] = _summary(machine, record, fresh=False)

    work = partial(_score_machine, request)
    for_each_machine(work, stale, request=request, events=events, done=keep)
    every = tuple(scored[machine] for machine in machines)
    return ScoreResult(workspace.result_directory, every, tuple(skipped))


def _summary(machine: str, record: dict[str, Any], *, fresh: bool) -> ScoredMachine:
    return ScoredMachine(
        machine,
        fresh,
        record["clips"],
        record["flagged"],
        Threshold(**record["threshold"]),
        tuple(record["files"]),
    )


# Settings with which a model can only be scored as it was trained.
_DECISIVE = ("feature.", "pooling.", "backend.", "ensemble.", "encoder.")


def _combine_members(workspace: Workspace, request: RunRequest, events: Events) -> None:
    """Make the model of an ensemble whose members are trained; nothing is trained for it."""
    missing = [
        machine
        for machine in workspace.machines(request.machines)
        if not workspace.model(machine).exists()
        and all(workspace.member(n).model(machine).exists() for n in workspace.detector.bases)
    ]
    if workspace.detector.is_ensemble and missing:
        train(replace(request, machines=tuple(missing), force=False), events)


def _usable_bundle(workspace: Workspace, machine: str) -> ModelBundle:
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
    return {None: "null", True: "true", False: "false"}.get(value, str(value))


def _required_roles(workspace: Workspace, machine: str) -> tuple[str, ...]:
    roles = workspace.test_roles(machine)
    if not roles:
        stage = "dev" if workspace.mode is Mode.DEV else "eval-test"
        raise DataError(
            f"{workspace.data_directory / machine} has no test folder",
            hint=f"fetch the test clips: {workspace.edition.fetch_command(stage, machine)}",
        )
    return roles


def _inputs(workspace: Workspace, machine: str, stores: Sequence[FeatureStore]) -> dict[str, Any]:
    """Everything that decides the scores."""
    return {
        "model": hash_file(workspace.model(machine)),
        "data": combine((str(i), store.fingerprint) for i, store in enumerate(stores)),
        "score_hop_frames": workspace.settings.feature.score_hop_frames,
        **workspace.calibration_settings(),
    }


def _score_machine(
    request: RunRequest, task: MachineTask, events: Events
) -> tuple[str, dict[str, Any]]:
    """Score one machine; gives its name and its record in the manifest. May run in a worker."""
    import torch

    started = time.monotonic()
    workspace, machine = Workspace(request.settings, request.mode), task.machine
    stores = task.stores(workspace)
    inputs = _inputs(workspace, machine, stores)
    bundle = _usable_bundle(workspace, machine)
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


def _fresh_record(
    workspace: Workspace, machine: str, inputs: dict[str, Any]
) -> dict[str, Any] | None:
    """Give the manifest's record of a machine while nothing it was made from or made changed."""
    manifest = read_manifest(workspace.manifest) or {}
    record = manifest.get("machines", {}).get(machine)
    if not isinstance(record, dict) or record.get("inputs") != inputs:
        return None
    for name, digest in record["files"].items():
        path = workspace.result_directory / name
        if not path.is_file() or hash_file(path) != digest:
            return None
    return record


def _remove_stale_files(workspace: Workspace, machine: str, files: Collection[str]) -> None:
    """Remove score files of sections that the machine no longer has."""
    manifest = read_manifest(workspace.manifest) or {}
    for name in manifest.get("machines", {}).get(machine, {}).get("files", {}):
        if name not in files:
            (workspace.result_directory / Path(name).name).unlink(missing_ok=True)


def _update_manifest(workspace: Workspace, machine: str, record: dict[str, Any]) -> None:
    manifest = read_manifest(workspace.manifest) or {}
    write_manifest(
        workspace.manifest,
        command="score",
        facts={
            "edition": workspace.edition.name,
            "mode": workspace.mode.value,
            "detector": workspace.detector.name,
            "seed": workspace.settings.seed,
            "recipe": workspace.recipe().fingerprint,
            "settings": flatten(workspace.settings),
            "machines": {**manifest.get("machines", {}), machine: record},
        },
    )
