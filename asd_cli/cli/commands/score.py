"""`asd score`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import cluster, options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ScoreFormat
from asd_cli.cli.own import one_machine, own_settings, read_paths, require_unused
from asd_cli.cli.session import begin, end
from asd_cli.core.errors import AnomaliesError, DataError, IncompleteError
from asd_cli.core.text import counted
from asd_cli.execution.executor import Engine, Verb


@exits
def score(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]...", help="Own recordings: files, folders; - reads a list from stdin."
        ),
    ] = None,
    *,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="FILE", help="Own: a model file.")
    ] = None,
    false_alarm_rate: options.FalseAlarmRate = None,
    format_: Annotated[
        ScoreFormat | None,
        typer.Option(
            "--format",
            help="How to print the result; jsonl, csv: own files [text].",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="PAGE.html", help="Own: write a page with sounds."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="TABLE", help="Own: .csv or .parquet of any length."
        ),
    ] = None,
    fail_on_anomaly: Annotated[
        bool, typer.Option("--fail-on-anomaly", help="Own: exit 9 when a file is anomalous.")
    ] = False,
    config: options.Config = None,
    set_: options.Set = None,
    mode: options.ModeOption = None,
    dev: options.Dev = False,
    eval_: options.Eval = False,
    machine: options.Machines = None,
    detector: options.Detector = None,
    edition: options.Edition = None,
    device: options.Device = "auto",
    jobs: options.Jobs = None,
    force: options.Force = False,
    skip_bad: options.SkipBad = False,
    resample: options.Resample = None,
    channel: options.Channel = None,
    executor: cluster.EngineOption = Engine.PROCESSES,
    scheduler: cluster.Scheduler = None,
    slurm_options: cluster.SlurmOptions = "",
    rank: cluster.RankNumber = None,
    ranks: cluster.Ranks = None,
    dry_run: cluster.DryRun = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Score recordings: a decision and a reason for each.

    With files or folders: by the model of a machine of your own. The model knows rate, channel and
    clip length. A long file is scored clip by clip, and its worst part decides.

    Otherwise: an anomaly score and a decision for every test clip. The CSV files are those of the
    DCASE baseline, byte for byte in form, and can be submitted.
    """
    where = cluster.Cluster(
        engine=executor, scheduler=scheduler, slurm_options=slurm_options, rank=rank, ranks=ranks,
        dry_run=dry_run,
    )  # fmt: skip
    own = {
        "--model": model, "--false-alarm-rate": false_alarm_rate,
        f"--format {format_}": format_ in {ScoreFormat.JSONL, ScoreFormat.CSV},
        "--fail-on-anomaly": fail_on_anomaly, "--report": report, "--output": output,
    }  # fmt: skip
    if paths:
        require_unused(
            {"--mode": mode, "--dev": dev, "--eval": eval_, "--edition": edition,
             "--detector": detector, "--resample": resample, "--channel": channel is not None,
             "--force": force, "--skip-bad": skip_bad},
            "with files: the model knows what is needed",
        )  # fmt: skip
        if output is not None:
            require_unused({"--report": report}, "with --output")
            _score_in_bulk(
                paths, config, set_, machine=machine, model=model, rate=false_alarm_rate,
                format_=format_ or ScoreFormat.TEXT, fail=fail_on_anomaly, device=device,
                quiet=quiet, output=output, where=where, jobs=jobs,
            )  # fmt: skip
            return
        where.require_unused()
        _score_own(
            paths, config, set_, machine=machine, model=model, rate=false_alarm_rate,
            format_=format_ or ScoreFormat.TEXT, fail=fail_on_anomaly, device=device, quiet=quiet,
            report=report,
        )  # fmt: skip
        return
    require_unused(own, "without files or folders to score")
    with begin(
        config, set_, choose=(mode, dev, eval_), machines=machine, jobs=jobs, force=force,
        skip_bad=skip_bad, quiet=quiet, verbose=verbose, device=device,
        cluster=where,
        flags={"detector": detector, "edition": edition, "feature.resample": resample,
               "feature.channel": channel},
    ) as job:  # fmt: skip
        from asd_cli.pipeline.planning import plan_of

        if cluster.handled(
            where,
            partial(plan_of, Verb.SCORE, job.request),
            events=job.events,
            console=job.console,
            force=job.request.force,
        ):
            return
        from asd_cli.services import score as service

        result = service.score(job.request, job.events)
        for scored in result.machines:
            what = (
                "up to date, nothing to do" if scored.up_to_date else f"{scored.clips} clips scored"
            )
            job.events.note(
                f"{scored.machine}: {what}; {scored.flagged} above the threshold "
                f"{scored.threshold.label}"
            )
        job.events.note(f"scores are in {result.directory}")
    if format_ is ScoreFormat.JSON:
        from asd_cli.cli.output.summaries import print_scoring

        print_scoring(result, job.console)
    end(result.skipped)


