"""The `asd` command."""

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
    report,
    run,
    score,
    select,
    status,
    submit,
    train,
    update,
    watch,
)
from asd_cli.core.version import __version__

app = typer.Typer(
    name="asd",
    help="Detect anomalous machine sound when only normal recordings exist.\n\n"
    "Start with: asd demo. It makes a synthetic set, trains, scores, evaluates and reports, "
    "offline.\n\n"
    "Own recordings: asd inspect FOLDER, asd train --data FOLDER --machine NAME, asd score FILES."
    "\n\n"
    "Monitoring: asd alarms, asd watch FOLDER, asd listen, asd status.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"asd {__version__}")
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


app.command("fetch")(fetch.fetch)
app.command("extract")(extract.extract)
app.command("train")(train.train)
app.command("score")(score.score)
app.command("evaluate")(evaluate.evaluate)
app.command("submit")(submit.submit)
app.command("report")(report.report)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("detectors")(detectors.detectors)
app.command("select")(select.select)
app.command("doctor")(doctor.doctor)
app.command("inspect")(inspect.inspect)
app.command("update")(update.update)
app.command("export", rich_help_panel="Models")(export.export)
app.command("rebaseline")(update.rebaseline)
MONITORING = "Monitoring"
app.command("alarms", rich_help_panel=MONITORING)(alarms.alarms)
app.command("watch", rich_help_panel=MONITORING)(watch.watch)
app.command("listen", rich_help_panel=MONITORING)(listen.listen)
app.command("status", rich_help_panel=MONITORING)(status.status)
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
