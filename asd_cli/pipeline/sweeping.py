"""Runs that differ in detector, settings and seed: what each is, and what they come to together.

Every run has folders of its own; they share recordings and features. A mean over seeds has the
two-sided interval of Student's t distribution (Student 1908, Biometrika 6), mean ± t · s / √n. It
holds where the figure of a seed is about normally distributed.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asd_cli.core.events import SILENT
from asd_cli.core.hashing import fingerprint
from asd_cli.core.types import Split
from asd_cli.core.version import package_version
from asd_cli.evaluation.evaluation import Evaluation
from asd_cli.execution.executor import Engine, SerialExecutor
from asd_cli.execution.markers import Markers
from asd_cli.execution.ranks import Rank
from asd_cli.execution.units import Unit
from asd_cli.pipeline.extraction import ExtractionContext
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.planning import PlannedWork, WorkPlan
from asd_cli.pipeline.request import RunRequest
from asd_cli.settings.model import Settings

LEVEL = 0.95
_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]+")
_KEY_DIGITS = 32
# Where a run and its recordings are, and how files are laid out, changes no figure.
_PLACES = (
    "dev_directory",
    "eval_directory",
    "cache_directory",
    "model_directory",
    "result_directory",
    "result_file",
    "layout",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One run of a sweep, on all machines.

    Attributes
    ----------
    detector : str
        Its name.
    seed : int
        Of all random numbers.
    changes : tuple of (str, str)
        Settings that are varied, with their values.
    settings : Settings
        Everything, with the folders of this run.
    """

    detector: str
    seed: int
    changes: tuple[tuple[str, str], ...] = ()
    settings: Settings

    @property
    def group(self) -> str:
        """What is the same for all seeds: ``pooled-knn feature.n_mels=64``."""
        return " ".join([self.detector, *(f"{key}={value}" for key, value in self.changes)])


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepUnit:
    """One machine of one run.

    Attributes
    ----------
    request : RunRequest
        Whose rank is this machine, so that it is computed as in a run of all machines.
    machine, group : str
        Which machine, and by what.
    """

    request: RunRequest
    machine: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSummary:
    """A figure over the seeds of a group.

    Attributes
    ----------
    group, figure : str
        Of what, and which: ``AUC of fan``.
    seeds : int
        How many.
    mean : float
        Over the seeds.
    deviation : float or None
        Sample standard deviation; None for a single seed.
    low, high : float or None
        Ends of the interval; None for a single seed.
    """

    group: str
    figure: str
    seeds: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """What to run.

    Attributes
    ----------
    run : RunRequest
        Machines, mode, where to compute; its settings name the folder of the comparison.
    variants : tuple of Variant
        The runs.
    folder : Path
        Where they are.
    """

    run: RunRequest
    variants: tuple[Variant, ...]
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What came of it.

    Attributes
    ----------
    units, left : int
        How many there are, and how many are not done, which other ranks do.
    summaries : tuple of SeedSummary
        Over the seeds of each group; empty while units are left.
    page : Path or None
        Comparison of the groups by the first seed of each.
    """

    units: int
    left: int
    summaries: tuple[SeedSummary, ...] = ()
    page: Path | None = None


def make_variants(
    detectors: Sequence[str],
    seeds: Sequence[int],
    vary: Mapping[str, Sequence[str]],
    *,
    folder: Path,
    load: Callable[[Mapping[str, str], str, int], Settings],
) -> tuple[Variant, ...]:
    """Combine detectors, settings and seeds; seeds change fastest.

    Parameters
    ----------
    detectors, seeds : sequence
        At least one each.
    vary : mapping of str to sequence of str
        Values of each setting.
    folder : Path
        Where each run has its folders.
    load : callable
        ``load(changes, detector, seed)`` gives settings.
    """
    found = []
    values = [[(key, value) for value in every] for key, every in vary.items()]
    for detector, changes, seed in itertools.product(detectors, itertools.product(*values), seeds):
        settings = load(dict(changes), detector, seed)
        words = [detector, *(f"{key}={value}" for key, value in changes), f"seed={seed}"]
        own = folder / _UNSAFE.sub("_", " ".join(words))
        places = {"model_directory": own / "model", "result_directory": own / "result"}
        found.append(Variant(
            detector=detector, seed=seed, changes=changes,
            settings=settings.model_copy(update=places),
        ))  # fmt: skip
    return tuple(found)


def sweep_units(sweep: SweepRequest) -> tuple[Unit[SweepUnit], ...]:
    """List the units: machine by machine of each run.

    A unit's key is a hash of settings, the names, sizes and times of recordings, and the version.

    Raises
    ------
    DataError, ProblemsError
        When folders or recordings are missing.
    """
    request, folder = sweep.run, sweep.folder
    found: list[Unit[SweepUnit]] = []
    listed: dict[tuple[str, str], tuple[str, int]] = {}
    for variant in sweep.variants:
        layout = Layout(variant.settings, request.mode)
        machines = layout.machines(request.machines)
        for number, machine in enumerate(machines):
            needed = layout.machines(()) if layout.plan.needs_other_machines else (machine,)
            recordings = [_recordings(layout, name, listed) for name in needed]
            own = variant.settings.model_dump(mode="json", exclude=set(_PLACES))
            key = fingerprint([
                own, request.mode, machine, len(machines), [text for text, _ in recordings],
                package_version(),
            ])[:_KEY_DIGITS]  # fmt: skip
            unit = replace(
                request, settings=variant.settings, machines=machines, jobs=1,
                engine=Engine.PROCESSES, scheduler=None, rank=Rank(number, len(machines)),
            )  # fmt: skip
            label = f"{machine} by {variant.group}, seed {variant.seed}"
            size = recordings[needed.index(machine)][1]
            found.append(Unit(key, label, size, folder / "units", SweepUnit(
                request=unit, machine=machine, group=variant.group,
            )))  # fmt: skip
    return tuple(found)


def _recordings(
    layout: Layout, machine: str, known: dict[tuple[str, str], tuple[str, int]]
) -> tuple[str, int]:
    """Give a hash of what is listed of a machine's recordings, and how many there are."""
    place = machine, layout.features().fingerprint
    if place not in known:
        context = ExtractionContext(layout, SerialExecutor(), SILENT, in_units=True)
        stores = [context.units_of(machine, split) for split in Split]
        keys = [unit.key for stored in stores for unit in stored.units]
        known[place] = fingerprint(keys), sum(len(stored.clips) for stored in stores)
    return known[place]