def _score_own(
    paths: list[Path],
    config: Path | None,
    set_: list[str] | None,
    *,
    machine: list[str] | None,
    model: Path | None,
    rate: float | None,
    format_: ScoreFormat,
    fail: bool,
    device: str,
    quiet: bool,
    report: Path | None,
) -> None:
    from asd_cli.cli.output import own_scores
    from asd_cli.cli.progress import shown_events
    from asd_cli.services.own_score import OwnScoreRequest, ScoredFile, Status, score_files

    if model is not None:
        require_unused({"--machine": machine}, "with --model")
    request = OwnScoreRequest(
        paths=tuple(read_paths(paths)),
        machine=one_machine(machine) if machine else None,
        model=model,
        settings=own_settings(config, set_, {}),
        false_alarm_rate=rate,
        device=device,
        report=report,
    )
    console = make_console()

    def show(file: ScoredFile) -> None:
        if format_ is ScoreFormat.TEXT:
            own_scores.show_file(file, console)

    with shown_events(console, quiet=quiet) as events:
        scores = score_files(request, events, each=show)
        if report is not None:
            events.note(f"written: {report}")
    if format_ is ScoreFormat.TEXT:
        own_scores.show_summary(scores, console)
    else:
        own_scores.show_data(scores, format_, console)
    anomalous = scores.count(Status.ANOMALOUS)
    if fail and anomalous:
        raise AnomaliesError(f"{anomalous} of {len(scores.files)} files are anomalous")
    bad = [f"{file.path}: {file.reason}" for file in scores.files if file.score is None]
    if bad and len(bad) == len(scores.files):
        raise DataError("no file could be scored", hint="the reason stands with each file above")
    if bad:
        raise IncompleteError(
            f"{len(bad)} of {len(scores.files)} files were not scored",
            hint="the reason stands with each file above",
        )


def _score_in_bulk(
    paths: list[Path],
    config: Path | None,
    set_: list[str] | None,
    *,
    machine: list[str] | None,
    model: Path | None,
    rate: float | None,
    format_: ScoreFormat,
    fail: bool,
    device: str,
    quiet: bool,
    output: Path,
    where: cluster.Cluster,
    jobs: int | None,
) -> None:
    from asd_cli.cli.output.own_scores import show_bulk
    from asd_cli.cli.progress import shown_events
    from asd_cli.pipeline.own.bulk import BulkRequest, plan_of_bulk, score_in_bulk
    from asd_cli.pipeline.own.score_request import OwnScoreRequest

    asked = OwnScoreRequest(
        paths=tuple(read_paths(paths)),
        machine=one_machine(machine) if machine else None,
        model=model,
        settings=own_settings(config, set_, {}),
        false_alarm_rate=rate,
        device=device,
    )
    request = BulkRequest(
        scores=asked, output=output, engine=where.engine, scheduler=where.scheduler, jobs=jobs,
        rank=where.part,
    )  # fmt: skip
    console = make_console()
    with shown_events(console, quiet=quiet) as events:
        if cluster.handled(where, partial(plan_of_bulk, request), events=events, console=console):
            return
        scores = score_in_bulk(request, events)
        if scores.left:
            events.note(f"{scores.left} of {counted(scores.units, 'unit')} left for other ranks")
            return
    show_bulk(scores, output, format_, console)
    if fail and scores.anomalous:
        raise AnomaliesError(f"{scores.anomalous} of {scores.files} files are anomalous")
    if scores.not_scored:
        raise IncompleteError(
            f"{scores.not_scored} of {scores.files} files were not scored",
            hint="the reason stands with each file in the table",
        )
