"""Events as Rich progress bars and messages on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from asd_cli.cli.console import Console


class _Amount(ProgressColumn):
    """Bytes with their speed for tasks that count bytes, done/total for all others."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes, self._speed = DownloadColumn(), TransferSpeedColumn()
        self._count = MofNCompleteColumn()

    def render(self, task: Task) -> Text:
        """Draw the amount of one task."""
        if task.fields.get("unit") != "bytes":
            return Text.assemble(self._count.render(task), " ", str(task.fields.get("unit", "")))
        return Text.assemble(self._bytes.render(task), " ", self._speed.render(task))


class RichEvents:
    """Events shown to a person.

    Parameters
    ----------
    console : Console
        Where.
    progress : rich.progress.Progress
        The live display.
    quiet : bool
        Leave notes out.
    """

    def __init__(self, console: Console, progress: Progress, *, quiet: bool) -> None:
        self._console, self._progress, self._quiet = console, progress, quiet
        self._tasks: dict[str, int] = {}
        self._warned: set[str] = set()

    def started(self, task: str, total: float | None, unit: str) -> None:
        """Show a bar."""
        self._tasks[task] = self._progress.add_task(
            self._console.safe(task), total=total, unit=unit, detail=""
        )

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        """Move the bar."""
        self._progress.update(
            self._tasks[task],  # type: ignore[arg-type]
            advance=amount,
            detail=self._console.safe(detail),
        )

    def finished(self, task: str) -> None:
        """Take the bar away."""
        self._progress.remove_task(self._tasks.pop(task))  # type: ignore[arg-type]

    def note(self, message: str) -> None:
        """Print a message unless quiet."""
        if not self._quiet:
            self._progress.console.print(self._console.safe(message))

    def warning(self, message: str) -> None:
        """Print a warning, once: several steps of a command may look at the same recordings."""
        if message in self._warned:
            return
        self._warned.add(message)
        self._progress.console.print(f"warning: {self._console.safe(message)}", style="yellow")


@contextmanager
def shown_events(console: Console, *, quiet: bool) -> Iterator[RichEvents]:
    """Show events while the body runs; piped, messages only."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        _Amount(),
        TimeRemainingColumn(),
        TextColumn(
            "{task.fields[detail]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        console=console.err,
        transient=True,
        disable=quiet or not console.err.is_interactive,
    )
    with progress:
        yield RichEvents(console, progress, quiet=quiet)