def plan_of_sweep(sweep: SweepRequest) -> WorkPlan:
    """List what a sweep would do, a line for each group."""
    units = sweep_units(sweep)
    markers = Markers(sweep.folder / "units")
    done, own = markers.keys(), {unit.key for unit in sweep.run.rank.of(units)}
    contents = (markers.read(unit.key) for unit in units if unit.key in done)
    timed = [content["seconds"] for content in contents if content is not None]
    each = math.fsum(timed) / len(timed) if timed else None
    groups: dict[str, list[str]] = {}
    for unit in units:
        groups.setdefault(unit.item.group, []).append(unit.key)
    found = []
    for group, keys in groups.items():
        left = [key for key in keys if key not in done]
        found.append(PlannedWork(
            label=f"train and score by {group}", units=len(keys), done=len(keys) - len(left),
            own=sum(key in own for key in left), clips=0,
            seconds=0.0 if not left else None if each is None else each * len(left),
        ))  # fmt: skip
    return WorkPlan(tuple(found), sum(work.units - work.done for work in found))


def summaries(evaluations: Sequence[tuple[Variant, Evaluation]]) -> tuple[SeedSummary, ...]:
    """Give mean, standard deviation and interval of each figure of each group.

    Figures are the harmonic mean AUC and pAUC of each machine over sections and domains, and the
    official score; those that are undefined are left out.
    """
    groups: dict[tuple[str, str], list[float]] = {}
    for variant, evaluation in evaluations:
        for figure, value in _figures(evaluation):
            groups.setdefault((variant.group, figure), []).append(value)
    return tuple(summary(group, figure, values) for (group, figure), values in groups.items())


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    for machine in evaluation.machines:
        metrics = evaluation.mean(machine, None, "harmonic").metrics
        for name, value in (("AUC", metrics.auc), ("pAUC", metrics.pauc)):
            if value is not None:
                yield f"{name} of {machine}", value
    if evaluation.official_score is not None:
        yield evaluation.score_name, evaluation.official_score


def summary(group: str, figure: str, values: Sequence[float]) -> SeedSummary:
    """Summarise one figure.

    Examples
    --------
    >>> found = summary("knn", "AUC of fan", [0.7, 0.8, 0.9])
    >>> round(found.mean, 3), round(found.deviation, 3), round(found.low, 3), round(found.high, 3)
    (0.8, 0.1, 0.552, 1.048)
    """
    from scipy.special import stdtrit

    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return SeedSummary(
            group=group, figure=figure, seeds=1, mean=mean, deviation=None, low=None, high=None
        )
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * deviation / math.sqrt(count)
    return SeedSummary(
        group=group, figure=figure, seeds=count, mean=mean, deviation=deviation,
        low=mean - half, high=mean + half,
    )  # fmt: skip
