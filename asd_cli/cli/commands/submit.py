"""`asd submit`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat, choose_mode, load
from asd_cli.core.types import Mode


@exits
def submit(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of score files [this project's results].")
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The zip file [FOLDER's name.zip]."),
    ] = None,
    config: options.Config = None,
    set_: options.Set = None,
    mode: Annotated[
        Mode | None, typer.Option("--mode", help="What is submitted [default: eval].")
    ] = None,
    dev: options.Dev = False,
    eval_: options.Eval = False,
    detector: options.Detector = None,
    edition: options.Edition = None,
    ground_truth: Annotated[
        Path | None,
        typer.Option("--ground-truth", metavar="DIR", help="Official labels: they name the clips."),
    ] = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
    quiet: options.Quiet = False,
) -> None:
    """Check a challenge submission and pack it.

    All machines, sections and domains, scores and decisions of every clip. Everything that is
    wrong is listed at once. The same files give the same zip file, byte for byte.
    """
    loaded = load(config, set_, {"detector": detector, "edition": edition})
    asked = mode is not None or dev or eval_
    chosen = choose_mode(mode, dev, eval_) if asked else Mode.EVAL
    console = make_console()
    from asd_cli.services import submit as service

    request = service.SubmitRequest(
        settings=loaded.settings,
        mode=chosen,
        folder=folder,
        output=output,
        ground_truth=ground_truth,
    )
    result = service.submit(request)
    if format_ is ShortFormat.JSON:
        facts = {
            "schema": "asd.submit/1",
            "edition": loaded.settings.edition,
            "mode": chosen.value,
            "path": str(result.path),
            "files": result.files,
            "clips": result.clips,
            "sha256": result.sha256,
            "checked_against": list(result.checked_against),
        }
        console.data(json.dumps(facts, indent=2))
    else:
        console.data(console.safe(result.path))
    if not quiet:
        console.err.print(
            f"valid: {result.files} files, {result.clips:,} clips, checked against "
            f"{' and '.join(result.checked_against)}; sha256 {result.sha256}"
        )
