"""Which detector suits a machine, found from its normal recordings alone."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import inf
from typing import Any

import numpy as np

from asd_cli.core.errors import ConfigError, DataError
from asd_cli.core.events import Events, progress
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.catalogue import ROBUST
from asd_cli.detectors.plans import AutoSelect, create_detector, parse_detector
from asd_cli.evaluation.means import harmonic_mean
from asd_cli.evaluation.metrics import auc, partial_auc
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.choosing import Outcome, choose, leads
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.options import detector_options
from asd_cli.pipeline.pseudo_anomalies import ATTRIBUTE, Task, plan_tasks
from asd_cli.settings.model import Settings, own_key
from asd_cli.settings.yaml_file import parse_scalar

# These decide the features, which all candidates share.
_NOT_BY_CANDIDATE = tuple(f"feature.{entry.name}" for entry in fields(FeatureParameters))
# Of AUC; pAUC below it is standardised to the same.
_CHANCE_LEVEL = 0.5


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
    tied : bool
        Whether chance explains its distance from the chosen one; that one is tied with itself.
    """

    candidate: str
    score: float | None
    by_kind: Mapping[str, float]
    seconds: float
    reason: str = ""
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """The candidates for a machine, the chosen one first, then by score.

    Attributes
    ----------
    machine : str
        Machine type.
    ranks : tuple of Rank
        Those that could not be tried are last.
    trials : int
        Pseudo-anomaly tasks of each.
    outcome : Outcome
        Why the first one was chosen.
    """

    machine: str
    ranks: tuple[Rank, ...]
    trials: int
    outcome: Outcome = Outcome.DEFAULT

    @property
    def best(self) -> str:
        """The candidate to use."""
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
    candidates = parse_candidates(layout.settings)
    tried = []
    total = len(candidates) * len(tasks)
    with progress(events, f"select {machine}", total=total, unit="trials") as advance:
        for candidate in candidates:
            tried.append(_try(candidate, tasks, layout.features(), device))
            advance(len(tasks), candidate.name)
    selection = _selected(machine, tried, len(tasks))
    _comment(selection, events)
    return selection


@dataclass(frozen=True, slots=True)
class _Tried:
    """A candidate's rank, and its scores of the tasks that decide."""

    rank: Rank
    scores: tuple[float, ...]


def _selected(machine: str, tried: Sequence[_Tried], tasks: int) -> Selection:
    """Choose, and order the others by score."""
    able = [each for each in tried if not each.rank.reason] or list(tried)
    index, outcome = choose(
        [each.rank.candidate for each in able], [each.scores for each in able], ROBUST.name
    )
    chosen = able[index]
    ranks = [replace(each.rank, tied=_tied(each, chosen)) for each in tried]
    ranks.sort(
        key=lambda rank: (
            rank.candidate != chosen.rank.candidate,
            inf if rank.score is None else -rank.score,
        )
    )
    return Selection(machine, tuple(ranks), tasks, outcome)


def _tied(tried: _Tried, chosen: _Tried) -> bool:
    if tried.rank.reason:
        return False
    return not (leads(tried.scores, chosen.scores) or leads(chosen.scores, tried.scores))


def _comment(selection: Selection, events: Events) -> None:
    """Say what the tasks cannot tell."""
    machine, best = selection.machine, selection.ranks[0]
    if selection.outcome is Outcome.NO_TASKS:
        events.warning(
            f"{machine}: its clips are all alike by name, so there is nothing to choose by; "
            f"{best.candidate} is taken"
        )
    if selection.outcome is Outcome.SATURATED:
        events.warning(
            f"{machine}: most candidates distinguish all proxy outliers, so that their order says "
            f"nothing; {best.candidate} is taken"
        )
    within = [best.by_kind[kind] for kind in ("section", ATTRIBUTE) if kind in best.by_kind]
    if within and min(within) < _CHANCE_LEVEL:
        events.warning(
            f"{machine}: {best.candidate} is at {min(within):.2f} on other sections or conditions "
            "of the machine, which is below chance: normal clips that were held out vary more"
        )


def _try(
    candidate: Candidate, tasks: Sequence[Task], features: FeatureParameters, device: str
) -> _Tried:
    started = time.monotonic()
    values: dict[str, list[list[float | None]]] = {}
    reason = ""
    try:
        for task in tasks:
            measured = list(_run(candidate, task, features, device))
            values.setdefault(task.kind, []).append(measured)
    except DataError as error:
        values, reason = {}, error.message
    by_kind = {
        kind: harmonic_mean([value for each in own for value in each])
        for kind, own in values.items()
    }
    # A change of attributes is normal variation, too: it decides where nothing stranger can.
    decisive = {kind: own for kind, own in values.items() if kind != ATTRIBUTE} or values
    rank = Rank(
        candidate.name,
        harmonic_mean([by_kind[kind] for kind in decisive]) if by_kind else None,
        {kind: value for kind, value in by_kind.items() if value is not None},
        round(time.monotonic() - started, 1),
        reason,
    )
    scores = (harmonic_mean(each) or 0.0 for own in decisive.values() for each in own)
    return _Tried(rank, tuple(scores))


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
