"""`asd evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import Format, choose_mode, load


@exits
def evaluate(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of score files of other systems [this project's results]."),
    ] = None,
    *,
    config: options.Config = None,
    set_: options.Set = None,
    mode: options.ModeOption = None,
    dev: options.Dev = False,
    eval_: options.Eval = False,
    machine: options.Machines = None,
    detector: options.Detector = None,
    edition: options.Edition = None,
    ground_truth: options.GroundTruth = None,
    fail_under: Annotated[
        float | None,
        typer.Option("--fail-under", min=0, max=1, help="Exit 8 when the official score is below."),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option("--confidence", metavar="SHARE", help="Intervals of all figures, as 0.95."),
    ] = None,
    resamples: Annotated[
        int | None, typer.Option("--resamples", min=2, help="Draws of the bootstrap [1000].")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FOLDER", help="Compare all systems with this one."),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Set the edition's published results beside.")
    ] = False,
    format_: options.FormatOption = Format.TEXT,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the official score alone.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every system's tables below the leaderboard.")
    ] = False,
) -> None:
    """Compute AUC, pAUC, F1 and their means from score files.

    Any system's files can be evaluated: nothing is written into a folder that is named. Several
    systems give a leaderboard. When scores of a machine or section are missing, or results are
    mixed or out of date, the figures are printed, called partial, and the exit status is 4.

    Precision, recall and F1 count each domain's own clips; from 2022 on the AUC of a domain also
    takes the anomalous clips of the other domain.
    """
    loaded = load(config, set_, {"detector": detector, "edition": edition})
    chosen = choose_mode(mode, dev, eval_)
    console = make_console()
    from asd_cli.cli.output.evaluation_tables import print_evaluation
    from asd_cli.cli.progress import shown_events
    from asd_cli.services import evaluate as service

    request = service.EvaluateRequest(
        settings=loaded.settings,
        mode=chosen,
        folders=tuple(folders or ()),
        machines=tuple(machine or ()),
        ground_truth=ground_truth,
        fail_under=fail_under,
        confidence=confidence,
        resamples=resamples,
        baseline=baseline,
        published=published,
    )
    with shown_events(console, quiet=quiet) as events:
        result = service.evaluate(request, events)
    print_evaluation(result, format_, console, quiet=quiet, verbose=verbose)
    if result.result_csv is not None and format_ is Format.TEXT and not quiet:
        console.tell_place("written:", result.result_csv)
    service.require_quality(result, fail_under)
    service.require_complete(result)
