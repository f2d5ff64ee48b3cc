"""`asd train`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import cluster, options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat
from asd_cli.cli.own import one_machine, own_settings, require_unused, show_trained
from asd_cli.cli.session import begin, end
from asd_cli.core.errors import UsageError
from asd_cli.execution.executor import Engine, Verb


@exits
def train(
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", metavar="PATH", help="Own recordings: folder, file or CSV; repeatable."
        ),
    ] = None,
    clip: Annotated[
        float | None,
        typer.Option("--clip", metavar="SECONDS", help="Own: cut longer recordings [10]."),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            "--groups", metavar="folders|FILE", help="Own: what belongs together (a day)."
        ),
    ] = None,
    false_alarm_rate: options.FalseAlarmRate = None,
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
    channel: options.ChannelOrMean = None,
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
    """Train a model of normal sound for each machine.

    With --data: for a machine of your own, from recordings of any name, length, rate and
    container. Otherwise: for the machines of a challenge set; missing features are extracted,
    interrupted runs are resumed, up-to-date models are kept.
    """
    where = cluster.Cluster(
        engine=executor, scheduler=scheduler, slurm_options=slurm_options, rank=rank, ranks=ranks,
        dry_run=dry_run,
    )  # fmt: skip
    chosen = options.read_channel(channel)
    own = {"--clip": clip, "--groups": groups, "--false-alarm-rate": false_alarm_rate}
    if data:
        require_unused(
            {"--mode": mode, "--dev": dev, "--eval": eval_, "--edition": edition},
            "with --data",
        )
        where.require_one_process()
        _train_own(
            tuple(data), config, set_, machine=one_machine(machine), detector=detector, seed=seed,
            device=device, jobs=jobs, force=force, skip_bad=skip_bad, channel=chosen, clip=clip,
            groups=groups, rate=false_alarm_rate, format_=format_, quiet=quiet, where=where,
        )  # fmt: skip
        return
    require_unused(own, "without --data")
    if chosen == "mean":
        raise UsageError("--channel mean needs --data", hint="or: --set feature.channel=mean")
    with begin(
        config, set_, choose=(mode, dev, eval_), machines=machine, jobs=jobs, force=force,
        skip_bad=skip_bad, quiet=quiet, verbose=verbose, device=device,
        cluster=where,
        flags={"detector": detector, "edition": edition, "seed": seed, "feature.resample": resample,
               "feature.channel": chosen},
    ) as job:  # fmt: skip
        from asd_cli.pipeline.planning import plan_of

        if cluster.handled(
            where,
            partial(plan_of, Verb.TRAIN, job.request),
            events=job.events,
            console=job.console,
            force=job.request.force,
        ):
            return
        from asd_cli.services import train as service

        result = service.train(job.request, job.events)
        for trained in result.machines:
            job.events.note(
                f"{trained.machine}: up to date, nothing to do (--force to redo)"
                if trained.state == "up to date"
                else f"{trained.machine}: {trained.state} on {trained.clips} clips of "
                f"{len(trained.sections)} section{'s' if len(trained.sections) > 1 else ''}, "
                f"threshold {trained.threshold.label} ({trained.threshold.kind}), {trained.model}"
            )
    if format_ is ShortFormat.JSON:
        from asd_cli.cli.output.summaries import print_training

        print_training(result, job.console)
    end(result.skipped)


def _train_own(
    sources: tuple[Path, ...],
    config: Path | None,
    set_: list[str] | None,
    *,
    machine: str,
    detector: str | None,
    seed: int | None,
    device: str,
    jobs: int | None,
    force: bool,
    skip_bad: bool,
    channel: options.ChannelValue,
    clip: float | None,
    groups: str | None,
    rate: float | None,
    format_: ShortFormat,
    quiet: bool,
    where: cluster.Cluster,
) -> None:
    from asd_cli.cli.progress import shown_events
    from asd_cli.services.own_train import OwnTrainRequest, train_machine

    settings = own_settings(config, set_, {"detector": detector, "seed": seed})
    given = {"clip_seconds": clip, "false_alarm_rate": rate, "channel": channel}
    request = OwnTrainRequest(
        sources=sources, machine=machine, settings=settings, groups=groups, device=device,
        jobs=jobs, force=force, skip_bad=skip_bad,
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )  # fmt: skip
    console = make_console()
    with shown_events(console, quiet=quiet) as events, where.executor(jobs) as executor:
        trained = train_machine(request, events, executor=executor)
        show_trained(trained, events, console)
    if format_ is ShortFormat.JSON:
        from asd_cli.cli.output.summaries import print_own_training

        print_own_training(trained, console)
    end(trained.skipped)
