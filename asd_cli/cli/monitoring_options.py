"""Options that `asd watch` and `asd listen` share, and what is made of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asd_cli.pipeline.monitoring.setup import MonitoringRequest
    from asd_cli.services.alarms import AlarmOptions

PANEL = "Outputs"

ModelFile = Annotated[
    Path | None,
    typer.Option("--model", metavar="X.onnx", help="Score by a file of asd export."),
]
Exec = Annotated[
    str | None,
    typer.Option("--exec", metavar="COMMAND", rich_help_panel=PANEL,
                 help="Run a program for each event; its fields are ASD_STATE, ASD_MACHINE, ..."),
]  # fmt: skip
Webhook = Annotated[
    str | None,
    typer.Option("--webhook", metavar="URL", rich_help_panel=PANEL,
                 help="Post each event as JSON; token: ASD_WEBHOOK_TOKEN."),
]  # fmt: skip
Mqtt = Annotated[
    str | None,
    typer.Option("--mqtt", metavar="HOST[:PORT]", rich_help_panel=PANEL,
                 help="Publish events and state; login: ASD_MQTT_USER, ASD_MQTT_PASSWORD."),
]  # fmt: skip
Metrics = Annotated[
    str | None,
    typer.Option("--metrics", metavar="HOST:PORT", rich_help_panel=PANEL,
                 help="Serve Prometheus metrics: 127.0.0.1:9464."),
]  # fmt: skip
Page = Annotated[
    Path | None,
    typer.Option("--page", metavar="PAGE.html", rich_help_panel=PANEL,
                 help="Write a status page each minute."),
]  # fmt: skip
Serve = Annotated[
    str | None,
    typer.Option("--serve", metavar="HOST:PORT", rich_help_panel=PANEL,
                 help="Show the page's folder, read-only, on this machine: 127.0.0.1:8080."),
]  # fmt: skip
PrintUnit = Annotated[
    bool, typer.Option("--print-unit", help="Print a systemd unit that runs this command.")
]


def monitoring_request(
    *,
    machine: list[str] | None,
    model: Path | None,
    config: Path | None,
    set_: list[str] | None,
    options: "AlarmOptions",
    exec_: str | None,
    webhook: str | None,
    mqtt: str | None,
    metrics: str | None,
    page: Path | None,
    serve: str | None,
    stale_after: float,
) -> "MonitoringRequest":
    """Make the request of a session; an exported file names its machine."""
    from asd_cli.cli.own import one_machine, own_settings, require_unused
    from asd_cli.pipeline.monitoring.exported import read_exported
    from asd_cli.pipeline.monitoring.setup import MonitoringRequest

    if model is not None:
        require_unused({"--machine": machine}, "with --model")
    name = one_machine(machine) if model is None else read_exported(model).machine
    return MonitoringRequest(
        machine=name, model=model, settings=own_settings(config, set_, {}), options=options,
        exec_=exec_, webhook=webhook, mqtt=mqtt, metrics=metrics, page=page, serve=serve,
        stale_seconds=stale_after,
    )  # fmt: skip


def unit_text(request: "MonitoringRequest", *written: Path | None) -> str:
    """Write the unit that runs the command of this process."""
    import sys

    from asd_cli.pipeline.monitoring.systemd import unit

    here = Path.cwd()
    program = Path(sys.argv[0]).absolute()
    command = [str(program), *(word for word in sys.argv[1:] if word != "--print-unit")]
    if program.name == "__main__.py":
        command = [sys.executable, "-m", "asd_cli", *command[1:]]
    folders = [request.folder, *(path for path in written if path is not None)]
    if request.page is not None:
        folders.append(request.page.parent)
    return unit(
        command, machine=request.machine, folder=here, writable=[here / path for path in folders]
    )
