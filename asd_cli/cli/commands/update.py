"""`asd update` and `asd rebaseline`."""

from pathlib import Path
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.own import one_machine, own_settings, show_trained
from asd_cli.cli.session import end
from asd_cli.core.errors import UsageError


@exits
def update(
    *,
    normal: Annotated[
        list[Path] | None,
        typer.Option("--normal", metavar="PATH", help="Recordings of normal sound; repeatable."),
    ] = None,
    responses: Annotated[
        Path | None,
        typer.Option("--responses", metavar="FILE", help="What the status page saved."),
    ] = None,
    machine: options.Machines = None,
    config: options.Config = None,
    set_: options.Set = None,
    jobs: options.Jobs = None,
    skip_bad: options.SkipBad = False,
    quiet: options.Quiet = False,
) -> None:
    """Add recordings as normal: false alarms, new states.

    Makes a new version of the model of a machine of your own. The version before is kept.
    """
    normal = list(normal or ())
    if responses is not None:
        from asd_cli.services.own_update import normal_sounds

        normal.extend(normal_sounds(responses, one_machine(machine)))
    if not normal:
        raise UsageError("no recordings are named", hint="give some: --normal new/good.wav")
    _change("update", normal, machine, config, set_, reason="", jobs=jobs, skip_bad=skip_bad,
            quiet=quiet)  # fmt: skip


@exits
def rebaseline(
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="PATH", help="Recordings of after it; repeatable."),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="What was done to the machine.")
    ] = "",
    machine: options.Machines = None,
    config: options.Config = None,
    set_: options.Set = None,
    jobs: options.Jobs = None,
    skip_bad: options.SkipBad = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a new version of a model after maintenance.

    Few recordings give the centre of normal sound, those from before how it varies. The version
    before is kept: asd models rollback. Nothing does this by itself.
    """
    if not data:
        raise UsageError("no recordings are named", hint="give some: --data after/")
    _change("rebaseline", data, machine, config, set_, reason=reason, jobs=jobs,
            skip_bad=skip_bad, quiet=quiet)  # fmt: skip


def _change(
    verb: str,
    paths: list[Path],
    machine: list[str] | None,
    config: Path | None,
    set_: list[str] | None,
    *,
    reason: str,
    jobs: int | None,
    skip_bad: bool,
    quiet: bool,
) -> None:
    from asd_cli.cli.progress import shown_events
    from asd_cli.services import own_update as service

    request = service.UpdateRequest(
        machine=one_machine(machine), paths=tuple(paths), reason=reason, jobs=jobs,
        skip_bad=skip_bad, settings=own_settings(config, set_, {}),
    )  # fmt: skip
    make = service.update if verb == "update" else service.rebaseline
    console = make_console()
    with shown_events(console, quiet=quiet) as events:
        trained = make(request, events)
        show_trained(trained, events, console)
    end(trained.skipped)
