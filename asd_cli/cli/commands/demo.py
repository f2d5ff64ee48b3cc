"""`asd demo`."""

from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import Format

_FOLDER = Path("asd_demo")


@exits
def demo(
    folder: Annotated[Path, typer.Argument(help="Where everything goes.")] = _FOLDER,
    *,
    detector: options.Detector = None,
    device: options.Device = "auto",
    jobs: options.Jobs = None,
    format_: options.FormatOption = Format.TEXT,
    quiet: options.Quiet = False,
) -> None:
    """Try everything offline on a synthetic set.

    Makes recordings of three machines from their physics, learns the normal ones, scores the
    others, evaluates and reports: by the baseline and by the default detector of own machines.
    The figures say something of this program, nothing of real machines.
    """
    console = make_console()
    from dataclasses import replace

    from asd_cli.cli.output.demo_table import demo_table
    from asd_cli.cli.output.evaluation_tables import print_evaluation
    from asd_cli.cli.output.tables import print_table
    from asd_cli.cli.progress import shown_events
    from asd_cli.services import demo as service

    request = service.DemoRequest(folder=folder, device=device, jobs=jobs)
    if detector is not None:
        request = replace(request, detectors=(detector,))
    with shown_events(console, quiet=quiet) as events:
        result = service.demo(request, events)
    systems = tuple(system for run in result.runs for system in run.evaluation.systems)
    if quiet or format_ is not Format.TEXT:
        together = replace(result.runs[-1].evaluation, systems=systems)
        print_evaluation(together, format_, console, quiet=quiet)
        return
    print_table(demo_table(systems), console)
    report = result.runs[-1].report.path
    if report is not None:
        console.tell_place("report:", report)
    console.err.print("own recordings: asd train --data FOLDER --machine NAME; asd score FILES")
