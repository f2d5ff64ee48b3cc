"""`asd demo`."""

import shlex
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
    """Show everything at work, offline, on a synthetic set of three machines.

    Makes recordings of machines from their physics, learns the normal ones, scores the others,
    evaluates and reports. The figures say something of this program, nothing of real machines.

    Example: asd demo
    """
    console = make_console()
    from asd_cli.cli.commands.run import show_run
    from asd_cli.cli.progress import shown_events
    from asd_cli.detectors.catalogue import BEST_ENSEMBLE
    from asd_cli.services import demo as service

    request = service.DemoRequest(
        folder=folder, detector=detector or "mobilenetv2", device=device, jobs=jobs
    )
    with shown_events(console, quiet=quiet) as events:
        result = service.demo(request, events)
    show_run(result.run, format_, console, quiet=quiet)
    if not quiet:
        if detector is None:
            folders = [] if folder == _FOLDER else [str(folder)]
            again = shlex.join(["asd", "demo", "--detector", BEST_ENSEMBLE, *folders])
            console.err.print(
                f"a stronger detector on the same recordings: {again}", soft_wrap=True
            )
        console.err.print("the recordings are synthetic; for your own recordings: asd run --help")
