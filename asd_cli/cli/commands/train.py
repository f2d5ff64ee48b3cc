"""`asd train`."""

from asd_cli.cli import options
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.session import begin, end


@exits
def train(
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
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train a model of normal sound for each machine.

    Missing features are extracted. Interrupted runs are resumed; up-to-date models are kept.

    Example: asd train --machine pump --set fit.epochs=20
    """
    with begin(
        config, set_, choose=(mode, dev, eval_), machines=machine, jobs=jobs, force=force,
        skip_bad=skip_bad, quiet=quiet, verbose=verbose, device=device,
        flags={"detector": detector, "edition": edition, "seed": seed, "feature.resample": resample,
               "feature.channel": channel},
    ) as job:  # fmt: skip
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
    end(result.skipped)
