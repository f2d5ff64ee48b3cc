"""`asd export`."""

from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.own import own_settings, require_unused
from asd_cli.graphs.formats import ExportFormat


@exits
def export(
    *,
    machine: Annotated[
        str | None, typer.Option("--machine", "-m", metavar="NAME", help="Name of the machine.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="FILE", help="A model file instead.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="X.onnx", help="File to write [MACHINE.onnx]."),
    ] = None,
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="pt2: the network alone, for torch.")
    ] = ExportFormat.ONNX,
    opset: Annotated[
        int, typer.Option("--opset", metavar="N", help="Version of ONNX's operators, 18 to 22.")
    ] = 18,
    check: Annotated[
        list[Path] | None,
        typer.Option(
            "--check", metavar="PATH", help="Compare on these; repeatable [training recordings]."
        ),
    ] = None,
    hub: Annotated[
        Path | None,
        typer.Option("--hub", metavar="DIR", help="Write a folder for the Hugging Face hub."),
    ] = None,
    licence: Annotated[
        str, typer.Option("--licence", metavar="NAME", help="Of the model, for its card.")
    ] = "",
    microphone: Annotated[
        str, typer.Option("--microphone", metavar="TEXT", help="Which and where, for its card.")
    ] = "",
    false_alarms: Annotated[
        str, typer.Option("--false-alarms", metavar="RATE", help="Of the alarm rule it holds.")
    ] = "1/month",
    config: options.Config = None,
    set_: options.Set = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a model as one file: sound in, decision out.

    The file needs no Python: any ONNX runtime runs it. It is written only if it decides as the
    model does. `python -m asd_cli.lite X.onnx clip.wav` scores with it, by numpy, onnxruntime and
    soundfile alone.
    """
    from asd_cli.cli.progress import shown_events
    from asd_cli.services import export as service

    if model is not None:
        require_unused({"--machine": machine}, "with --model")
    request = service.ExportRequest(
        machine=machine,
        model=model,
        output=output,
        hub=hub,
        format_=format_,
        opset=opset,
        check=tuple(check or ()),
        description=service.Description(
            licence=licence,
            microphone=microphone,
            alarms=service.AlarmOptions(false_alarms=false_alarms),
        ),
        settings=own_settings(config, set_, {}),
    )
    console = make_console()
    with shown_events(console, quiet=quiet) as events:
        exported = service.export(request, events)
        if exported.check is not None:
            events.note(
                f"{exported.machine}: {exported.check.clips} clips scored by both; scores differ "
                f"by {exported.check.difference:.1e} at most, no decision differs"
            )
        names = ", ".join(map(str, exported.files))
        events.note(f"written: {names} ({exported.size / 1000:.0f} kB, {exported.detector})")
