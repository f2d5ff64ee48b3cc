"""`asd sweep`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asd_cli.cli import cluster, options
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import Format
from asd_cli.cli.session import begin
from asd_cli.core.errors import UsageError
from asd_cli.core.text import counted
from asd_cli.execution.executor import Engine

if TYPE_CHECKING:
    from asd_cli.settings.model import Settings

_MAX_RUNS = 10_000


@exits
def sweep(
    *,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            "--detector",
            metavar="NAME",
            help="Detector; repeatable.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    seeds: Annotated[
        str,
        typer.Option("--seeds", metavar="A-B|A,B", help="Seeds.", rich_help_panel=options.WHAT),
    ] = "1-5",
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="KEY=A,B",
            help="Setting and its values; repeatable.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder of all runs.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = Path("sweep"),
    config: options.Config = None,
    set_: options.Set = None,
    mode: options.ModeOption = None,
    dev: options.Dev = False,
    eval_: options.Eval = False,
    machine: options.Machines = None,
    edition: options.Edition = None,
    device: options.Device = "auto",
    jobs: options.Jobs = None,
    skip_bad: options.SkipBad = False,
    executor: cluster.EngineOption = Engine.PROCESSES,
    scheduler: cluster.Scheduler = None,
    slurm_options: cluster.SlurmOptions = "",
    rank: cluster.RankNumber = None,
    ranks: cluster.Ranks = None,
    dry_run: cluster.DryRun = False,
    format_: options.FormatOption = Format.TEXT,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Compare detectors and settings over seeds.

    Trains and scores every machine with every detector, value and seed; what is done is kept. Ends
    with mean, standard deviation and interval over the seeds, and a page that compares.
    """
    where = cluster.Cluster(
        engine=executor, scheduler=scheduler, slurm_options=slurm_options, rank=rank, ranks=ranks,
        dry_run=dry_run,
    )  # fmt: skip
    with begin(
        config, set_, choose=(mode, dev, eval_), machines=machine, jobs=jobs, force=False,
        skip_bad=skip_bad, quiet=quiet, verbose=verbose, device=device, cluster=where,
        flags={"edition": edition},
    ) as job:  # fmt: skip
        from asd_cli.pipeline.sweeping import SweepRequest, make_variants, plan_of_sweep

        variants = make_variants(
            detector or [job.request.settings.detector],
            read_seeds(seeds),
            read_values(vary or ()),
            folder=output,
            load=lambda changes, name, seed: _settings(
                config,
                [*(set_ or []), *(f"{key}={value}" for key, value in changes.items())],
                {"detector": name, "seed": seed, "edition": edition},
            ),
        )
        if len(variants) > _MAX_RUNS:
            raise UsageError(f"{len(variants)} runs are too many for one sweep", hint="divide it")
        request = SweepRequest(run=job.request, variants=variants, folder=output)
        if cluster.handled(
            where,
            partial(plan_of_sweep, request),
            events=job.events,
            console=job.console,
            force=job.request.force,
        ):
            return
        from asd_cli.cli.output.sweep_tables import print_sweep
        from asd_cli.services.sweep import sweep as service

        result = service(request, job.events)
        if result.left:
            job.events.note(
                f"{result.left} of {counted(result.units, 'unit')} left for other ranks"
            )
        elif result.page is not None:
            job.events.note(f"comparison of the first seed of each: {result.page}")
    if not result.left:
        print_sweep(result, format_, job.console)


def _settings(config: Path | None, overrides: list[str], flags: Mapping[str, object]) -> "Settings":
    return options.load(config, overrides, flags).settings


def read_seeds(text: str) -> tuple[int, ...]:
    """Read ``1-5`` or ``1,7,9``; UsageError otherwise.

    Examples
    --------
    >>> read_seeds("3-5"), read_seeds("1,9")
    ((3, 4, 5), (1, 9))
    """
    first, dash, last = text.partition("-")
    try:
        if dash:
            found = tuple(range(int(first), int(last) + 1))
        else:
            found = tuple(int(word) for word in text.split(","))
    except ValueError:
        found = ()
    if not found or len(set(found)) < len(found):
        raise UsageError(f"--seeds {text} names no seeds", hint="as 1-5 or 1,7,9")
    return found


def read_values(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read ``key=a,b`` each; UsageError where there is no value, or a key is given twice.

    Examples
    --------
    >>> read_values(["feature.n_mels=64,128"])
    {'feature.n_mels': ('64', '128')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, _, values = text.partition("=")
        if not values or key in found:
            raise UsageError(f"--vary {text} names no values", hint="--vary feature.n_mels=64,128")
        found[key] = tuple(values.split(","))
    return found
