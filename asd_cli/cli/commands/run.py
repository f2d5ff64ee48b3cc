"""`asd run`."""

from typing import TYPE_CHECKING

from asd_cli.cli import cluster, options
from asd_cli.cli.console import Console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import Format
from asd_cli.cli.session import begin, end
from asd_cli.execution.executor import Engine

if TYPE_CHECKING:
    from asd_cli.services.run import RunResult


@exits
def run(
    *,
    config: options.Config = None,
    set_: options.Set = None,
    mode: options.ModeOption = None,
    dev: options.Dev = False,
    eval_: options.Eval = False,
    machine: options.Machines = None,
    detector: options.Detector = None,
    edition: options.Edition = None,
    seed: options.Seed = None,
    device: options.Device = "auto",
    jobs: options.Jobs = None,
    force: options.Force = False,
    skip_bad: options.SkipBad = False,
    resample: options.Resample = None,
    channel: options.Channel = None,
    executor: cluster.EngineOption = Engine.PROCESSES,
    scheduler: cluster.Scheduler = None,
    format_: options.FormatOption = Format.TEXT,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Do everything from recordings to the report.

    What is up to date is kept, so that the command can be repeated at any time.
    """
    where = cluster.Cluster(engine=executor, scheduler=scheduler)
    where.require_no_array("asd run")
    with begin(
        config, set_, choose=(mode, dev, eval_), machines=machine, jobs=jobs, force=force,
        skip_bad=skip_bad, quiet=quiet, verbose=verbose, device=device,
        cluster=where,
        flags={"detector": detector, "edition": edition, "seed": seed, "feature.resample": resample,
               "feature.channel": channel},
    ) as job:  # fmt: skip
        from asd_cli.services import run as service

        result = service.run(job.request, job.events)
    show_run(result, format_, job.console, quiet=quiet)
    end(result.skipped)


def show_run(result: "RunResult", format_: Format, console: Console, *, quiet: bool) -> None:
    """Print the tables of a run, and where everything lies."""
    from asd_cli.cli.output.evaluation_tables import print_evaluation

    print_evaluation(result.evaluation, format_, console, quiet=quiet)
    if quiet:
        return
    console.tell_place("scores:", result.scoring.directory)
    if result.evaluation.result_csv is not None:
        console.tell_place("table: ", result.evaluation.result_csv)
    if result.report.path is not None:
        console.tell_place("report:", result.report.path)
