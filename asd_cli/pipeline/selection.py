"""Which detector suits a machine, found from its normal recordings alone."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from asd_cli.core.errors import ConfigError, DataError
from asd_cli.core.events import Events, progress
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.plans import AutoSelect, create_detector, parse_detector
from asd_cli.evaluation.means import harmonic_mean
from asd_cli.evaluation.metrics import auc, partial_auc
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.options import detector_options
from asd_cli.pipeline.pseudo_anomalies import ATTRIBUTE, Task, plan_tasks
from asd_cli.settings.model import Settings, own_key
from asd_cli.settings.yaml_file import parse_scalar

# These decide the features, which all candidates share.
_NOT_BY_CANDIDATE = tuple(f"feature.{entry.name}" for entry in fields(FeatureParameters))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A detector with settings of its own.

    Attributes
    ----------
    name : str
        As written: ``pooled-knn:pooling.kind=max``.
    settings : Settings
        With the detector and what the candidate sets.
    """

    name: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class Rank:
    """How a candidate did.

    Attributes
    ----------
    candidate : str
        As written.
    score : float or None
        Harmonic mean of AUC and pAUC over the tasks with other sections and machines, or, where
        there are none, other attributes, in [0, 1]; None where it could not be tried.
    by_kind : mapping of str to float
        The same, for each kind of task.
    seconds : float
        Time of all tasks.
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
        Pseudo-anomaly tasks of each.
    """

    machine: str
    ranks: tuple[Rank, ...]
    trials: int

    @property
    def best(self) -> str:
        """The candidate to use; the first of the list when nothing could be tried."""
        return self.ranks[0].candidate


def parse_candidates(settings: Settings) -> tuple[Candidate, ...]:
    """Read ``select.candidates``; ConfigError when one is wrong."""
    return tuple(
        _parse(text, settings) for text in settings.for_detector().values["select.candidates"]
    )


def _parse(text: str, settings: Settings) -> Candidate:
    detector, *parts = text.split(":")
    overrides: dict[str, Any] = {}
    for part in parts:
        key, separator, value = part.partition("=")
        if not separator or key in _NOT_BY_CANDIDATE:
            raise ConfigError(
                f"select.candidates: {text!r}: {part!r} is not a setting of a detector",
                hint="for example: pooled-knn:pooling.kind=max:backend.neighbors=2",
            )
        overrides[own_key(key, detector)] = parse_scalar(value)
    if isinstance(parse_detector(detector), AutoSelect):
        raise ConfigError(f"select.candidates: {detector} cannot choose itself")
    try:
        return Candidate(text, settings.with_detector(detector, overrides))
    except ConfigError as error:
        raise ConfigError(f"select.candidates: {error.message}", hint=error.hint) from error


def rank_candidates(
    layout: Layout,
    train: FeatureStore,
    others: Mapping[str, FeatureStore],
    *,
    device: str,
    events: Events,
) -> Selection:
    """Try every candidate on one machine.

    Parameters
    ----------
    layout : Layout
        Gives candidates and seed.
    train : FeatureStore
        Training clips of the machine.
    others : mapping of str to FeatureStore
        Those of other machines.
    device : str
        Where to compute.
    events : Events
        Told of every task.
    """
    machine = train.clips[0].machine
    tasks = plan_tasks(train, others, seed=layout.settings.seed)
    if not tasks:
        events.warning(
            f"{machine}: its clips are all alike by name, so there is nothing to choose by; "
            "the first candidate is taken"
        )
    ranks = []
    candidates = parse_candidates(layout.settings)
    total = len(candidates) * len(tasks)
    with progress(events, f"select {machine}", total=total, unit="trials") as advance:
        for candidate in candidates:
            ranks.append(_try(candidate, tasks, layout.features(), device))
            advance(len(tasks), candidate.name)
    order = sorted(ranks, key=lambda rank: -1.0 if rank.score is None else rank.score, reverse=True)
    return Selection(machine, tuple(order), len(tasks))


def _try(
    candidate: Candidate, tasks: Sequence[Task], features: FeatureParameters, device: str
) -> Rank:
    started = time.monotonic()
    values: dict[str, list[float | None]] = {}
    reason = ""
    try:
        for task in tasks:
            values.setdefault(task.kind, []).extend(_run(candidate, task, features, device))
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


def _run(
    candidate: Candidate, task: Task, features: FeatureParameters, device: str
) -> tuple[float | None, float | None]:
    """AUC and pAUC of one task."""
    settings = candidate.settings
    options = detector_options(settings, features=features, device=device)
    detector = create_detector(settings.plan, options)
    detector.fit(task.train, FitContext())
    normal = detector.score(task.normal).clips.astype(np.float64)
    scored = [detector.score(store).clips for store in task.anomalies]
    anomalies = np.concatenate(scored).astype(np.float64)
    max_fpr = settings.max_fpr
    return auc(normal, anomalies), partial_auc(normal, anomalies, max_fpr=max_fpr)
