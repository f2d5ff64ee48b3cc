"""`asd score`."""

from asd_cli.cli import options
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.session import begin, end


@exits
def score(
    *,
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
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Write an anomaly score and a decision for every test clip.

    The CSV files are those of the DCASE baseline, byte for byte in form, and can be submitted.

    Example: asd score --mode eval --machine fan
    """
    with begin(
        config, set_, choose=(mode, dev, eval_), machines=machine, jobs=jobs, force=force,
        skip_bad=skip_bad, quiet=quiet, verbose=verbose, device=device,
        flags={"detector": detector, "edition": edition, "feature.resample": resample,
               "feature.channel": channel},
    ) as job:  # fmt: skip
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
    end(result.skipped)
