"""`asd report`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import choose_mode, load
from asd_cli.core.errors import IncompleteError


class ReportFormat(StrEnum):
    """What a report is written as."""

    HTML = "html"
    MD = "md"


@exits
def report(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of score files to compare [this project's results]."),
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
    no_audio: Annotated[
        bool, typer.Option("--no-audio", help="Leave the recordings out of the page.")
    ] = False,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="DIR", help="Write every chart as PNG, SVG and CSV."),
    ] = None,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="A page, or Markdown to stdout.")
    ] = ReportFormat.HTML,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Write one page: how good, where it fails, and why.

    The page is a single file that needs no network. With folders, it sets the systems in them side
    by side.
    """
    loaded = load(config, set_, {"detector": detector, "edition": edition})
    chosen = choose_mode(mode, dev, eval_)
    console = make_console()
    from asd_cli.cli.progress import shown_events
    from asd_cli.services import report as service

    request = service.ReportRequest(
        settings=loaded.settings,
        mode=chosen,
        folders=tuple(folders or ()),
        machines=tuple(machine or ()),
        audio=not no_audio,
        figures=figures,
        format=format_.value,
        ground_truth=ground_truth,
        origins=loaded.origins,
    )
    with shown_events(console, quiet=quiet) as events:
        result = service.report(request, events)
    if result.text is not None:
        console.data(result.text)
    if result.path is not None and not quiet:
        console.tell_place("written:", result.path)
    if result.path is not None and open_:
        typer.launch(str(result.path))
    if not result.complete:
        raise IncompleteError(
            "the report is of an incomplete run",
            result.problems,
            hint="finish the run and report again: asd run",
        )
