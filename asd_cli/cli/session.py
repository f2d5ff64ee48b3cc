"""What extract, train, score and run share: a request, events, the end of the command."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asd_cli.cli.cluster import Cluster
from asd_cli.cli.console import Console, make_console
from asd_cli.cli.options import choose_mode, load
from asd_cli.core.errors import IncompleteError
from asd_cli.core.types import Mode

if TYPE_CHECKING:
    from asd_cli.cli.progress import RichEvents
    from asd_cli.pipeline.request import RunRequest


@dataclass(frozen=True)
class Job:
    """A command under way.

    Attributes
    ----------
    request : RunRequest
        What was asked for.
    events : RichEvents
        Progress and messages.
    console : Console
        The streams.
    """

    request: "RunRequest"
    events: "RichEvents"
    console: Console


@contextmanager
def begin(
    config: Path | None,
    overrides: list[str] | None,
    *,
    choose: tuple[Mode | None, bool, bool],
    machines: Sequence[str] | None,
    jobs: int | None,
    force: bool,
    skip_bad: bool,
    quiet: bool,
    verbose: bool,
    flags: Mapping[str, Any],
    device: str = "auto",
    cluster: Cluster | None = None,
) -> Iterator[Job]:
    """Make a request from options, and show events while the body runs."""
    from asd_cli.cli.progress import shown_events
    from asd_cli.pipeline.request import RunRequest

    loaded, where = load(config, overrides, flags), cluster or Cluster()
    request = RunRequest(
        settings=loaded.settings,
        mode=choose_mode(*choose),
        machines=tuple(machines or ()),
        device=device,
        jobs=jobs,
        force=force,
        skip_bad=skip_bad,
        engine=where.engine,
        scheduler=where.scheduler,
        rank=where.part,
    )
    console = make_console()
    with shown_events(console, quiet=quiet) as events:
        if verbose:
            for key, origin in loaded.origins.items():
                if origin != "default":
                    events.note(f"setting {key} from {origin}")
        yield Job(request, events, console)


def end(skipped: Sequence[str]) -> None:
    """Say which recordings were left out.

    Raises
    ------
    IncompleteError
        When there are any.
    """
    if skipped:
        raise IncompleteError(
            f"recordings left out: {len(skipped)}",
            skipped,
            hint="fix or remove them and run the command again",
        )
