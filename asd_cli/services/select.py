"""`asd select`: which detector suits a machine, told by its normal recordings alone."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from asd_cli.core.errors import ConfigError, DataError
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.datasets.dcase.folders import TRAIN_ROLE
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.registry import create_detector
from asd_cli.evaluation.metrics import auc, harmonic_mean, partial_auc
from asd_cli.execution.executor import make_executor
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.layout import RunRequest, Workspace
from asd_cli.pipeline.pseudo_anomalies import ATTRIBUTE, Trial, plan_trials
from asd_cli.services.extract import require_features
from asd_cli.settings.yaml_file import parse_scalar
from asd_cli.training.devices import deterministic_kernels

# These decide the features, which all candidates share.
_NOT_BY_CANDIDATE = ("feature.sample_rate", "feature.n_mels", "feature.n_fft", "feature.hop_length",
                     "feature.power", "feature.pad_mode", "feature.resample", "feature.channel",
                     "feature.scale")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A detector with settings of its own.

    Attributes
    ----------
    name : str
        As written: ``pooled-knn:pooling.kind=max``.
    workspace : Workspace
        With its settings.
    """

    name: str
    workspace: Workspace


@dataclass(frozen=True, slots=True)
class Rank:
    """How a candidate did.

    Attributes
    ----------
    candidate : str
        As written.
    score : float or None
        Harmonic mean of AUC and pAUC over the trials with strange sections and machines, or, where
        there are none, strange attributes, in [0, 1]; None where it could not be tried.
    by_kind : mapping of str to float
        The same, for each kind of trial.
    seconds : float
        Time of all trials.
    reason : str
        Why it could not be tried.
    """

    candidate: str
    score: float | None
    by_kind: Mapping[str, float]
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The candidates for a machine, the best first.

    Attributes
    ----------
    machine : str
        Machine type.
    ranks : tuple of Rank
        Those that could not be tried are last.
    trials : int
        Trials of each.
    """

    machine: str
    ranks: tuple[Rank, ...]
    trials: int

    @property
    def best(self) -> str:
        """The candidate to use; the first of the list when nothing could be tried."""
        return self.ranks[0].candidate


def select(request: RunRequest, events: Events = SILENT) -> tuple[Selection, ...]:
    """Rank the candidates of ``select.candidates`` for each machine; no anomaly is looked at.

    Raises
    ------
    ConfigError
        When a candidate is no detector or has wrong settings.
    DataError, ProblemsError
        When recordings are missing or unusable.
    """
    workspace = Workspace(request.settings, request.mode)
    candidates(workspace)
    with closing(make_executor(request.jobs)) as executor:
        stores = {
            machine: require_features(
                workspace,
                machine,
                TRAIN_ROLE,
                executor=executor,
                skip_bad=request.skip_bad,
                events=events,
            )[0]
            for machine in workspace.machines(())
        }
    wanted = workspace.machines(request.machines)
    with deterministic_kernels(None):
        return tuple(
            rank_candidates(
                workspace,
                stores[machine],
                {name: store for name, store in stores.items() if name != machine},
                device=request.device,
                events=events,
            )
            for machine in wanted
        )


def candidates(workspace: Workspace) -> tuple[Candidate, ...]:
    """Read ``select.candidates``; ConfigError when one is wrong."""
    return tuple(_parse(text, workspace) for text in workspace.settings.select.candidates)


def _parse(text: str, workspace: Workspace) -> Candidate:
    detector, *parts = text.split(":")
    overrides: dict[str, Any] = {}
    for part in parts:
        key, separator, value = part.partition("=")
        if not separator or key in _NOT_BY_CANDIDATE:
            raise ConfigError(
                f"select.candidates: {text!r}: {part!r} is not a setting of a detector",
                hint="for example: pooled-knn:pooling.kind=max:backend.neighbors=2",
            )
        overrides[key] = parse_scalar(value)
    own = workspace.member(detector, overrides)
    if own.detector.is_choice:
        raise ConfigError(f"select.candidates: {detector} cannot choose itself")
    return Candidate(text, own)


def rank_candidates(
    workspace: Workspace,
    train: FeatureStore,
    others: Mapping[str, FeatureStore],
    *,
    device: str,
    events: Events,
) -> Selection:
    """Try every candidate on one machine.

    Parameters
    ----------
    workspace : Workspace
        Gives candidates and seed.
    train : FeatureStore
        Training clips of the machine.
    others : mapping of str to FeatureStore
        Those of other machines.
    device : str
        Where to compute.
    events : Events
        Told of every trial.
    """
    machine = train.clips[0].machine
    trials = plan_trials(train, others, seed=workspace.settings.seed)
    if not trials:
        events.warning(
            f"{machine}: its clips are all of one kind, so there is nothing to choose by; "
            "the first candidate is taken"
        )
    ranks = []
    entries = candidates(workspace)
    total = len(entries) * len(trials)
    with progress(events, f"select {machine}", total=total, unit="trials") as advance:
        for candidate in entries:
            ranks.append(_try(candidate, trials, device))
            advance(len(trials), candidate.name)
    order = sorted(ranks, key=lambda rank: -1.0 if rank.score is None else rank.score, reverse=True)
    return Selection(machine, tuple(order), len(trials))


def _try(candidate: Candidate, trials: Sequence[Trial], device: str) -> Rank:
    started = time.monotonic()
    values: dict[str, list[float | None]] = {}
    reason = ""
    try:
        for trial in trials:
            values.setdefault(trial.kind, []).extend(_run(candidate, trial, device))
    except DataError as error:
        values, reason = {}, error.message
    by_kind = {kind: harmonic_mean(own) for kind, own in values.items()}
    # A change of attributes is normal variation, too: it decides where nothing stranger can.
    decisive = [value for kind, value in by_kind.items() if kind != ATTRIBUTE]
    return Rank(
        candidate.name,
        harmonic_mean(decisive or list(by_kind.values())) if by_kind else None,
        {kind: value for kind, value in by_kind.items() if value is not None},
        round(time.monotonic() - started, 1),
        reason,
    )


def _run(candidate: Candidate, trial: Trial, device: str) -> tuple[float | None, float | None]:
    """AUC and pAUC of one trial."""
    workspace = candidate.workspace
    detector = create_detector(workspace.detector.name, workspace.detector_options(device))
    detector.fit(trial.train, FitContext())
    normal = detector.score(trial.normal).clips.astype(np.float64)
    scored = [detector.score(store).clips for store in trial.anomalies]
    anomalies = np.concatenate(scored).astype(np.float64)
    max_fpr = workspace.settings.max_fpr
    return auc(normal, anomalies), partial_auc(normal, anomalies, max_fpr=max_fpr)
