"""`asd extract`."""

from functools import partial

from asd_cli.cli import cluster, options
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat
from asd_cli.cli.session import begin, end
from asd_cli.execution.executor import Engine, Verb


@exits
def extract(
    *,
    config: options.Config = None,
    set_: options.Set = None,
    mode: options.ModeOption = None,
    dev: options.Dev = False,
    eval_: options.Eval = False,
    machine: options.Machines = None,
    edition: options.Edition = None,
    jobs: options.Jobs = None,
    force: options.Force = False,
    skip_bad: options.SkipBad = False,
    resample: options.Resample = None,
    channel: options.Channel = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
    executor: cluster.EngineOption = Engine.PROCESSES,
    scheduler: cluster.Scheduler = None,
    slurm_options: cluster.SlurmOptions = "",
    rank: cluster.RankNumber = None,
    ranks: cluster.Ranks = None,
    dry_run: cluster.DryRun = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Compute the log-mel features of all recordings.

    Training and scoring do this by themselves; features are kept and only computed again when a
    recording or a setting changes.
    """
    where = cluster.Cluster(
        engine=executor, scheduler=scheduler, slurm_options=slurm_options, rank=rank, ranks=ranks,
        dry_run=dry_run,
    )  # fmt: skip
    with begin(
        config, set_, choose=(mode, dev, eval_), machines=machine, jobs=jobs, force=force,
        skip_bad=skip_bad, quiet=quiet, verbose=verbose, cluster=where,
        flags={"edition": edition, "feature.resample": resample, "feature.channel": channel},
    ) as job:  # fmt: skip
        from asd_cli.pipeline.planning import plan_of

        if cluster.handled(
            where,
            partial(plan_of, Verb.EXTRACT, job.request),
            events=job.events,
            console=job.console,
            force=job.request.force,
        ):
            return
        from asd_cli.services import extract as service

        result = service.extract(job.request, job.events)
        for part in result.parts:
            found = part.extraction
            job.events.note(
                f"{part.machine} {part.split}: "
                + (
                    f"up to date, nothing to do ({found.reused} clips)"
                    if found.up_to_date
                    else f"{found.computed} clips extracted, {found.reused} kept"
                )
            )
        for unfinished in result.unfinished:
            job.events.note(f"{unfinished}: other ranks have units to do; the last one joins them")
    if format_ is ShortFormat.JSON:
        from asd_cli.cli.output.summaries import print_extraction

        print_extraction(result, job.console)
    end(result.skipped)
