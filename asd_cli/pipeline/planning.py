"""What extract, train or score would do: units, how many are done, what the rest takes.

Nothing is read but names, sizes and markers, and nothing is written.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from asd_cli.artifacts.manifest import read_manifest
from asd_cli.core.events import SILENT
from asd_cli.core.types import Split
from asd_cli.execution.executor import SerialExecutor, Verb
from asd_cli.features.units import StoreUnits
from asd_cli.pipeline.extraction import ExtractionContext
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.request import RunRequest

# Reading a clip of ten seconds at 16 kHz from a local disk and computing its features, measured
# by `tests.benchmarks.scale_out` on one core; used until units of the same store have been timed.
SECONDS_PER_CLIP = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWork:
    """Some units of one kind.

    Attributes
    ----------
    label : str
        ``extract fan train``.
    units, done : int
        How many there are, and how many of them are done.
    own : int
        How many of those that are not done this rank does.
    clips : int
        Clips of the units that are not done.
    seconds : float or None
        What these take on one core; None where nothing like it was timed.
    """

    label: str
    units: int
    done: int
    own: int
    clips: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """What a command would do.

    Attributes
    ----------
    work : tuple of PlannedWork
        By kind.
    ranks : int
        How many processes can share it; 0 where nothing is to be done.
    """

    work: tuple[PlannedWork, ...]
    ranks: int


def plan_of(verb: Verb, request: RunRequest) -> WorkPlan:
    """List what a verb would do.

    Raises
    ------
    DataError, ProblemsError
        When folders or recordings are missing.
    """
    layout = Layout(request.settings, request.mode)
    context = ExtractionContext(layout, SerialExecutor(), SILENT, in_units=True)
    machines = layout.machines(request.machines)
    own = machines if verb is Verb.EXTRACT else request.rank.of(machines)
    stores = [context.units_of(m, split) for m in own for split in _splits(verb, layout, m)]
    every = [unit.key for stored in stores for unit in stored.units]
    mine = set(request.rank.of(every) if verb is Verb.EXTRACT else every)
    found = [_extraction(stored, mine) for stored in stores]
    if verb is Verb.EXTRACT:
        return WorkPlan(tuple(found), sum(work.units - work.done for work in found))
    # Whether a model or scores are up to date shows when their rank looks at them.
    return WorkPlan((*found, *_of_machines(verb, layout, machines, own)), len(machines))


def _splits(verb: Verb, layout: Layout, machine: str) -> Iterator[Split]:
    if verb is Verb.EXTRACT:
        yield from (split for split in Split if layout.dataset.has(machine, split))
    else:
        yield Split.TRAIN if verb is Verb.TRAIN else Split.TEST


def _extraction(stored: StoreUnits, mine: Set[str]) -> PlannedWork:
    missing = stored.missing()
    clips = sum(unit.size for unit in missing)
    per_clip = stored.seconds_per_clip() or SECONDS_PER_CLIP
    return PlannedWork(
        label=f"extract {stored.title}",
        units=len(stored.units),
        done=len(stored.units) - len(missing),
        own=sum(unit.key in mine for unit in missing),
        clips=clips,
        seconds=clips * per_clip,
    )


def _of_machines(
    verb: Verb, layout: Layout, machines: Sequence[str], own: Sequence[str]
) -> Iterator[PlannedWork]:
    """Plan one unit a machine; whether what is there is up to date shows when it is run."""
    manifest = read_manifest(layout.manifest)
    records = {} if manifest is None else manifest.machines
    for machine in machines:
        done = layout.model(machine).exists() if verb is Verb.TRAIN else machine in records
        timed = records[machine].seconds if machine in records else None
        yield PlannedWork(
            label=f"{verb} {machine} by {layout.plan.name}",
            units=1,
            done=int(done),
            own=int(machine in own and not done),
            clips=0,
            seconds=0.0 if done else timed if verb is Verb.SCORE else None,
        )
