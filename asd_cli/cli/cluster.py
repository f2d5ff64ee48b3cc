"""Options of commands that several machines can share, and what they lead to."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asd_cli.cli.console import Console
from asd_cli.core.errors import UsageError
from asd_cli.core.events import Events
from asd_cli.core.text import counted
from asd_cli.execution.executor import Engine, Executor, make_executor
from asd_cli.execution.ranks import Rank

if TYPE_CHECKING:
    from asd_cli.pipeline.planning import WorkPlan

SEVERAL = "Several machines"
_OF_ARRAYS = ("--executor", "--slurm-options", "--ranks")

EngineOption = Annotated[
    Engine,
    typer.Option("--executor", help="What runs the work.", rich_help_panel=SEVERAL),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler, as tcp://host:8786 [workers here].",
        rich_help_panel=SEVERAL,
    ),
]
SlurmOptions = Annotated[
    str,
    typer.Option(
        "--slurm-options",
        metavar="TEXT",
        help="Options of sbatch, in quotes.",
        rich_help_panel=SEVERAL,
    ),
]
RankNumber = Annotated[
    int | None,
    typer.Option(
        "--rank", min=0, metavar="R", help="Do part R of --ranks, from 0.", rich_help_panel=SEVERAL
    ),
]
Ranks = Annotated[
    int | None,
    typer.Option(
        "--ranks", min=1, metavar="N", help="Parts to divide the work into.",
        rich_help_panel=SEVERAL,
    ),
]  # fmt: skip
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print what would be done.", rich_help_panel=SEVERAL),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where a command runs.

    Attributes
    ----------
    engine : Engine
        What runs the work.
    scheduler : str or None
        Address of Dask's scheduler.
    slurm_options : str
        For ``sbatch``.
    rank, ranks : int or None
        Part of the work, and number of parts.
    dry_run : bool
        Whether only the plan is printed.

    Raises
    ------
    UsageError
        When the options contradict each other.
    """

    engine: Engine = Engine.PROCESSES
    scheduler: str | None = None
    slurm_options: str = ""
    rank: int | None = None
    ranks: int | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        """Refuse options that mean nothing together."""
        if self.scheduler is not None and self.engine is not Engine.DASK:
            raise UsageError("--scheduler is Dask's", hint="add --executor dask")
        if self.slurm_options and self.engine is not Engine.SLURM:
            raise UsageError("--slurm-options are of sbatch", hint="add --executor slurm")
        if self.engine is Engine.SLURM and self.rank is not None:
            raise UsageError("--executor slurm gives the ranks their numbers", hint="no --rank")
        if self.engine is not Engine.SLURM and (self.rank is None) != (self.ranks is None):
            raise UsageError(
                "--rank and --ranks belong together", hint="the first of four: --rank 0 --ranks 4"
            )

    def require_unused(self) -> None:
        """Refuse to divide what is done in one process; UsageError."""
        if self != Cluster():
            raise UsageError(
                "scores that are printed are not divided",
                hint="leave out these options; or write a table: asd score FILES -o scores.csv",
            )

    def require_one_process(self) -> None:
        """Refuse ranks of one model, and a plan of it; UsageError. Dask may do the features."""
        if self != Cluster(engine=self.engine, scheduler=self.scheduler):
            raise UsageError(
                "training of one machine of your own is not divided into ranks",
                hint="its features may be: --executor dask",
            )
        self.require_no_array("training of one machine of your own")

    def require_no_array(self, command: str) -> None:
        """Refuse to run a command whose steps follow each other as an array; UsageError."""
        if self.engine is Engine.SLURM:
            raise UsageError(
                f"{command} is one job and no array",
                hint="submit it: sbatch --wrap 'asd …'; a step of a challenge set may be an array",
            )

    @contextmanager
    def executor(self, jobs: int | None) -> Iterator[Executor]:
        """Give the executor while the body runs; errors as in `execution.make_executor`."""
        with closing(make_executor(jobs, engine=self.engine, scheduler=self.scheduler)) as made:
            yield made

    @property
    def part(self) -> Rank:
        """The part of the work that this process does."""
        return Rank() if self.rank is None else Rank(self.rank, self.ranks or 1)


def handled(
    cluster: Cluster,
    plan_of: Callable[[], "WorkPlan"],
    *,
    events: Events,
    console: Console,
    force: bool = False,
) -> bool:
    """Print the plan, or submit the command, where that is what was asked for.

    Parameters
    ----------
    cluster : Cluster
        Where it is to run.
    plan_of : callable
        Gives what it would do.
    events : Events
        Told of notes.
    console : Console
        Where the plan goes.
    force : bool
        Whether everything is to be done again.

    Returns
    -------
    bool
        False where the work is to be done in this process.

    Raises
    ------
    ResourceError
        When there is no ``sbatch``, or it refuses.
    """
    if cluster.part.is_one_of_several and force:
        raise UsageError(
            "--force with ranks would do again what another rank has just done",
            hint="remove the results instead; features: asd extract --force without ranks",
        )
    if not cluster.dry_run and cluster.engine is not Engine.SLURM:
        return False
    plan = plan_of()
    if cluster.dry_run:
        print_plan(plan, console)
    if cluster.engine is Engine.SLURM:
        _slurm(cluster, plan, events, console)
    return True


def print_plan(plan: "WorkPlan", console: Console) -> None:
    """Print units, what is done, and what the rest takes."""
    from asd_cli.cli.own import length

    for work in plan.work:
        left = work.units - work.done
        what = f"{work.done} of {counted(work.units, 'unit')} done"
        if left:
            clips = f", {work.clips} clips" if work.clips else ""
            time = "time not known" if work.seconds is None else f"about {length(work.seconds)}"
            what += f"; {left} to do{clips}, {time} on one core"
            if work.own != left:
                what += f", {work.own} by this rank"
        console.data(f"{console.safe(work.label)}: {what}")
    known = [work.seconds for work in plan.work if work.seconds is not None]
    unknown = sum(work.seconds is None and work.done < work.units for work in plan.work)
    total = sum(work.units - work.done for work in plan.work)
    time = f", about {length(sum(known))} on one core" if known else ""
    besides = f" besides {counted(unknown, 'task')} of unknown time" if unknown and known else ""
    console.data(f"in all: {counted(total, 'unit')} to do{time}{besides}")


def _slurm(cluster: Cluster, plan: "WorkPlan", events: Events, console: Console) -> None:
    from asd_cli.execution.slurm import SlurmArray

    left = plan.ranks
    array = SlurmArray(
        arguments=_arguments_of_ranks(sys.argv[1:]),
        ranks=cluster.ranks or max(1, left),
        options=cluster.slurm_options,
        folder=Path.cwd(),
    )
    if cluster.dry_run or not left:
        if not left:
            events.note("nothing is to be done, so nothing is submitted")
        else:
            console.data(array.script())
        return
    console.data(array.script())
    events.note(array.submit())
    events.note(f"script: {array.path}; the same command shows what is left: --dry-run")


def _arguments_of_ranks(arguments: Sequence[str]) -> tuple[str, ...]:
    """Leave out what says where a command runs.

    Examples
    --------
    >>> _arguments_of_ranks(["train", "--executor", "slurm", "--ranks=4", "-m", "fan", "--dry-run"])
    ('train', '-m', 'fan')
    """
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in _OF_ARRAYS:
            next(words, None)
        elif word.partition("=")[0] not in (*_OF_ARRAYS, "--dry-run"):
            kept.append(word)
    return tuple(kept)
