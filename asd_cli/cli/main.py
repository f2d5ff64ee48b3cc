"""The `asd` command."""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from asd_cli.cli.commands import (
    alarms,
    config,
    demo,
    detectors,
    doctor,
    evaluate,
    export,
    extract,
    fetch,
    inspect,
    listen,
    models,
    pack,
    report,
    run,
    score,
    select,
    status,
    submit,
    sweep,
    train,
    update,
    watch,
)
from asd_cli.cli.commands import help as help_
from asd_cli.cli.help import Command, Group
from asd_cli.core.version import package_version

app = typer.Typer(
    name="asd",
    cls=Group,
    help="Detect anomalous machine sound when only normal recordings exist.\n\n"
    "Try it: asd demo. Own recordings: asd train --data FOLDER --machine NAME, then asd score "
    "FILES. More: asd help COMMAND.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"asd {package_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-v", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


_COMMANDS: Mapping[str, Mapping[str, Callable[..., None]]] = {
    "Start": {"demo": demo.demo, "doctor": doctor.doctor, "help": help_.help_},
    "Train and score": {"train": train.train, "score": score.score, "report": report.report},
    "Own machines": {
        "inspect": inspect.inspect,
        "update": update.update,
        "rebaseline": update.rebaseline,
        "export": export.export,
    },
    "Monitoring": {
        "alarms": alarms.alarms,
        "watch": watch.watch,
        "listen": listen.listen,
        "status": status.status,
    },
    "Challenge sets": {
        "fetch": fetch.fetch,
        "extract": extract.extract,
        "run": run.run,
        "evaluate": evaluate.evaluate,
        "submit": submit.submit,
    },
    "Several machines": {"pack": pack.pack, "sweep": sweep.sweep},
    "Detectors and settings": {"detectors": detectors.detectors, "select": select.select},
}
for _panel, _functions in _COMMANDS.items():
    for _name, _function in _functions.items():
        app.command(_name, cls=Command, rich_help_panel=_panel)(_function)
app.add_typer(models.app, name="models", rich_help_panel="Own machines")
app.add_typer(config.app, name="config", rich_help_panel="Detectors and settings")
